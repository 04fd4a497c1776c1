"""Lookahead: from a path of straight moves to trapezoids of speed.

Junction speeds, the minimum cruise ratio and all limits follow docs/motion.md. Moves are kept in C
arrays; C{flush} turns those whose speeds can no longer change into trapezoids.
"""

from klipperd.motion.limits import MoveCheck
from klipperd.motion.trapq import MotionQueue

class Lookahead:
    """Plans moves of x, y, z (mm) and the active extruder's e (mm of filament)."""

    def __init__(
        self,
        queue: MotionQueue,
        max_velocity: float,
        max_accel: float,
        square_corner_velocity: float = 5.0,
        minimum_cruise_ratio: float = 0.5,
    ) -> None: ...

    # Limits; they hold for moves added from now on.
    def set_limits(
        self,
        max_velocity: float | None = None,
        max_accel: float | None = None,
        square_corner_velocity: float | None = None,
        minimum_cruise_ratio: float | None = None,
    ) -> None:
        """mm/s, mm/s^2, mm/s, ratio in [0, 1). @raise ValueError: when one is out of its range."""
    @property
    def limits(self) -> tuple[float, float, float, float]:
        """max_velocity, max_accel, square_corner_velocity, minimum_cruise_ratio."""
    def set_axis_limits(self, axis: int, max_velocity: float, max_accel: float) -> None:
        """Cap the velocity (mm/s) and acceleration (mm/s^2) along axis 0..2; inf = no cap."""
    def set_range(self, axis: int, minimum: float, maximum: float) -> None:
        """Axis 0..2 may move within these coordinates (mm)."""
    def clear_range(self, axis: int) -> None:
        """The axis' position is not known: moves along it raise NotHomed."""
    def set_unbounded(self, axis: int) -> None:
        """Moves along the axis aren't checked (kinematics none, homing moves)."""
    def get_range(self, axis: int) -> tuple[float, float] | None:
        """Its limits (mm), or None when they are cleared."""

    # Extruders.
    def add_axis(
        self,
        queue: MotionQueue,
        instant_velocity: float = 1.0,
        max_velocity: float = ...,
        max_accel: float = ...,
        minimum: float = ...,
        maximum: float = ...,
    ) -> int:
        """Let moves have a further axis, the first of C{queue}; its index in positions (4 or more).

        @param minimum: mm, its lowest and highest position; where it is, it may stay.
        @raise ValueError: while moves wait, or when there are too many.
        """
    def remove_axis(self, index: int) -> None:
        """Take back a further axis; those after it move up. @raise ValueError: while moves wait."""
    def set_check(self, check: MoveCheck | None) -> None:
        """Limits beyond those of single axes: every later move passes C{check}."""
    def set_extruder(
        self,
        queue: MotionQueue | None,
        instant_velocity: float = 1.0,
        max_only_velocity: float = ...,
        max_only_accel: float = ...,
        max_only_distance: float = ...,
        max_ratio: float = ...,
        free_distance: float = ...,
    ) -> None:
        """Moves added from now on drive this extruder; None: e must not move.

        @param instant_velocity: largest jump of its speed at a junction (mm/s).
        @param max_only_velocity: cap of moves without x, y, z (mm/s); likewise accel and distance.
        @param max_ratio: largest e per mm of path (cross-section / filament area); retracting moves
            and moves of less filament than C{free_distance} (mm) are exempt.
        """
    def set_extruder_enabled(self, enabled: bool, temperature: float = 0.0, coldest: float = 0.0) -> None:
        """Whether the active extruder may move; when not, moves of e raise ExtrusionRefused.

        C{temperature}, C{coldest}: what the hotend has and needs (C), for the error.
        """
    def set_pressure_advance(self, advance: float) -> None:
        """Seconds; applies to printing moves (e forward together with x or y) added from now on."""

    # The path.
    def set_position(self, x: float, y: float, z: float, e: float) -> None:
        """Jump: the next move starts here. Moves pending keep their coordinates.
        @raise InvalidMove: on NaN or infinity."""
    @property
    def position(self) -> tuple[float, float, float, float]:
        """Where the last move added ends."""
    def move(self, x: float, y: float, z: float, e: float, speed: float) -> bool:
        """Add a move at C{speed} mm/s.

        @return: True when enough has gathered that a lazy flush is worth while.
        @raise InvalidMove, NotHomed, MoveOutOfRange, ExtrusionRefused: nothing is added then.
        """
    def mark(self) -> int:
        """A number whose print_time (the end of the last move added) a flush will tell."""
    def flush(self, print_time: float, lazy: bool = False) -> float:
        """Plan moves into the motion queues from C{print_time} on.

        @param lazy: keep those whose speeds later moves may still change; else come to a stop.
        @return: the print_time at which the planned moves end (C{print_time} without any).
        """
    def take_marks(self) -> list[tuple[int, float]]:
        """(mark, print_time) of marks that flushes have reached since the last call."""
    def discard(self) -> None:
        """Forget moves that aren't planned yet; position stays that of the last planned one."""
    def __len__(self) -> int:
        """Moves that wait."""
    @property
    def entry_velocity(self) -> float:
        """mm/s at which the last planned move ends, and the next flush goes on."""
    @property
    def due(self) -> bool:
        """Whether so much has come that a lazy flush is worth while."""
    @property
    def pending_time(self) -> float:
        """Lower bound (s) of the time that the waiting moves take."""
    @property
    def pending_distance(self) -> float:
        """Length (mm) of the path that waits."""
