"""When a coordinate passes the thresholds of its steps.

The time is cut into intervals in each of which the coordinate can be shown to rise, or to fall, or to vary by
less than C{NOTHING}; so no turning point is overlooked. Each threshold is then found by Newton's
steps that never leave a bracket.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .motion import LD, Array
from .signals import Pieces, Signal

NOTHING = LD(1e-12)
"""mm (or radians); what a coordinate may do unseen."""
NODES = np.linspace(LD(0), LD(1), 5, dtype=LD)
SHORTEST = LD(1e-10)
"""Seconds; shorter intervals aren't cut further, whatever happens in them."""
MOST = 10**7
"""Intervals looked at together."""
CLOSE = LD(1e-12)
"""Seconds between the last two of Newton's steps."""


@dataclass
class Intervals:
    """C{edges} has one more element than there are intervals; C{values} are those at the edges."""

    edges: Array
    pieces: Pieces
    values: Array


@dataclass
class Run:
    """The coordinate goes one way from edge C{first} to edge C{last}."""

    first: int
    last: int
    direction: int


def monotone_intervals(signal: Signal) -> Intervals:
    piece = np.flatnonzero(np.diff(signal.breaks) > 0)
    begin, end = signal.breaks[piece], signal.breaks[piece + 1]
    found: list[tuple[Array, Pieces]] = []
    while len(begin):
        assert len(begin) < MOST, "this is no motion that can be cut into intervals"
        span = end - begin
        certain = np.zeros(len(begin), bool)
        slopes = np.stack([signal.at(begin + span * node, piece)[1] for node in NODES])
        # Twice what the samples show is more than smooth slopes do between them.
        bend = 2 * abs(np.diff(slopes, axis=0)).max(axis=0) * (len(NODES) - 1)
        margin = bend / (2 * (len(NODES) - 1))
        certain = (slopes.min(axis=0) > margin) | (slopes.max(axis=0) < -margin) | (bend * span < NOTHING)
        certain &= signal.is_fine((begin + end) / 2, piece, span)
        certain |= span < SHORTEST
        found.append((begin[certain], piece[certain]))
        begin, end, piece = begin[~certain], end[~certain], piece[~certain]
        middle = (begin + end) / 2
        begin, end = np.concatenate([begin, middle]), np.concatenate([middle, end])
        piece = np.concatenate([piece, piece])
    starts = np.concatenate([starts for starts, _ in found])
    pieces = np.concatenate([pieces for _, pieces in found])
    order = np.argsort(starts)
    starts, pieces = starts[order], pieces[order]
    edges = np.concatenate([starts, signal.breaks[-1:]])
    values = signal.at(edges, np.concatenate([pieces, pieces[-1:]]))[0]
    if signal.period is not None:
        values = unwrap(values, signal.period)
    return Intervals(edges, pieces, values)


def unwrap(values: Array, period: np.longdouble) -> Array:
    """Take out jumps by whole periods."""
    turns = np.rint(np.diff(values) / period).cumsum()
    return values - period * np.concatenate([np.zeros(1, LD), turns])


def runs_of(values: Array) -> list[Run]:
    """From each turning point to the next; what goes back by less than ten times C{NOTHING} doesn't count."""
    runs: list[Run] = []
    turn = best = 0
    direction = 0
    changes = np.sign(np.diff(values))
    # Only where the sign changes can anything turn.
    corners = [*(np.flatnonzero(np.diff(changes)) + 1), len(values) - 1]
    for corner in corners:
        ahead = (values[corner] - values[best]) * (direction or 1)
        if direction == 0 and abs(ahead) > 10 * NOTHING:
            direction, best = (1 if ahead > 0 else -1), corner
        elif direction and ahead >= 0:
            best = corner
        elif direction and -ahead > 10 * NOTHING:
            runs.append(Run(turn, best, direction))
            turn, best, direction = best, corner, -direction
    if direction:
        runs.append(Run(turn, len(values) - 1, direction))
    return runs


@dataclass
class Targets:
    """Values to be found within runs: parallel arrays. C{toward}: of its run."""

    values: Array
    runs: NDArray[np.intp]
    toward: NDArray[np.int64]


@dataclass
class Crossings:
    """Parallel to targets: times, slopes there (positive), and what is left of the signal's piece (mm)."""

    times: Array
    slopes: Array
    left: Array


def crossings(signal: Signal, intervals: Intervals, runs: Sequence[Run], targets: Targets) -> Crossings:
    """Where each target is reached in its run; never outside of the run."""
    where = np.zeros(len(targets.values), np.intp)
    limited = targets.values.copy()
    for number, run in enumerate(runs):
        mine = slice(*np.searchsorted(targets.runs, [number, number + 1]))
        if mine.start == mine.stop:
            continue
        rising = np.maximum.accumulate(run.direction * intervals.values[run.first : run.last + 1])
        wanted = np.clip(run.direction * targets.values[mine], rising[0], rising[-1])
        limited[mine] = run.direction * wanted
        inside = np.clip(np.searchsorted(rising, wanted, "left"), 1, len(rising) - 1)
        where[mine] = run.first + inside - 1
    times, slopes = solve(signal, intervals, where, limited, targets.toward)
    piece = intervals.pieces[where]
    ends = signal.at(signal.breaks[piece + 1], piece)[0]
    return Crossings(times, slopes, abs(unturned(ends - limited, signal.period)))


def unturned(difference: Array, period: np.longdouble | None) -> Array:
    """Less whole turns."""
    return difference if period is None else difference - period * np.rint(difference / period)


def solve(
    signal: Signal, intervals: Intervals, where: NDArray[np.intp], values: Array, toward: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Newton's steps, halving where they leave the bracket. Returns times and slopes."""
    low, high = intervals.edges[where], intervals.edges[where + 1]
    piece = intervals.pieces[where]
    # Where in the bracket a straight line would put it.
    rise = intervals.values[where + 1] - intervals.values[where]
    share = np.where(rise == 0, LD(0), (values - intervals.values[where]) / np.where(rise == 0, LD(1), rise))
    t = low + np.clip(share, 0, 1) * (high - low)
    slopes = np.zeros_like(t)
    active = np.arange(len(t))
    for number in range(200):
        value, slope = signal.at(t[active], piece[active])
        ahead = unturned(value - values[active], signal.period) * toward[active]
        slope = slope * toward[active]
        slopes[active] = slope
        high[active] = np.where(ahead >= 0, t[active], high[active])
        low[active] = np.where(ahead <= 0, t[active], low[active])
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = t[active] - ahead / slope
        # Halving now and then, so that no cycle lasts.
        inside = (newton >= low[active]) & (newton <= high[active]) & (number % 8 != 7)
        following = np.where(inside, newton, (low[active] + high[active]) / 2)
        moved = abs(following - t[active])
        t[active] = following
        active = active[(moved > CLOSE) & (high[active] - low[active] > CLOSE)]
        if not len(active):
            return t, slopes
    raise AssertionError(f"{len(active)} crossings not found")
