"""The motion queue: what a tool head or an extruder does over time, as trapezoids of speed."""

RECORD: list[tuple[str, str] | tuple[str, str, int]]
"""What one trapezoid of L{MotionQueue.records} consists of, as numpy.dtype takes it."""

class MotionQueue:
    """Trapezoids in order of print_time, for up to three axes (an extruder uses the first).

    Between trapezoids, before the first and after the last, the position rests.
    """

    def __init__(self, history: float = 30.0) -> None:
        """C{history}: seconds for which passed trapezoids are kept for L{dump} and L{position_at}."""
    def append(
        self,
        print_time: float,
        start: tuple[float, float, float],
        end: tuple[float, float, float],
        speeds: tuple[float, float, float],
        times: tuple[float, float, float],
        acceleration: float,
        pressure_advance: float = 0.0,
    ) -> float:
        """Add one move from C{start} to C{end} (mm).

        @param print_time: when it begins (s); not before the end of the last one.
        @param speeds: start, cruise and end speed along the path (mm/s).
        @param times: of speeding up, cruising and slowing down (s).
        @param acceleration: of the first and last phase (mm/s^2), a magnitude.
        @param pressure_advance: s; only of meaning in an extruder's queue.
        @return: the print_time at which it ends.
        @raise ValueError: when times go back, or a value is NaN or infinite.
        """
    def set_position(self, print_time: float, position: tuple[float, float, float]) -> None:
        """From C{print_time} on the position is C{position}: a jump of coordinates, not a motion.

        Trapezoids that begin after it are dropped, one under way is cut.
        """
    def position_at(self, print_time: float) -> tuple[float, float, float]:
        """Position (mm) at a time within the history; rests at the ends outside of it."""
    def velocity_at(self, print_time: float) -> tuple[float, float, float]:
        """Velocity (mm/s) per axis."""
    def expire(self, print_time: float) -> None:
        """Forget what ended more than C{history} seconds before C{print_time}."""
    def dump(
        self, start_time: float, end_time: float, limit: int = 4096
    ) -> list[tuple[float, float, float, float, tuple[float, float, float], tuple[float, float, float]]]:
        """Phases of constant acceleration that begin in [start_time, end_time), oldest first:
        time, duration, start velocity, acceleration, start position, direction."""
    def records(self, index: int, limit: int = 65536) -> tuple[bytes, int]:
        """Trapezoids from C{index} on, packed as L{RECORD} says, and the index after them."""
    @property
    def first(self) -> int:
        """Index of the oldest trapezoid that is kept."""
    @property
    def next(self) -> int:
        """Index of the next trapezoid that will be added."""
    @property
    def split(self) -> bool:
        """Whether the planner tells what an extruder moves along x and y, as this queue's y and z: e times
        the squares of the path's direction. Set it at rest."""
    @split.setter
    def split(self, value: bool) -> None: ...
    @property
    def end_time(self) -> float:
        """print_time (s) at which the last trapezoid ends; 0.0 without any."""
    @property
    def end_position(self) -> tuple[float, float, float]: ...
    def __len__(self) -> int: ...
