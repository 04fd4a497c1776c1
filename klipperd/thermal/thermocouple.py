"""Thermocouples of types K and J: millivolt at the junction with the cold end at 0 degrees Celsius.

Polynomials and coefficients: NIST ITS-90 thermocouple database, types K and J.
"""

import math

__all__ = ["type_j", "type_k"]

_K_POSITIVE = (
    -0.176004136860e-1,
    0.389212049750e-1,
    0.185587700320e-4,
    -0.994575928740e-7,
    0.318409457190e-9,
    -0.560728448890e-12,
    0.560750590590e-15,
    -0.320207200030e-18,
    0.971511471520e-22,
    -0.121047212750e-25,
)
_K_NEGATIVE = (
    0.0,
    0.394501280250e-1,
    0.236223735980e-4,
    -0.328589067840e-6,
    -0.499048287770e-8,
    -0.675090591730e-10,
    -0.574103274280e-12,
    -0.310888728940e-14,
    -0.104516093650e-16,
    -0.198892668780e-19,
    -0.163226974860e-22,
)
_K_BELL = (0.118597600000, -0.118343200000e-3, 126.9686)
_J = (
    0.0,
    0.503811878150e-1,
    0.304758369300e-4,
    -0.856810657200e-7,
    0.132281952950e-9,
    -0.170529583370e-12,
    0.209480906970e-15,
    -0.125383953360e-18,
    0.156317256970e-22,
)


def _polynomial(coefficients: tuple[float, ...], t: float) -> float:
    total = 0.0
    for coefficient in reversed(coefficients):
        total = total * t + coefficient
    return total


def type_k(temperature: float) -> float:
    """Millivolt of type K at C{temperature} (-270 to 1372 degrees Celsius)."""
    if temperature < 0.0:
        return _polynomial(_K_NEGATIVE, temperature)
    height, width, centre = _K_BELL
    return _polynomial(_K_POSITIVE, temperature) + height * math.exp(width * (temperature - centre) ** 2)


def type_j(temperature: float) -> float:
    """Millivolt of type J at C{temperature} (-210 to 760 degrees Celsius)."""
    return _polynomial(_J, temperature)
