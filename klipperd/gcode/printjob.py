"""One print file from the moment it's chosen until it is let go: run, pause, go on, end."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from klipperd.errors import CommandError
from klipperd.gcode.errors import MalformedGcode
from klipperd.gcode.filerun import Ended, FileRun
from klipperd.gcode.printfile import PrintFile

__all__ = ["JobListener", "PrintJob"]

_log = Logger()


class JobListener(Protocol):
    """Told how a job goes."""

    def started(self) -> None:
        """Lines are executed from now on."""

    def paused(self, message: str) -> None:
        """No further line is executed; the job can go on."""

    def completed(self) -> None:
        """The file was executed to its end, and all moves are done."""

    async def failed(self, message: str) -> None:
        """A line failed; the job can't go on."""

    async def malformed(self, message: str) -> None:
        """A line could not be understood, and was skipped; the job pauses."""


@define(eq=False, repr=False)
class PrintJob:
    """A file that is printed, or could be. C{settle} waits until its last moves are done."""

    file: PrintFile
    run: FileRun
    _clock: IReactorTime
    _listener: JobListener
    _settle: Callable[[], Awaitable[None]]
    _working: "Deferred[None] | None" = field(default=None, init=False)
    _released: bool = field(default=False, init=False)
    _busy: bool = field(default=False, init=False)

    @property
    def active(self) -> bool:
        """Lines are being executed, and will be further."""
        return self._busy and not self.run.stopping

    def start(self) -> None:
        """Execute lines, from the beginning or from where the job was paused."""
        if self._busy:
            self.run.go_on()
        else:
            self._busy = True
            self._working = Deferred.fromCoroutine(self._work())
            self._working.addErrback(self._broken)
        self._listener.started()

    def pause(self, message: str = "") -> None:
        """Execute no line after the present one."""
        if self.active:
            self.run.stop()
            self._listener.paused(message)

    def release(self) -> None:
        """End the job and close its file once the present line is done."""
        self._released = True
        self.run.stop()
        if not self._busy:
            self.file.close()

    def abort(self) -> None:
        """End the job even if the present line would never be done (the printer has shut down)."""
        self.release()
        if self._busy and self._working is not None:
            # The one who asks may be the present line itself.
            self._clock.callLater(0, self._working.cancel)

    async def _work(self) -> None:
        try:
            await self._execute()
        except CancelledError:
            pass
        finally:
            self._busy = False
            if self._released:
                self.file.close()

    async def _execute(self) -> None:
        while True:
            try:
                ended = await self.run.run()
                if ended is Ended.COMPLETE and not self._released:
                    await self._settle()
            except MalformedGcode as error:
                self.run.stop()
                await self._listener.malformed(str(error))
            except CommandError as error:
                self.run.stop()
                if not self._released:
                    await self._listener.failed(f"{error}\n{self._where()}")
                return
            else:
                if ended is Ended.COMPLETE and not self._released:
                    self._listener.completed()
                return
            if self.run.stopping:
                return

    def _where(self) -> str:
        return f"in line {self.run.line_number} (byte {self.run.line_offset}) of {self.file.name}"

    def _broken(self, failure: Failure) -> None:
        _log.failure("the print of {name} ended by a fault", failure, name=self.file.name)
        Deferred.fromCoroutine(self._listener.failed(f"Internal error: {failure.value!r}"))
