"""The database file: opened, migrated and used in a worker thread, crash-safe by its write-ahead log."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from brokerd.threads import WorkerThreads

__all__ = ["Database"]

log = Logger()
T = TypeVar("T")

# Each entry brings a database from version n to n + 1.
_MIGRATIONS = (
    """
    CREATE TABLE items (
        namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (namespace, key)
    ) WITHOUT ROWID;
    CREATE TABLE jobs (
        job INTEGER PRIMARY KEY AUTOINCREMENT,
        filename TEXT NOT NULL, status TEXT NOT NULL, user TEXT,
        start_time REAL NOT NULL, end_time REAL,
        print_duration REAL NOT NULL, total_duration REAL NOT NULL, filament_used REAL NOT NULL,
        metadata BLOB NOT NULL
    );
    CREATE INDEX jobs_by_start ON jobs (start_time);
    CREATE TABLE job_totals (
        name TEXT PRIMARY KEY, value REAL NOT NULL
    ) WITHOUT ROWID;
    """,
)


@define(eq=False, slots=False)
class Database(Service):
    """One SQLite file.

    @ivar warnings: what went wrong when it was opened; for C{server.info}.
    """

    _reactor: IReactorFromThreads
    _path: Path
    warnings: list[str] = field(init=False, factory=list)
    _threads: WorkerThreads = field(init=False)
    _connection: sqlite3.Connection | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._threads = WorkerThreads(self._reactor, "brokerd-database", 1)

    def startService(self) -> None:
        super().startService()
        self._threads.startService()
        opening = self._threads.run(self._open)
        opening.addErrback(lambda failure: log.failure("opening {path}", failure, path=self._path))

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do C{work} in the database's thread, as one transaction.

        @raise sqlite3.Error: if the database fails; the transaction is rolled back.
        """
        return await self._threads.run(self._transact, work)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        closing = self._threads.run(self._close)
        return closing.addBoth(lambda _: self._threads.stopService())

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            raise sqlite3.OperationalError(f"the database {self._path} is not open")
        with self._connection:
            return work(self._connection)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = self._connect()
        except sqlite3.DatabaseError as error:
            aside = self._path.with_suffix(".corrupt")
            self._path.replace(aside)
            for suffix in ("-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
            self.warnings.append(f"the database was unreadable ({error}): put aside as {aside}, started anew")
            log.error("{warning}", warning=self.warnings[-1])
            self._connection = self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA busy_timeout = 5000")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
            connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT;")
        return connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
