"""Find PID gains by a relay test (Astrom and Hagglund 1984): switch fully on and off around the target and
read the plant's ultimate gain and period off the oscillation; gains follow by Ziegler and Nichols.
"""

import math

from attrs import define, field, frozen

from klipperd.thermal.pid import PID_UNIT

__all__ = ["Gains", "RelayTest", "TuningFailed"]


class TuningFailed(Exception):
    """The test cannot give gains; the text says why."""


@frozen
class Gains:
    """PID gains as printer.cfg states them, and the oscillation that they come from."""

    kp: float
    ki: float
    kd: float
    ultimate_gain: float
    period: float
    """Seconds of one oscillation."""
    amplitude: float
    """Half of the swing, degrees."""


@define(eq=False, repr=False)
class RelayTest:
    """A L{klipperd.thermal.control.Control} that heats until C{target}, then lets it cool C{hysteresis}
    degrees, C{cycles} times over. The first C{discarded} cycles, which begin from cold, do not count.
    """

    target: float
    max_power: float = 1.0
    hysteresis: float = 5.0
    cycles: int = 6
    discarded: int = 2
    heating: bool = field(init=False, default=True)
    _extreme: float = field(init=False, default=-math.inf)
    _extreme_time: float = field(init=False, default=0.0)
    _tops: list[tuple[float, float]] = field(init=False, factory=list)
    _bottoms: list[tuple[float, float]] = field(init=False, factory=list)

    @property
    def done(self) -> bool:
        """Whether enough cycles are recorded."""
        return len(self._bottoms) >= self.cycles

    def update(self, time: float, temperature: float, target: float) -> float:
        """See L{klipperd.thermal.control.Control}; C{target} is the test's own unless it is off."""
        if target <= 0.0 or self.done:
            return 0.0
        # The top comes after switching off, the bottom after switching on: the sensor lags.
        self._watch_extreme(time, temperature)
        if self.heating and temperature >= self.target:
            self._switch(False, time, temperature)
        elif not self.heating and temperature <= self.target - self.hysteresis:
            self._switch(True, time, temperature)
        return self.max_power if self.heating else 0.0

    def _watch_extreme(self, time: float, temperature: float) -> None:
        if temperature < self._extreme if self.heating else temperature > self._extreme:
            self._extreme, self._extreme_time = temperature, time

    def _switch(self, heating: bool, time: float, temperature: float) -> None:
        if heating:
            self._tops.append((self._extreme_time, self._extreme))
        elif self._tops:
            self._bottoms.append((self._extreme_time, self._extreme))
        self.heating = heating
        self._extreme, self._extreme_time = temperature, time

    def settled(self, temperature: float, target: float) -> bool:
        """Whether the test has ended."""
        return self.done or target <= 0.0

    def gains(self) -> Gains:
        """The gains. @raise TuningFailed: when the oscillation is too small or too short to mean anything."""
        tops, bottoms = self._tops[self.discarded :], self._bottoms[self.discarded :]
        count = min(len(tops), len(bottoms))
        if not self.done or count < 2:
            raise TuningFailed("the test has not recorded enough oscillations")
        amplitude = sum(t[1] - b[1] for t, b in zip(tops, bottoms, strict=False)) / count / 2.0
        period = (tops[-1][0] - tops[0][0]) / (len(tops) - 1)
        if amplitude <= 0.0 or period <= 0.0:
            raise TuningFailed("the temperature did not oscillate")
        ultimate = 4.0 * (PID_UNIT * self.max_power / 2.0) / (math.pi * amplitude)
        kp = 0.6 * ultimate
        return Gains(kp, kp / (0.5 * period), kp * 0.125 * period, ultimate, period, amplitude)
