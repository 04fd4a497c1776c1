"""A long run of steps that one queue_step can make."""

from collections.abc import Sequence

def longest_run(
    before: float, due: Sequence[float], base: int, early: float, partial: bool = True
) -> tuple[int, int, int]:
    """How many of some steps one command makes, its interval and its add (ticks); for tests.

    @param before: when the step before is due. @param due: when these are (ticks, rising by 2 at least).
    @param base: tick at which the step before happens; not after C{before}.
    @param early: ticks that a step may come early at most; half the time since the one before bounds it, too.
    @param partial: False: 0 steps if all of them fit, as more might.
    """
