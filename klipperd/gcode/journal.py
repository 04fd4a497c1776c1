"""What is being printed and how far, on disk, so that it is known after the process was killed.

The file is replaced at most once a second and off the reactor; it exists only while a print is under way.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import orjson
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from klipperd.workers import Workers

__all__ = ["Interrupted", "PrintJournal"]

_log = Logger()

_EVERY = 1.0
_SYNC_EVERY = 10.0
"""Seconds between two writes that are forced to the medium: what a power cut may cost, and no more wear
than that on an SD card. A killed process loses nothing of the writes between."""


@frozen
class Interrupted:
    """A print that was under way when the host ended without a word."""

    filename: str
    position: int
    size: int
    line: int

    def describe(self) -> str:
        """For the user."""
        share = 100.0 * self.position / self.size if self.size else 0.0
        where = f"byte {self.position} of {self.size} ({share:.1f} %)"
        return f"The print of {self.filename} was interrupted at {where}, line {self.line}"


def _read(path: str) -> Interrupted | None:
    try:
        with open(path, "rb") as source:
            record = orjson.loads(source.read())
        return Interrupted(
            str(record["filename"]), int(record["position"]), int(record["size"]), int(record["line"])
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        _log.failure("the record of the last print in {path} cannot be read", path=path)
        return None


def _write(path: str, record: dict[str, Any], sync: bool) -> None:
    temporary = f"{path}.new"
    with open(temporary, "wb") as target:
        target.write(orjson.dumps(record))
        if sync:
            target.flush()
            os.fsync(target.fileno())
    os.replace(temporary, path)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


@define(eq=False, repr=False)
class PrintJournal:
    """The record at C{path}. C{look} gives the present record, or None when nothing is being printed."""

    path: str
    _clock: IReactorTime
    _workers: Workers
    _look: Callable[[], dict[str, Any] | None]
    _timer: IDelayedCall | None = field(default=None, init=False)
    _writing: "Deferred[None] | None" = field(default=None, init=False)
    _on_disk: dict[str, Any] | None = field(factory=dict, init=False)
    _frozen: bool = field(default=False, init=False)
    _synced: float = field(default=-_SYNC_EVERY, init=False)

    async def read(self) -> Interrupted | None:
        """The print that was under way when the last process ended."""
        return await self._workers.run(_read, self.path)

    def start(self) -> None:
        """Keep the record up to date from now on."""
        self._frozen = False
        if self._timer is None:
            self._tick()

    def freeze(self) -> None:
        """Write down how far it is, and leave that as it is even when nothing is printed any more."""
        if self._timer is not None and self._writing is None:
            self._update()
        self._frozen = True

    async def stop(self) -> None:
        """Stop writing; the record stays as it is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._written()

    async def flush(self) -> None:
        """Bring the record up to date now."""
        await self._written()
        self._frozen = False
        self._update()
        await self._written()

    async def _written(self) -> None:
        if self._writing is not None:
            waiting: Deferred[None] = Deferred()
            self._writing.addCallback(lambda _: waiting.callback(None))
            await waiting

    def _tick(self) -> None:
        self._timer = self._clock.callLater(_EVERY, self._tick)
        if self._writing is None:
            self._update()

    def _update(self) -> None:
        record = self._look()
        if record == self._on_disk or self._frozen:
            return
        if record is None:
            writing = self._workers.run(_remove, self.path)
        else:
            now = self._clock.seconds()
            sync = now - self._synced >= _SYNC_EVERY
            self._synced = now if sync else self._synced
            writing = self._workers.run(_write, self.path, record, sync)
        self._on_disk = record
        self._writing = writing
        writing.addErrback(self._failed)
        writing.addBoth(self._done)

    def _failed(self, failure: Failure) -> None:
        self._on_disk = {}
        _log.warn("cannot keep the record of the print: {error}", error=failure.getErrorMessage())

    def _done(self, _result: object) -> None:
        self._writing = None
