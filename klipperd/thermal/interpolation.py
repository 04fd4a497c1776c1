"""Piecewise linear curves through measured points, for sensors that a table describes."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import pairwise

from attrs import define, field

__all__ = ["Interpolation"]


def _sorted_points(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    return sorted(points)


@define(eq=False, repr=False)
class Interpolation:
    """A strictly monotonic curve temperature -> quantity (volt or ohm), straight between its points and
    beyond the outer ones.

    @raise ValueError: with fewer than two points, or when the quantity does not rise or fall throughout.
    """

    _points: list[tuple[float, float]] = field(converter=_sorted_points)
    _by_quantity: list[tuple[float, float]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        if len(self._points) < 2:
            raise ValueError("at least two points are wanted")
        pairs = list(pairwise(self._points))
        signs = {(b[1] > a[1]) - (b[1] < a[1]) if b[0] > a[0] else 0 for a, b in pairs}
        if signs not in ({1}, {-1}):
            raise ValueError("the values must rise, or fall, from each temperature to the next")
        self._by_quantity = sorted((q, t) for t, q in self._points)

    def quantity(self, temperature: float) -> float:
        """The sensor's volt or ohm at C{temperature} (degrees Celsius)."""
        return _along(self._points, temperature)

    def temperature(self, quantity: float) -> float:
        """Degrees Celsius at C{quantity}."""
        return _along(self._by_quantity, quantity)


def _along(points: list[tuple[float, float]], x: float) -> float:
    at = min(max(bisect_left(points, (x,)), 1), len(points) - 1)
    (x0, y0), (x1, y1) = points[at - 1], points[at]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
