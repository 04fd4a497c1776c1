"""Call something every so often between the printer's C{ready} and its end."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["Regular"]

_log = Logger()


@define(eq=False, repr=False)
class Regular:
    """Calls C{what} at once and then every C{seconds}; a fault is logged and it goes on.

    Times are multiples of C{seconds} from the start; those that are missed are left out. (Twisted's
    LoopingCall would import the global reactor, which a batch run has no use for.)
    """

    _clock: IReactorTime
    _seconds: float
    _what: Callable[[], None]
    _began: float = field(init=False, default=0.0)
    _running: bool = field(init=False, default=False)
    _next: IDelayedCall | None = field(init=False, default=None)
    _failed: bool = field(init=False, default=False)

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

    def _turn(self) -> None:
        self._next = None
        self._call()
        if self._running:
            late = (self._clock.seconds() - self._began) % self._seconds
            # The remainder of a time that rounding put just before its turn is a whole period.
            wait = self._seconds - late
            self._next = self._clock.callLater(
                wait if wait > 1e-6 * self._seconds else self._seconds, self._turn
            )

    def start(self) -> None:
        """Begin."""
        if not self._running:
            self._began, self._running = self._clock.seconds(), True
            self._turn()

    def stop(self) -> None:
        """End; harmless when it does not run."""
        self._running = False
        if self._next is not None:
            self._next.cancel()
            self._next = None
