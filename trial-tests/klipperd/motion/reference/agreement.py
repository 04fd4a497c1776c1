"""The steps that a motor must make, each with the time it may happen in, and whether it did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .crossings import Run, Targets, crossings, monotone_intervals, runs_of
from .motion import LD, Array
from .signals import Signal

GRAZE = LD(1e-9)
"""A motion that turns or ends this near to a threshold has not reached it (docs/motion.md)."""
ROUNDING = LD(2e-10)
"""What double precision may lose in a coordinate. Nearer than this to GRAZE both ways are right."""
BACKLASH = LD(1) / 16
SLOW = LD(1.0)
"""mm/s below which the time of a step spans what GRAZE and rounding leave open."""


@dataclass
class Expected:
    """C{due}: the threshold is passed; with rounding and C{GRAZE} not before earliest nor after latest."""

    directions: NDArray[np.int64]
    due: Array
    earliest: Array
    latest: Array
    steps: int


def expected_steps(signal: Signal, distance: float, seen: Sequence[int] = ()) -> Expected:
    """The steps of a motor that starts at rest at the signal's first value.

    @param seen: directions of steps made. They decide where a turning point touches a threshold so
        closely that rounding may.
    """
    intervals = monotone_intervals(signal)
    runs = runs_of(intervals.values)
    targets, steps = thresholds(intervals.values, runs, LD(distance), seen)
    found = crossings(signal, intervals, runs, targets)
    earliest, latest = found.times.copy(), found.times.copy()
    # Slow ones, and those that a corner may leave to what comes after it.
    slow = np.flatnonzero((found.slopes < SLOW) | (found.left < GRAZE + ROUNDING))
    for limit, shift in ((earliest, -ROUNDING), (latest, GRAZE + ROUNDING)):
        moved = targets.values[slow] + targets.toward[slow] * shift
        near = Targets(moved, targets.runs[slow], targets.toward[slow])
        limit[slow] = crossings(signal, intervals, runs, near).times
    return Expected(targets.toward, found.times, earliest, latest, steps)


def thresholds(
    values: Array, runs: Sequence[Run], distance: np.longdouble, seen: Sequence[int]
) -> tuple[Targets, int]:
    """Half a step on from where it stands, and a sixteenth more after turning round."""
    origin = values[0]
    found: list[Array] = []
    numbers: list[NDArray[np.intp]] = []
    toward: list[NDArray[np.int64]] = []
    steps = made = last = 0
    for number, run in enumerate(runs):
        turned = BACKLASH if last == -run.direction else LD(0)
        beyond = (values[run.last] - origin) * run.direction / distance - run.direction * steps
        # Whole thresholds at 1/2, 3/2, ... of which the first may be put off.
        count = how_many(
            beyond, turned, distance, lambda i, s=run.direction: list(seen[i : i + 1]) == [s], made
        )
        if count == 0:
            continue
        ahead = np.arange(count).astype(LD) + LD(0.5)
        ahead[0] += turned
        found.append(origin + run.direction * (run.direction * steps + ahead) * distance)
        numbers.append(np.full(count, number, np.intp))
        toward.append(np.full(count, run.direction, np.int64))
        steps, made, last = steps + count * run.direction, made + count, run.direction
    if not found:
        return Targets(np.zeros(0, LD), np.zeros(0, np.intp), np.zeros(0, np.int64)), 0
    return Targets(np.concatenate(found), np.concatenate(numbers), np.concatenate(toward)), steps


def how_many(beyond, turned, distance, was_made: Callable[[int], bool], made: int) -> int:
    """Thresholds up to C{beyond} steps ahead; those barely touched count when the step was made."""

    def within(reach) -> int:
        return 0 if reach < LD(0.5) + turned else max(1, int(np.floor(reach + LD(0.5))))

    count = within(beyond - (GRAZE + ROUNDING) / distance)
    most = within(beyond - (GRAZE - ROUNDING) / distance)
    while count < most and was_made(made + count):
        count += 1
    return count


def misfit(
    expected: Expected,
    clocks: Sequence[int],
    directions: Sequence[int],
    freq: float,
    offset: float,
    max_error: float,
) -> str | None:
    """What is wrong with steps at these clocks; None when each is there once, in its window, never late."""
    if list(directions) != expected.directions.tolist():
        pairs = zip(directions, expected.directions.tolist(), strict=False)
        first = next((i for i, (is_, must) in enumerate(pairs) if is_ != must), None)
        return (
            f"{len(directions)} steps instead of {len(expected.directions)}, first other direction: {first}"
        )
    if not len(directions):
        return None
    slack = LD(1) / 20
    happened = np.array(clocks, LD)
    due, earliest, latest = (
        (t + LD(offset)) * LD(freq) for t in (expected.due, expected.earliest, expected.latest)
    )
    gap = np.concatenate([[LD(np.inf)], np.diff(due)])
    # There is a whole tick in a window of one tick.
    early = np.maximum(np.minimum(LD(max_error) * LD(freq), gap / 2), LD(1))
    wrong = np.flatnonzero((happened < earliest - early - slack) | (happened > latest + slack))
    if len(wrong):
        i = wrong[0]
        return (
            f"{len(wrong)} steps outside of their windows; the first, {i}, at {clocks[i]} is"
            f" {happened[i] - due[i]:+.3f} ticks off and may come {early[i]:.3f} early"
            f" (due {due[i]:.3f}, from {earliest[i]:.3f} to {latest[i]:.3f})"
        )
    return None
