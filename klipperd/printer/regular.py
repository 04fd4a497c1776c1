"""Call something every so often between the printer's C{ready} and its end."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

__all__ = ["Regular"]

_log = Logger()


@define(eq=False)
class Regular:
    """Calls C{what} at once and then every C{seconds}; a fault is logged and ends it."""

    _clock: IReactorTime
    _seconds: float
    _what: Callable[[], None]
    _loop: LoopingCall = field(init=False)

    @_loop.default
    def _make_loop(self) -> LoopingCall:
        loop = LoopingCall(self._what)
        loop.clock = self._clock
        return loop

    def start(self) -> None:
        """Begin."""
        if not self._loop.running:
            self._loop.start(self._seconds).addErrback(lambda f: _log.failure("a regular call ended", f))

    def stop(self) -> None:
        """End; harmless when it does not run."""
        if self._loop.running:
            self._loop.stop()
