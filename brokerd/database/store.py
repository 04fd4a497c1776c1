"""The database file: opened, migrated and used in a worker thread, crash-safe by its write-ahead log.

A file that is damaged is put aside and its last backup takes its place; a file that another program holds, or
that a newer broker wrote, is left alone. Either is said in C{warnings}.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from brokerd.database import backups
from brokerd.database.schema import MIGRATIONS, UnknownSchema, check_version, migrate
from brokerd.errors import ApiError, HostUnavailable, StorageFull
from brokerd.threads import WorkerThreads

__all__ = ["Database"]

log = Logger()
T = TypeVar("T")

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_BACKUP_PERIOD = 24 * 3600.0  # seconds


def _damaged(error: sqlite3.Error) -> bool:
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGED


@define(eq=False, repr=False, slots=False)
class Database(Service):
    """One SQLite file.

    @ivar path: where it is.
    @ivar backups: the folder of its backups.
    @ivar warnings: what went wrong with it; for C{server.info}.
    """

    _reactor: IReactorFromThreads
    path: Path
    backups: Path = field()
    warnings: list[str] = field(init=False, factory=list)
    _threads: WorkerThreads = field(init=False)
    _connection: sqlite3.Connection | None = field(init=False, default=None)
    _saving: LoopingCall = field(init=False)

    @backups.default
    def _beside(self) -> Path:
        return self.path.parent / "backup"

    def __attrs_post_init__(self) -> None:
        self._threads = WorkerThreads(self._reactor, "brokerd-database", 1)
        self._saving = LoopingCall(lambda: self._threads.run(self._save))
        self._saving.clock = cast(IReactorTime, self._reactor)

    def startService(self) -> None:
        super().startService()
        self._threads.startService()
        opening = self._threads.run(self._try_open)
        opening.addErrback(lambda failure: log.failure("opening {path}", failure, path=self.path))
        saving = self._saving.start(_BACKUP_PERIOD, now=False)
        saving.addErrback(lambda failure: log.failure("saving {path}", failure, path=self.path))

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do C{work} in the database's thread, as one transaction.

        @raise ApiError: if the database fails; the transaction is rolled back.
        """
        return await self._threads.run(self._transact, work)

    async def maintain(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do C{work} in the database's thread, outside of any transaction.

        @raise ApiError: if the database fails.
        """
        return await self._threads.run(self._guarded, work)

    async def replace(self, source: Path) -> None:
        """Let a copy of the backup C{source} take the database's place; the file as it was stays beside it.

        @raise ApiError: if C{source} is no backup that this broker can use; nothing is changed then.
        """
        await self._threads.run(self._replace, source)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        if self._saving.running:
            self._saving.stop()
        closing = self._threads.run(self._close)
        return closing.addBoth(lambda _: self._threads.stopService())

    # All that follows runs in the database's thread.

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def transaction(connection: sqlite3.Connection) -> T:
            with connection:
                return work(connection)

        return self._guarded(transaction)

    def _guarded(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self._try_open()
        if self._connection is None:
            raise HostUnavailable(f"the database is not open: {self.warnings[-1]}")
        try:
            return work(self._connection)
        except sqlite3.DatabaseError as error:
            if _damaged(error):
                self._recover(error)
            raise _told(error) from error

    def _try_open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = self._connect(check=True)
        except UnknownSchema as error:
            self._warn(str(error))
        except sqlite3.DatabaseError as error:
            if _damaged(error):
                self._recover(error)
            else:
                self._warn(f"the database {self.path} can't be used: {error}")
        if self._connection is not None:
            self._save()

    def _recover(self, error: sqlite3.Error) -> None:
        """Put the damaged file aside and go on with its newest usable backup, or with nothing."""
        self._close()
        aside = self.path.with_suffix(".corrupt")
        if self.path.exists():
            self.path.replace(aside)
        self._remove_journal()
        source = backups.newest_usable(self.backups, len(MIGRATIONS))
        if source is not None:
            backups.copy_into_place(source, self.path)
        result = f"its backup {source.name} took its place" if source is not None else "started anew"
        self._warn(f"the database was damaged ({error}): put aside as {aside}, {result}")
        self._connection = self._connect(check=False)

    def _connect(self, check: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path)
        try:
            connection.execute("PRAGMA busy_timeout = 5000")
            check_version(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            if check:
                (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if verdict != "ok":
                    error = sqlite3.DatabaseError(verdict)
                    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                    raise error
            migrate(connection, lambda: backups.save(connection, self.backups / backups.BEFORE_MIGRATION))
        except BaseException:
            connection.close()
            raise
        return connection

    def _replace(self, source: Path) -> None:
        backups.check(source, len(MIGRATIONS))
        self._close()
        if self.path.exists():
            self.path.replace(self.path.with_suffix(".replaced"))
        self._remove_journal()
        backups.copy_into_place(source, self.path)
        self._connection = self._connect(check=True)

    def _save(self) -> None:
        """Keep a copy that is at most a day old."""
        if self._connection is None:
            return
        try:
            backups.save_if_old(self._connection, self.backups / backups.AUTOMATIC, _BACKUP_PERIOD)
        except (OSError, sqlite3.Error) as error:
            self._warn(f"the database can't be backed up: {error}")

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
            log.error("{text}", text=text)

    def _remove_journal(self) -> None:
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _told(error: sqlite3.DatabaseError) -> ApiError:
    """What the caller is told."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY:
        return HostUnavailable("the database is locked by another program")
    if code == sqlite3.SQLITE_FULL:
        return StorageFull("the database: the disk is full")
    if code in _DAMAGED:
        return HostUnavailable("the database was damaged; its backup has taken its place: try again")
    return ApiError(f"the database failed: {error}")
