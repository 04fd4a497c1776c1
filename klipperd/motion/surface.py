"""From probed heights of a bed to a finer grid (Bed_Mesh.md, "Mesh Interpolation"). Plain arithmetic."""

from collections.abc import Callable, Sequence
from typing import Literal

__all__ = ["Algorithm", "Grid", "finer", "usable_algorithm"]

Algorithm = Literal["lagrange", "bicubic", "direct"]
Grid = list[list[float]]
"""Rows of y, each of x (mm)."""

_LAGRANGE_MOST = 6
_BICUBIC_LEAST = 4


def usable_algorithm(wanted: str, counts: tuple[int, int], per_segment: tuple[int, int]) -> Algorithm:
    """The algorithm for so many probed points (x, y) and interpolated points a segment (x, y).

    @raise ValueError: when the wanted one can't be used, nor another take its place.
    """
    if max(per_segment) == 0:
        return "direct"
    if wanted == "bicubic" and min(counts) >= _BICUBIC_LEAST:
        return "bicubic"
    if max(counts) > _LAGRANGE_MOST:
        text = f"{counts[0]} x {counts[1]} points: lagrange takes {_LAGRANGE_MOST} each way at most"
        raise ValueError(f"{text}, bicubic {_BICUBIC_LEAST} at least")
    return "lagrange"


def _lagrange(heights: Sequence[float], at: float) -> float:
    """The polynomial through all heights, which stand at 0, 1, 2 ..."""
    total = 0.0
    for i, height in enumerate(heights):
        weight = 1.0
        for j in range(len(heights)):
            if j != i:
                weight *= (at - j) / (i - j)
        total += weight * height
    return total


def _cardinal(heights: Sequence[float], at: float, tension: float) -> float:
    """A cubic between two heights whose slopes come from their neighbours; at the ends from one of them."""
    last = len(heights) - 1
    first = min(int(at), last - 1)
    t = at - first
    before, start, end, after = (heights[min(max(first + k, 0), last)] for k in (-1, 0, 1, 2))
    slope_start, slope_end = tension * (end - before), tension * (after - start)
    rise = t * t * (3.0 - 2.0 * t)
    inner = slope_start * t * (1.0 - t) ** 2 - slope_end * t * t * (1.0 - t)
    return start + (end - start) * rise + inner


def _along(
    heights: Sequence[float], per_segment: int, value: Callable[[Sequence[float], float], float]
) -> list[float]:
    """Heights with so many more in each segment; probed ones stay as they are."""
    parts = per_segment + 1
    count = (len(heights) - 1) * parts + 1
    return [heights[i // parts] if i % parts == 0 else value(heights, i / parts) for i in range(count)]


def finer(points: Grid, per_segment: tuple[int, int], algorithm: Algorithm, tension: float = 0.2) -> Grid:
    """The probed grid with C{per_segment} (x, y) interpolated points in each of its segments."""
    if algorithm == "direct":
        return [list(row) for row in points]

    def value(heights: Sequence[float], at: float) -> float:
        return _lagrange(heights, at) if algorithm == "lagrange" else _cardinal(heights, at, tension)

    rows = [_along(row, per_segment[0], value) for row in points]
    columns = [_along(column, per_segment[1], value) for column in zip(*rows, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]
