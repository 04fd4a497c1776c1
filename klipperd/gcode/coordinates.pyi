"""What G0, G1 and their modal companions mean: from words of G-code to positions of the machine.

Positions are lists of mm: x, y, z, e, then the axes that are named in C{extra}. Three coordinate systems
are kept by two offsets (G-Codes.md, Code_Overview.md "Coordinate systems"):

  position   of the machine, as the configuration means it = G-code position * factor + base
  base       what G92 and SET_GCODE_OFFSET have shifted
  homing     the part of it that SET_GCODE_OFFSET asked for, which a G28 leaves in place
"""

from collections.abc import Sequence

from attrs import frozen

from klipperd.gcode.lexer import Line
from klipperd.motion.transform import Transform

INCH: float
"""mm"""

@frozen
class GcodeState:
    """What SAVE_GCODE_STATE keeps."""

    absolute: bool
    absolute_extrude: bool
    base: tuple[float, ...]
    position: tuple[float, ...]
    homing: tuple[float, ...]
    feedrate: float
    speed_factor: float
    extrude_factor: float

class GcodeCoordinates:
    """The one modal state of G-code moves, whoever sends them; C{head} is where moves go.

    A move that is refused changes nothing. Speeds are in mm/s.
    """

    absolute: bool
    absolute_extrude: bool
    unit: float
    plane: int
    """0, 1, 2: arcs turn in xy, zx or yz (G17, G18, G19)."""
    feedrate: float
    speed_factor: float
    extrude_factor: float
    arc_resolution: float
    """mm; no piece of an arc is longer."""
    arc_error: float
    """mm; no piece of an arc is further from it."""
    extra: Sequence[str]
    """Letters of further axes."""
    def __init__(self, head: Transform, extra: Sequence[str] = ()) -> None: ...
    @property
    def head(self) -> Transform: ...
    def set_head(self, head: Transform) -> None:
        """Let later moves go to another transform."""
    @property
    def position(self) -> list[float]: ...
    @property
    def base(self) -> list[float]: ...
    @property
    def homing(self) -> list[float]: ...
    @property
    def speed(self) -> float:
        """That of the next move without F (mm/s)."""
    def remove_axis(self, letter: str) -> None:
        """A further axis is no more; those after it move up."""
    def linear(self, line: Line) -> None:
        """Execute a G0 or G1. @raise CommandError: when it is refused; nothing has changed then."""
    def circular(self, line: Line, clockwise: bool) -> None:
        """Execute a G2 or G3. @raise CommandError: when it is refused; nothing has changed then."""
    def set_position(self, index: int, value: float | None) -> None:
        """G92: call the present position of an axis C{value} (in G-code units), or all of it zero."""
    def set_speed_factor(self, factor: float) -> None:
        """M220."""
    def set_extrude_factor(self, factor: float) -> None:
        """M221: later extrusions count so much; the present E stays what it was called."""
    def set_offset(self, index: int, offset: float) -> float:
        """SET_GCODE_OFFSET: the origin's offset of an axis (mm); how far that shifts it."""
    def move_by(self, shifts: Sequence[float], speed: float | None) -> None:
        """Move by some mm an axis, at C{speed} or at the speed of the last G1."""
    def gcode_position(self) -> list[float]:
        """The present position as a G1 would name it (mm)."""
    def machine_moved(self, position: Sequence[float]) -> None:
        """Something other than G1 has moved the machine, or has set its position."""
    def axes_homed(self, indices: Sequence[int]) -> None:
        """G28 forgets what G92 said of these axes."""
    def save(self) -> GcodeState:
        """SAVE_GCODE_STATE."""
    def restore(self, state: GcodeState) -> None:
        """RESTORE_GCODE_STATE; the machine stays where it is."""
    def move_back(self, state: GcodeState, speed: float | None) -> None:
        """Move x, y, z to where they were when C{state} was saved."""
