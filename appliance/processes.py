"""Child processes of the appliance: the simulated MCUs and the host MCU, restarted when they die."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IProcessTransport, IReactorProcess
from twisted.internet.process import reapAllProcesses
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["ChildProcess"]

_log = Logger()

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
_STEADY_AFTER = 10.0
"""A child that lived this long (s) starts again after the shortest delay."""
_KILL_AFTER = 2.0
"""A child that does not go within this time (s) after SIGTERM is killed."""
_REAP_PERIOD = 0.2
"""Seconds between two looks for children that have ended, while one runs. uvloop keeps SIGCHLD to itself: the
end of a child whose pipes closed before it could be waited for would go unnoticed."""


@define(eq=False, repr=False, slots=False)
class _Watch(ProcessProtocol):
    """Logs what the child says and tells when it has gone."""

    name: str
    ended: Callable[[Failure], None]
    _rest: bytes = field(init=False, default=b"")

    def outReceived(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            _log.info("{name}: {line}", name=self.name, line=line.decode(errors="replace"))

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        self.ended(reason)


@define(eq=False, repr=False, slots=False)
class ChildProcess(Service):
    """Keeps C{command} running. C{on_exit} runs each time the child has gone, before it is restarted."""

    reactor: Any  # IReactorProcess and IReactorTime
    label: str
    command: Sequence[str]
    on_exit: Callable[[], None] = lambda: None
    _process: IProcessTransport | None = field(init=False, default=None)
    _again: IDelayedCall | None = field(init=False, default=None)
    _killing: IDelayedCall | None = field(init=False, default=None)
    _reaping: IDelayedCall | None = field(init=False, default=None)
    _gone: "Deferred[None] | None" = field(init=False, default=None)
    _delay: float = field(init=False, default=_FIRST_DELAY)
    _started_at: float = field(init=False, default=0.0)

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return None if self._process is None else self._process.pid

    def startService(self) -> None:
        """Start the child."""
        super().startService()
        self._spawn()

    def stopService(self) -> "Deferred[None] | None":
        """Ask the child to go, kill it if it does not; fires when it has gone."""
        super().stopService()
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._process is None:
            return None
        self._gone = Deferred()
        self._signal("TERM")
        self._killing = self.reactor.callLater(_KILL_AFTER, self._signal, "KILL")
        return self._gone

    def _signal(self, name: str) -> None:
        if self._process is not None:
            try:
                self._process.signalProcess(name)
            except ProcessExitedAlready:
                _log.debug("{name} has gone already", name=self.label)

    def _spawn(self) -> None:
        self._again = None
        self._started_at = self.reactor.seconds()
        self._reaping = self.reactor.callLater(_REAP_PERIOD, self._reap)
        assert IReactorProcess.providedBy(self.reactor)
        watch = _Watch(self.label, self._ended)
        with open(os.devnull) as nothing:
            # A child without a standard input would take its first file for one.
            fds: dict[int, Any] = {0: nothing.fileno(), 1: "r", 2: "r"}
            # A session of its own: a ^C at the terminal is for the appliance, which ends its children.
            command = ["setsid", *self.command]
            self._process = self.reactor.spawnProcess(watch, command[0], command, env=None, childFDs=fds)

    def _reap(self) -> None:
        self._reaping = self.reactor.callLater(_REAP_PERIOD, self._reap)
        reapAllProcesses()

    def _ended(self, reason: Failure) -> None:
        self._process = None
        if self._reaping is not None and self._reaping.active():
            self._reaping.cancel()
        self.on_exit()
        if self._killing is not None and self._killing.active():
            self._killing.cancel()
        gone, self._gone = self._gone, None
        if gone is not None:
            gone.callback(None)
        if not self.running:
            return
        lived = self.reactor.seconds() - self._started_at
        self._delay = _FIRST_DELAY if lived > _STEADY_AFTER else min(2 * self._delay, _LONGEST_DELAY)
        _log.warn(
            "{name} ended ({reason}); again in {delay:.1f} s",
            name=self.label,
            reason=reason.getErrorMessage(),
            delay=self._delay,
        )
        self._again = self.reactor.callLater(self._delay, self._spawn)
