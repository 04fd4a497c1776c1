"""Control C{watermark}: full power until above the target, none until below it."""

from attrs import define, field

__all__ = ["BangBang"]


@define(eq=False, repr=False)
class BangBang:
    """Switches off at C{target + max_delta} and on again at C{target - max_delta}."""

    max_delta: float
    max_power: float = 1.0
    _heating: bool = field(init=False, default=False)

    def update(self, time: float, temperature: float, target: float) -> float:
        """See L{klipperd.thermal.control.Control}."""
        if target <= 0.0 or temperature >= target + self.max_delta:
            self._heating = False
        elif not self._heating and temperature <= target - self.max_delta:
            self._heating = True
        return self.max_power if self._heating else 0.0

    def settled(self, temperature: float, target: float) -> bool:
        """Whether the target's band is reached; a hotter heater counts as settled."""
        return temperature >= target - self.max_delta
