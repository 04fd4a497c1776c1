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
    """Calls C{what} at once and then every C{seconds}; a fault is logged and it goes on."""

    _clock: IReactorTime
    _seconds: float
    _what: Callable[[], None]
    _loop: LoopingCall = field(init=False)
    _failed: bool = field(init=False, default=False)

    @_loop.default
    def _make_loop(self) -> LoopingCall:
        loop = LoopingCall(self._call)
        loop.clock = self._clock
        return loop

    def _call(self) -> None:
        try:
            self._what()
        except Exception:
            # A fan's or a watch's one bad moment must not be the end of it. Its log shall not fill the disk.
            if not self._failed:
                _log.failure("a regular call failed; it goes on")
            self._failed = True
        else:
            self._failed = False

    def start(self) -> None:
        """Begin."""
        if not self._loop.running:
            self._loop.start(self._seconds)

    def stop(self) -> None:
        """End; harmless when it does not run."""
        if self._loop.running:
            self._loop.stop()
