"""The one way to run other programs: bounded in time and output, ended with the broker."""

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IReactorProcess, IReactorTime
from twisted.internet.process import reapAllProcesses
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

__all__ = ["Ended", "ProgramFailed", "Programs"]

_REAP_PERIOD = 0.05  # seconds, while a program runs
_LONGEST = 8 * 1024 * 1024  # bytes of output that are kept


class ProgramFailed(Exception):
    """A program could not do what it was asked for; the text names it and repeats its last words.

    @ivar output: all that it said.
    """

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


@frozen
class Ended:
    """A program that has ended.

    @ivar code: its exit status; negative for the signal that ended it.
    @ivar output: what it wrote to its standard output.
    @ivar errors: what it wrote to its standard error.
    """

    name: str
    code: int
    output: str
    errors: str

    def check(self) -> str:
        """Its output.

        @raise ProgramFailed: if it did not end with 0.
        """
        if self.code == 0:
            return self.output
        words = (self.errors.strip() or self.output.strip()).splitlines()[-3:]
        how = f"ended with {self.code}" if self.code >= 0 else f"was ended by signal {-self.code}"
        said = f": {' / '.join(words)}" if words else ""
        raise ProgramFailed(f"{self.name} {how}{said}"[:500], self.output + self.errors)


class _Watched(ProcessProtocol):
    """A program while it runs.

    @ivar done: fires once it has ended.
    @ivar killed: why it was killed, or nothing.
    """

    def __init__(self, name: str, content: bytes, line: Callable[[str], None] | None) -> None:
        self.done: Deferred[Ended] = Deferred()
        self.killed = ""
        self._name, self._content, self._line = name, content, line
        self._parts: dict[int, list[bytes]] = {1: [], 2: []}
        self._size, self._rest = 0, b""

    def connectionMade(self) -> None:
        assert self.transport is not None
        if self._content:
            self.transport.write(self._content)
        self.transport.closeStdin()

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._size += len(data)
        if self._size <= _LONGEST:
            self._parts[childFD].append(data)
        if self._line is not None:
            *lines, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
            for each in lines:
                self._line(each.decode("utf-8", "replace"))

    def processEnded(self, reason: Failure) -> None:
        if self._line is not None and self._rest:
            self._line(self._rest.decode("utf-8", "replace"))
        status: Any = reason.value
        code = status.exitCode if status.exitCode is not None else -(status.signal or 1)
        out, errors = (b"".join(self._parts[each]).decode("utf-8", "replace") for each in (1, 2))
        self.done.callback(Ended(self._name, code, out, errors))

    def kill(self, why: str) -> None:
        """End it. Its descendants may hold its pipes open, so these are closed on this side."""
        self.killed = why
        if self.transport is None:
            return
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")
        self.transport.loseConnection()


@define(eq=False, repr=False)
class Programs:
    """Runs programs.

    @ivar _reactor: processes and time.
    """

    _reactor: Any
    _running: set[_Watched] = field(init=False, factory=set)
    _reaping: IDelayedCall | None = field(init=False, default=None)

    async def run(
        self,
        *words: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout: float = 60.0,
        line: Callable[[str], None] | None = None,
    ) -> Ended:
        """Run a program to its end.

        @param words: the program and its arguments; no shell reads them.
        @param env: added to the environment.
        @param content: its standard input.
        @param timeout: seconds after which it is killed.
        @param line: told of each line that it writes.
        @raise ProgramFailed: if there is no such program, or it took too long.
        """
        argv = [os.fspath(each) for each in words]
        watched = _Watched(os.path.basename(argv[0]), content, line)
        processes: IReactorProcess = self._reactor
        clock: IReactorTime = self._reactor
        environment = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
        try:
            processes.spawnProcess(
                watched, _found(argv[0]), argv, environment, None if cwd is None else str(cwd)
            )
        except OSError as error:
            raise ProgramFailed(f"{argv[0]}: {error.strerror}") from None
        self._running.add(watched)
        self._plan_reaping()
        late = clock.callLater(timeout, watched.kill, f"did not end within {timeout:g} s")
        told: Deferred[Ended] = Deferred(lambda _: watched.kill("was broken off"))
        watched.done.addCallback(self._over, watched, late, told)
        ended = await told
        if watched.killed:
            raise ProgramFailed(f"{ended.name} {watched.killed}", ended.output + ended.errors)
        return ended

    # uvloop keeps SIGCHLD to itself: the end of a program that closed its output before would go unnoticed.

    def _plan_reaping(self) -> None:
        if self._reaping is None and self._running:
            clock: IReactorTime = self._reactor
            self._reaping = clock.callLater(_REAP_PERIOD, self._reap)

    def _reap(self) -> None:
        self._reaping = None
        reapAllProcesses()
        self._plan_reaping()

    def _over(self, ended: Ended, watched: _Watched, late: IDelayedCall, told: Deferred[Ended]) -> Ended:
        self._running.discard(watched)
        if late.active():
            late.cancel()
        if not self._running and self._reaping is not None:
            reaping, self._reaping = self._reaping, None
            reaping.cancel()
        if not told.called:
            told.callback(ended)
        return ended

    def cancel(self) -> Deferred[Any]:
        """Kill all that runs; fires when all has ended."""
        ending: list[Deferred[None]] = []
        for running in list(self._running):
            ended: Deferred[None] = Deferred()
            running.done.addBoth(_tell, ended)
            ending.append(ended)
            running.kill("was broken off")
        return DeferredList(ending)


def _found(name: str) -> str:
    """The path of a program.

    @raise ProgramFailed: if it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise ProgramFailed(f"{name} is not installed")
    return path


def _tell(result: Any, ended: Deferred[None]) -> Any:
    ended.callback(None)
    return result
