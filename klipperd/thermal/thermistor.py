"""NTC thermistors: resistance and temperature by the Steinhart-Hart equation 1/T = a + b ln R + c (ln R)^3.

Coefficients follow from three points of a manufacturer's table, or from one point and beta (then c = 0).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from attrs import frozen

__all__ = ["KELVIN", "Thermistor", "from_beta", "from_points"]

KELVIN = 273.15
"""0 degrees Celsius in kelvin."""

_COLDEST = 50.0


@frozen
class Thermistor:
    """Steinhart-Hart coefficients, for R in ohm and T in kelvin."""

    a: float
    b: float
    c: float

    def temperature(self, resistance: float) -> float:
        """Degrees Celsius at C{resistance} (ohm, > 0)."""
        log = math.log(resistance)
        inverse = self.a + self.b * log + self.c * log**3
        return 1.0 / inverse - KELVIN if inverse > 0.0 else math.inf

    def resistance(self, temperature: float) -> float:
        """Ohm at C{temperature} (degrees Celsius; below 50 K it is that of 50 K)."""
        wanted = 1.0 / max(temperature + KELVIN, _COLDEST) - self.a
        if self.c == 0.0:
            return math.exp(wanted / self.b)
        # The real root of the depressed cubic x^3 + (b/c) x - wanted/c, x = ln R; b and c are positive.
        half = wanted / (2.0 * self.c)
        root = math.sqrt((self.b / (3.0 * self.c)) ** 3 + half * half)
        return math.exp(math.cbrt(half + root) + math.cbrt(half - root))


def from_points(points: Sequence[tuple[float, float]]) -> Thermistor:
    """The curve through three (degrees Celsius, ohm) points.

    Points that no NTC's curve with positive coefficients fits (hand measured ones often do not) give
    the beta curve through the first and the last.

    @raise ValueError: when the resistances do not fall as the temperatures rise.
    """
    ordered = sorted(points)
    for (t1, r1), (t2, r2) in pairwise(ordered):
        if t1 == t2 or r1 <= r2:
            raise ValueError(f"{r2:g} ohm at {t2:g} C does not fit {r1:g} ohm at {t1:g} C: it must be less")
    (y1, l1), (y2, l2), (y3, l3) = ((1.0 / (t + KELVIN), math.log(r)) for t, r in ordered)
    slope2, slope3 = (y2 - y1) / (l2 - l1), (y3 - y1) / (l3 - l1)
    c = (slope3 - slope2) / (l3 - l2) / (l1 + l2 + l3)
    b = slope2 - c * (l1 * l1 + l1 * l2 + l2 * l2)
    if c <= 0.0 or b <= 0.0:
        b = slope3
        return Thermistor(y1 - b * l1, b, 0.0)
    return Thermistor(y1 - (b + c * l1 * l1) * l1, b, c)


def from_beta(temperature: float, resistance: float, beta: float) -> Thermistor:
    """The curve through one (degrees Celsius, ohm) point with C{beta} (kelvin, > 0)."""
    b = 1.0 / beta
    return Thermistor(1.0 / (temperature + KELVIN) - b * math.log(resistance), b, 0.0)
