"""Sums over what motion queues hold: for simulations, which want to know what a print does and why."""

from collections.abc import Sequence
from typing import Any

from klipperd.motion.trapq import MotionQueue

REASONS: tuple[str, ...]
"""What may bound a move; names of C{limit_reason} in plan.pxd."""

class Survey:
    """Takes in the trapezoids that are appended to queues from now on.

    Sections are stretches of the source; C{boundaries} are the bytes at which sections 1, 2, ... begin.
    """

    def __init__(
        self, path: MotionQueue, extruders: Sequence[MotionQueue] = (), boundaries: Sequence[int] = ()
    ) -> None: ...
    def take(self, until: float = ...) -> None:
        """Take in what begins before a print_time (s); it must still be in the queues."""
    def sections(self) -> list[dict[str, float]]:
        """Of each section: begin and end of its motion (print_time, s; begin < 0: none), time in motion (s),
        distance (mm), printed (mm of it with extrusion), filament (mm), top_speed (mm/s), top_flow (mm/s of
        filament while printing)."""
    def summary(self) -> dict[str, Any]:
        """Of everything: moves; top_speed (mm/s), top_accel (mm/s^2), axis_speed, axis_accel, low and high
        (mm, of printing moves) by axis; speeding and cruising: reason -> s; junctions: reason -> how many
        were slower than the moves on both sides."""
