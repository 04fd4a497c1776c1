"""How skewed two axes are, from the diagonals and one side of a printed square (Skew_Correction.md).

The corners are A (nearest to the origin), B, C and D in order; AD lies along the first axis.
"""

import math

from attrs import frozen

__all__ = ["Measured"]


@frozen
class Measured:
    """Lengths (mm) of a printed square. @raise ValueError: when no such parallelogram exists."""

    ac: float
    bd: float
    ad: float

    def __attrs_post_init__(self) -> None:
        side_squared = 0.5 * (self.ac**2 + self.bd**2) - self.ad**2
        if min(self.ac, self.bd, self.ad) <= 0.0 or side_squared <= 0.0 or abs(self._lean) >= 1.0:
            raise ValueError(f"no square has AC = {self.ac:g}, BD = {self.bd:g} and AD = {self.ad:g}")

    @property
    def _lean(self) -> float:
        """Sine of the skew: AC^2 - BD^2 = 4 AB AD sin(skew), with AC^2 + BD^2 = 2 (AB^2 + AD^2)."""
        side = math.sqrt(max(0.5 * (self.ac**2 + self.bd**2) - self.ad**2, 0.0))
        return (self.ac**2 - self.bd**2) / (4.0 * side * self.ad) if side else math.inf

    @property
    def factor(self) -> float:
        """mm by which the second axis leans along the first, per mm: the tangent of the skew."""
        return math.tan(math.asin(self._lean))
