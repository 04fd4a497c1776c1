"""Platinum resistance sensors by the Callendar-Van Dusen equation (IEC 60751)."""

import math

from attrs import frozen

__all__ = ["Platinum"]

_A = 3.9083e-3
_B = -5.775e-7
_C = -4.183e-12
_HOTTEST = 2000.0
"""Beyond the melting point the formula would turn round."""


@frozen
class Platinum:
    """A sensor of C{nominal} ohm at 0 degrees Celsius (100 for PT100, 1000 for PT1000)."""

    nominal: float

    def resistance(self, temperature: float) -> float:
        """Ohm at C{temperature} (degrees Celsius), rising throughout."""
        t = min(temperature, _HOTTEST)
        cubic = _C * (t - 100.0) * t**3 if t < 0.0 else 0.0
        return self.nominal * (1.0 + _A * t + _B * t * t + cubic)

    def temperature(self, resistance: float) -> float:
        """Degrees Celsius at C{resistance} (ohm)."""
        ratio = resistance / self.nominal
        discriminant = _A * _A - 4.0 * _B * (1.0 - ratio)
        if discriminant < 0.0:
            return math.inf
        t = (math.sqrt(discriminant) - _A) / (2.0 * _B)
        if t >= 0.0:
            return t
        # Below zero the cubic term is a correction of under 3 K: two Newton steps are exact enough.
        for _ in range(2):
            slope = _A + 2.0 * _B * t + _C * (4.0 * t - 300.0) * t * t
            t -= (self.resistance(t) / self.nominal - ratio) / slope
        return t
