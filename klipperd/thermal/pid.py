"""Control C{pid}: power = (Kp e + Ki integral(e) - Kd derivative(T)) / 255, bounded to the heater's range."""

from attrs import define, field

__all__ = ["PID_UNIT", "Pid"]

PID_UNIT = 255.0
"""Gains are stated for a power of 0 to 255."""

_SETTLED_WITHIN = 1.0
_SETTLED_SLOPE = 0.1


def _bounded(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@define(eq=False, repr=False)
class Pid:
    """Gains are those of printer.cfg (per C{PID_UNIT}). The derivative is taken of the temperature, so that
    a new target makes no kick, and is smoothed over C{smooth_time} seconds.

    The integral stands still while the output is at a bound and the error would push it further: heating
    up from cold at full power leaves no integral behind, which is what makes for overshoot elsewhere.
    """

    kp: float
    ki: float
    kd: float
    max_power: float = 1.0
    smooth_time: float = 1.0
    _time: float | None = field(init=False, default=None)
    _temperature: float = field(init=False, default=0.0)
    _slope: float = field(init=False, default=0.0)
    _integral: float = field(init=False, default=0.0)

    def update(self, time: float, temperature: float, target: float) -> float:
        """See L{klipperd.thermal.control.Control}."""
        elapsed = self._measure(time, temperature)
        if target <= 0.0:
            self._integral = 0.0
            return 0.0
        error = target - temperature
        # The integral's part alone may neither exceed full power nor fall below none.
        integral = _bounded(self._integral + self.ki / PID_UNIT * error * elapsed, 0.0, self.max_power)
        wanted = (self.kp * error - self.kd * self._slope) / PID_UNIT + integral
        power = _bounded(wanted, 0.0, self.max_power)
        if wanted == power or (wanted > power) == (error < 0.0):
            self._integral = integral
        return power

    def _measure(self, time: float, temperature: float) -> float:
        """Update the slope (degrees a second); gives the seconds since the last reading."""
        if self._time is None or time <= self._time:
            self._time, self._temperature = time, temperature
            return 0.0
        elapsed = time - self._time
        slope = (temperature - self._temperature) / elapsed
        self._slope += (slope - self._slope) * min(elapsed / self.smooth_time, 1.0)
        self._time, self._temperature = time, temperature
        return elapsed

    def settled(self, temperature: float, target: float) -> bool:
        """Within a degree of the target, above or below, and changing by less than 0.1 degrees a second."""
        return abs(target - temperature) <= _SETTLED_WITHIN and abs(self._slope) <= _SETTLED_SLOPE
