"""How long heating takes: each heater as a first-order model.

At full power a heater nears C{ambient + 2 (max_temp - ambient)} exponentially, and ambient when it is off.
How fast comes from the PID values, where there are any: relay tuning (Ziegler and Nichols 1942; Astrom and
Hagglund 1984) takes a heater for an integrator with a dead time, whose rate at full power is then
2 pi / (Ku Tu), with Ku = Kp / 0.6 and Tu = 2 Kp / Ki. Without them it is a usual one for such a heater. The
control is thought to be ideal: full power up to the target, no overshoot.
"""

import math
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from klipperd.objects.services import HeatModel
from klipperd.thermal.pid import PID_UNIT

__all__ = ["AMBIENT", "FirstOrderHeat", "full_power_rate"]

AMBIENT = 25.0
"""Degrees Celsius."""
_HEADROOM = 2.0
_ARRIVED = 1.0
"""Degrees from the target at which a heater has arrived."""
_USUAL = {"extruder": 2.0, "heater_bed": 0.3}
_USUAL_OTHERWISE = 0.1
_PLAUSIBLE = (0.01, 20.0)
"""Degrees a second; what PID values say beyond that is not believed."""


def full_power_rate(section: str, config: Any) -> float:
    """Degrees a second of a heater at full power, half-way to its highest temperature.

    @param config: L{klipperd.printer.heater_options.HeaterConfig}.
    """
    kp, ki = getattr(config.control, "pid_kp", 0.0), getattr(config.control, "pid_ki", 0.0)
    if kp > 0.0 and ki > 0.0:
        ultimate_gain, ultimate_period = kp / PID_UNIT / 0.6, 2.0 * kp / ki
        rate = 2.0 * math.pi / (ultimate_gain * ultimate_period)
        if _PLAUSIBLE[0] <= rate <= _PLAUSIBLE[1]:
            return rate
    kind = section.rstrip("0123456789")
    return _USUAL.get(kind, _USUAL_OTHERWISE)


@define
class FirstOrderHeat(HeatModel):
    """One heater. C{rate}: see L{full_power_rate}."""

    section: str
    rate: float
    _max_temp: float
    _max_power: float
    _clock: IReactorTime
    _target: float = field(init=False, default=0.0)
    _since: float = field(init=False, default=0.0)
    _start: float = field(init=False, default=AMBIENT)
    highest: float = field(init=False, default=0.0)
    """The highest target so far."""

    @property
    def _time_constant(self) -> float:
        rise = max(self._max_temp - AMBIENT, 50.0)
        return (_HEADROOM - 0.5) * rise / self.rate

    def aim(self, celsius: float) -> None:
        """See L{HeatModel.aim}."""
        self._start, self._since = self.temperature, self._clock.seconds()
        self._target = celsius
        self.highest = max(self.highest, celsius)

    @property
    def temperature(self) -> float:
        """See L{HeatModel.temperature}."""
        decay = math.exp(-(self._clock.seconds() - self._since) / self._time_constant)
        cooled = AMBIENT + (self._start - AMBIENT) * decay
        if self._target <= self._start:
            return max(cooled, self._target)
        end = AMBIENT + _HEADROOM * max(self._max_temp - AMBIENT, 50.0) * self._max_power
        return min(end + (self._start - end) * decay, self._target)

    @property
    def settled(self) -> bool:
        """See L{HeatModel.settled}."""
        return self._target <= 0.0 or abs(self.temperature - self._target) <= _ARRIVED
