"""A motor's coordinate over time: what a root finder has to know of it.

Between two C{breaks} a signal is smooth; before the first and after the last it rests. C{period}: see
L{geometry.Coordinate}.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .geometry import Coordinate
from .motion import LD, Array, Motion

Pieces = NDArray[np.intp]


class Signal(Protocol):
    breaks: Array
    period: np.longdouble | None

    def at(self, t: Array, piece: Pieces) -> tuple[Array, Array]:
        """Value and slope by the formula that holds in the piece."""

    def is_fine(self, t: Array, piece: Pieces, span: Array) -> NDArray[np.bool_]:
        """Whether within spans of time around t the slope has no features that its samples would miss."""


class Inverse:
    """A coordinate of the position in space: C{axes} of the motion are its arguments."""

    def __init__(self, motion: Motion, coordinate: Coordinate, axes: slice = slice(0, 3)) -> None:
        self.motion, self.coordinate, self.axes = motion, coordinate, axes
        self.breaks, self.period = motion.breaks, coordinate.period

    def at(self, t: Array, piece: Pieces) -> tuple[Array, Array]:
        where, velocity, _ = self.motion.axes(t, piece)
        where, velocity = where[:, self.axes], velocity[:, self.axes]
        return self.coordinate.value(where), (self.coordinate.gradient(where) * velocity).sum(axis=1)

    def is_fine(self, t: Array, piece: Pieces, span: Array) -> NDArray[np.bool_]:
        where, velocity, change = (part[:, self.axes] for part in self.motion.axes(t, piece))
        travel = (abs(velocity).sum(axis=1) + abs(change).sum(axis=1) * span) * span
        return travel <= self.coordinate.clearance(where) / 5


class Smoothed:
    """An axis p averaged over a triangular window: integral of p(x) (h - |t - x|) dx / h^2 over t +- h.

    The integrands are cubic between breaks, for which Simpson's rule is exact.
    """

    period = None

    def __init__(self, motion: Motion, axis: int, smooth_time: float) -> None:
        self.half = LD(smooth_time) / 2
        self.source = motion
        self.averaged = motion.coefficients[:, axis, :]
        edges = np.concatenate([motion.breaks - self.half, motion.breaks, motion.breaks + self.half])
        self.breaks = np.sort(edges)

    def at(self, t: Array, piece: Pieces) -> tuple[Array, Array]:
        """The pieces don't matter: integrals are continuous."""
        del piece
        flat_before, sloped_before = self._integrals(t - self.half, t)
        flat_after, sloped_after = self._integrals(t, t + self.half)
        value = sloped_before + self.half * flat_after - sloped_after
        return value / self.half**2, (flat_after - flat_before) / self.half**2

    def is_fine(self, t: Array, piece: Pieces, span: Array) -> NDArray[np.bool_]:
        return np.full(len(t), True)

    def _integrals(self, begin: Array, end: Array) -> tuple[Array, Array]:
        """Of p and of p (x - begin), from begin to end."""
        first, last = self.source.piece_at(begin), self.source.piece_at(end)
        counts = last - first + 1
        starts = np.cumsum(counts) - counts
        which = np.repeat(np.arange(len(counts)), counts)
        piece = first[which] + np.arange(len(which)) - starts[which]
        inside = self.source.breaks[1:-1]
        edges = np.concatenate([[-LD(np.inf)], inside, [LD(np.inf)]])
        a = np.maximum(edges[piece], begin[which])
        b = np.minimum(edges[piece + 1], end[which])
        flat, sloped = np.zeros_like(a), np.zeros_like(a)
        c0, c1, c2 = self.averaged[piece].T
        for x, weight in ((a, 1), ((a + b) / 2, 4), (b, 1)):
            u = x - self.source.breaks[piece]
            p = weight * (c0 + (c1 + c2 * u) * u)
            flat += p
            sloped += p * (x - begin[which])
        share = (b - a) / 6
        return np.add.reduceat(flat * share, starts), np.add.reduceat(sloped * share, starts)
