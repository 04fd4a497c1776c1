"""Set an output at print times, however fast the requests come.

An output is set at most every C{SPACING} seconds; of requests that come faster only the latest counts, so
that they can never pile up into the future.
"""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["LEAD", "SPACING", "TimedOutput"]

SPACING = 0.100
"""Least seconds between two settings of one output."""

LEAD = 0.300
"""Seconds from the decision to an output's change, when no move says otherwise: time for the link."""

_EPSILON = 1e-6


@define(eq=False, repr=False)
class TimedOutput:
    """C{send(print_time, value)} sets it; C{print_time_at(seconds)} turns host time to print time."""

    _clock: IReactorTime
    _print_time_at: Callable[[float], float]
    _send: Callable[[float, float], None]
    _free: float = field(init=False, default=0.0)
    _held: tuple[float, float] | None = field(init=False, default=None)
    _timer: IDelayedCall | None = field(init=False, default=None)

    def print_time_now(self) -> float:
        """The print time at which a change asked for now can happen."""
        return self._print_time_at(self._clock.seconds()) + LEAD

    def set_soon(self, value: float) -> None:
        """Set the output as soon as possible."""
        self.set(self.print_time_now(), value)

    def set(self, print_time: float, value: float) -> None:
        """Set the output at C{print_time}, or as soon after it as possible."""
        print_time = max(print_time, self.print_time_now())
        if self._held is not None and print_time >= self._held[0] + SPACING - _EPSILON:
            self._send_held()
        if self._held is not None:
            self._held = (max(self._held[0], print_time), value)
        elif print_time >= self._free - _EPSILON:
            self._send_at(print_time, value)
        else:
            self._hold(self._free, value)

    def _send_at(self, print_time: float, value: float) -> None:
        self._free = print_time + SPACING
        self._send(print_time, value)

    def _hold(self, print_time: float, value: float) -> None:
        self._held = (print_time, value)
        wait = max(print_time - self.print_time_now(), 0.0)
        self._timer = self._clock.callLater(wait, self._send_held)

    def _send_held(self) -> None:
        held, self._held = self._held, None
        self.cancel_timer()
        if held is not None:
            self._send_at(max(held[0], self._free, self.print_time_now()), held[1])

    def cancel_timer(self) -> None:
        """Forget a change that waits; for the end of the printer."""
        timer, self._timer = self._timer, None
        self._held = None
        if timer is not None and timer.active():
            timer.cancel()
