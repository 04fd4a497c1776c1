"""Work spaces that are no boxes: round ones, and those whose ceiling hangs on towers."""

from collections.abc import Sequence

from klipperd.motion.geometry import Geometry
from klipperd.motion.limits import MoveCheck

class Workspace(MoveCheck):
    """Refuses moves that leave the work space, and slows down those near its edge. Compiled code asks it."""

    active: bool
    """Whether positions are known, and moves are checked."""

    shaping_time: float
    """s; at a speed v, input shapers lead the head at most v times that away from the path."""

    def __init__(
        self,
        radius: float = ...,
        *,
        hole: float = 0.0,
        ceilings: Sequence[tuple[Geometry, float]] = (),
        open_below: float = ...,
        slow_beyond: tuple[float, float] = ...,
        slow_across: bool = False,
        nominal: tuple[float, float] = ...,
        turn_rate: float = ...,
        floor: float = ...,
    ) -> None:
        """@param radius: mm from the centre that may be reached.
        @param hole: mm around the centre that paths may not touch.
        @param ceilings: for each tower its geometry and the coordinate at which it meets its endstop.
        @param open_below: below this z (mm) no tower can.
        @param slow_beyond: mm from the centre beyond which moves get a half and a quarter of C{nominal}
            speed (mm/s) and acceleration (mm/s^2); C{slow_across}: of x only.
        @param turn_rate: rad/s at which a path may go round the centre.
        @param floor: lowest z (mm), which messages about the ceiling tell.
        """
    @property
    def radius(self) -> float: ...
    @property
    def hole(self) -> float: ...
    @property
    def open_below(self) -> float: ...
    @property
    def floor(self) -> float: ...
    @property
    def turn_rate(self) -> float: ...
