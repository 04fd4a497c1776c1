"""What all heater controls have in common."""

from typing import Protocol

__all__ = ["Control"]


class Control(Protocol):
    """Decides a heater's power at each reading."""

    def update(self, time: float, temperature: float, target: float) -> float:
        """The power (0 to the maximum) from now on. C{time} in seconds, temperatures in degrees Celsius;
        a C{target} of 0 or less is off."""

    def settled(self, temperature: float, target: float) -> bool:
        """Whether the temperature (smoothed) has arrived at the target and stays there."""
