"""Where an MCU's clock stands at a time of the host: a line through round trips of C{get_clock}.

Pure arithmetic.  Times are seconds of the host's clock, clocks are MCU ticks (64 bits).
"""

from collections import deque

from attrs import define, field, frozen

__all__ = ["ClockEstimate", "ClockRegression", "RoundTrip", "extend_clock"]

_MOST_TRIPS = 32
_FINEST = 30e-6
"""s; round trips are not trusted further than this, however short they are."""
_FREQ_SPREAD = 100e-6
"""How far the real frequency is off the nominal one, relative: what is assumed until it is measured."""
_MOST_REFUSED = 5
"""After so many round trips in a row that look bad, the line has changed and they are the new normal."""


def extend_clock(clock32: int, near: int) -> int:
    """The 64-bit clock whose lower 32 bits are C{clock32} and that is nearest to C{near}."""
    difference = (clock32 - near) & 0xFFFFFFFF
    return near + difference - (1 << 32 if difference & 0x80000000 else 0)


@frozen
class ClockEstimate:
    """clock = base_clock + (time - base_time) * freq."""

    freq: float
    base_time: float
    base_clock: float

    def clock_at(self, time: float) -> float:
        """Ticks at a time."""
        return self.base_clock + (time - self.base_time) * self.freq

    def time_at(self, clock: float) -> float:
        """Time of a clock."""
        return self.base_time + (clock - self.base_clock) / self.freq


@frozen
class RoundTrip:
    """The MCU read C{clock} at some time between C{sent} and C{received}."""

    sent: float
    received: float
    clock: int

    @property
    def duration(self) -> float:
        return self.received - self.sent

    @property
    def middle(self) -> float:
        return (self.sent + self.received) / 2


@define
class ClockRegression:
    """A weighted least-squares line through the last round trips.

    A trip that took longer than the shortest one tells the time less exactly, by half of the excess, and
    weighs accordingly; trips with an excess far out of the ordinary are refused.
    """

    nominal_freq: float
    estimate: ClockEstimate | None = field(init=False, default=None)
    _trips: deque[RoundTrip] = field(init=False, factory=lambda: deque(maxlen=_MOST_TRIPS))
    _refused: int = field(init=False, default=0)

    def add(self, trip: RoundTrip) -> bool:
        """Take one round trip into account; False when it was refused."""
        if self._is_out_of_the_ordinary(trip) and self._refused < _MOST_REFUSED:
            self._refused += 1
            return False
        if self._refused >= _MOST_REFUSED:
            self._trips.clear()
        self._refused = 0
        self._trips.append(trip)
        self.estimate = self._fit()
        return True

    def _is_out_of_the_ordinary(self, trip: RoundTrip) -> bool:
        if len(self._trips) < 4:
            return False
        shortest = min(t.duration for t in self._trips)
        # Its median. (The standard library's statistics imports decimal numbers and fractions.)
        usual = sorted(t.duration - shortest for t in self._trips)[len(self._trips) // 2]
        return trip.duration - shortest > 0.001 + 5 * usual

    def _fit(self) -> ClockEstimate:
        last = self._trips[-1]
        shortest = min(t.duration for t in self._trips)
        # Unknowns: error of the last clock (s), and error of the frequency (relative), which is 0 a priori.
        w = wx = wxx = wy = wxy = 0.0
        wxx += 1 / _FREQ_SPREAD**2
        for trip in self._trips:
            weight = 1 / (_FINEST**2 + ((trip.duration - shortest) / 2) ** 2)
            x = trip.middle - last.middle
            y = (trip.clock - last.clock) / self.nominal_freq - x
            w += weight
            wx += weight * x
            wxx += weight * x * x
            wy += weight * y
            wxy += weight * x * y
        determinant = w * wxx - wx * wx
        error = (wy * wxx - wxy * wx) / determinant
        drift = (w * wxy - wx * wy) / determinant
        return ClockEstimate(
            freq=self.nominal_freq * (1 + drift),
            base_time=last.middle,
            base_clock=last.clock + error * self.nominal_freq,
        )
