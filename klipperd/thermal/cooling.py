"""Controls of fans that keep a temperature down: those of heaters, the other way round."""

from typing import Protocol

from attrs import define, field

from klipperd.thermal.pid import Pid

__all__ = ["Cooling", "CoolingBangBang", "CoolingPid"]


class Cooling(Protocol):
    """Decides a fan's speed at each reading."""

    def update(self, time: float, temperature: float, target: float, slowest: float, fastest: float) -> float:
        """The speed (0 to 1) from now on. C{time} in seconds, temperatures in degrees Celsius."""


@define(eq=False, repr=False)
class CoolingBangBang:
    """Fastest from C{max_delta} degrees above the target, off from as many below."""

    max_delta: float
    _cooling: bool = field(init=False, default=False)

    def update(self, time: float, temperature: float, target: float, slowest: float, fastest: float) -> float:
        """See L{Cooling}."""
        if temperature >= target + self.max_delta:
            self._cooling = True
        elif temperature <= target - self.max_delta:
            self._cooling = False
        return fastest if self._cooling else 0.0


@define(eq=False, repr=False)
class CoolingPid:
    """Speed = fastest - (Kp e + Ki integral(e) - Kd derivative(T)) / 255, at least the slowest.

    What a heater's PID would give in power is what the fan takes off its speed."""

    kp: float
    ki: float
    kd: float
    deriv_time: float = 2.0
    _heating: Pid = field(init=False)

    @_heating.default
    def _make_heating(self) -> Pid:
        return Pid(self.kp, self.ki, self.kd, 1.0, self.deriv_time)

    def update(self, time: float, temperature: float, target: float, slowest: float, fastest: float) -> float:
        """See L{Cooling}."""
        self._heating.max_power = fastest
        return max(slowest, fastest - self._heating.update(time, temperature, target))
