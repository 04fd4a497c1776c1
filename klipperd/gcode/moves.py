"""G0, G1 and the commands that change what they mean."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Protocol, TypeVar

from attrs import define, evolve, field, frozen

from klipperd.errors import CommandError
from klipperd.gcode.coordinates import INCH, GcodeCoordinates, GcodeState
from klipperd.gcode.dispatch import GcodeCall
from klipperd.gcode.stream import GcodeStream
from klipperd.motion.errors import MoveOutOfRange
from klipperd.motion.lookahead import Lookahead
from klipperd.motion.transform import PlannerLink, PythonLink, Transform
from klipperd.motion.trapq import MotionQueue
from klipperd.objects.call import Call, command, param
from klipperd.objects.option import status_field

__all__ = ["GcodeMove", "GcodeMoveStatus", "MoveTransform", "Planner", "StreamPlanner"]


class MoveTransform(Protocol):
    """One link of the chain that moves pass: the last one is the toolhead."""

    @property
    def position(self) -> Sequence[float]:
        """Where the machine is, in the coordinates of whoever calls C{move} (mm)."""

    def move(self, position: Sequence[float], speed: float) -> None:
        """Queue a move to C{position} at C{speed} (mm/s); changes nothing when it raises."""


class Planner(MoveTransform, Protocol):
    """What the toolhead is to G-code moves."""

    @property
    def busy(self) -> bool:
        """Whether enough is planned ahead for now."""

    async def throttle(self) -> None:
        """Wait until there is room for more moves."""

    async def wait_moves(self) -> None:
        """Wait until all queued moves are done."""

    def idle_time(self, eventtime: float) -> float:
        """Seconds since the last queued move ended; 0 while anything moves or waits to move."""

    def on_displaced(self, displaced: Callable[[Sequence[int]], None]) -> None:
        """Call C{displaced(indices of axes that G28 has homed)} after every change of position that is
        not of C{move}'s making."""


class StreamPlanner(Planner, Protocol):
    """A planner that takes the moves of a stream without being asked for each."""

    @property
    def lookahead(self) -> Lookahead:
        """Where moves wait to be planned."""

    def execute(self, source: GcodeStream) -> int:
        """Let a stream add and plan moves as far ahead as is wanted; why it ended."""


T = TypeVar("T", bound=MoveTransform)


@frozen
class GcodeMoveStatus:
    """Status of C{gcode_move}. Positions are lists of x, y, z, e and any further axes."""

    gcode_position: Sequence[float] = status_field(doc="position as a G1 would name it (mm)")
    position: Sequence[float] = status_field(doc="commanded position in the configuration's coordinates (mm)")
    homing_origin: Sequence[float] = status_field(doc="origin of G-code coordinates after a G28 (mm)")
    speed: float = status_field(doc="the last F word (mm/min), M220 left out")
    speed_factor: float = status_field(doc="M220 as a factor")
    extrude_factor: float = status_field(doc="M221 as a factor")
    absolute_coordinates: bool = status_field(doc="G90 rather than G91")
    absolute_extrude: bool = status_field(doc="M82 rather than M83")
    axis_map: Mapping[str, int] = status_field(doc="axis letter of a G1 -> index in positions")


@define(eq=False, repr=False)
class GcodeMove:
    """The modal state of G-code moves of one printer.

    C{fast} is the planner too, if it has a lookahead to which moves can go in compiled code. C{head} is the
    first of the transforms that they pass.
    """

    planner: Planner
    fast: StreamPlanner | None = None
    head: MoveTransform = field(init=False)
    coordinates: GcodeCoordinates = field(init=False)
    _saved: dict[str, GcodeState] = field(factory=dict, init=False)

    fast_commands: ClassVar[frozenset[str]] = frozenset(
        ("G0", "G1", "G20", "G21", "G90", "G91", "G92", "M82", "M83", "M220", "M221")
    )
    """Those of its commands that L{klipperd.gcode.stream} may execute in its place."""

    def __attrs_post_init__(self) -> None:
        lookahead = self.fast.lookahead if self.fast is not None else None
        self.head = first = PlannerLink(lookahead, self.planner)
        self.coordinates = GcodeCoordinates(first)
        self.coordinates.machine_moved(first.position)
        self.planner.on_displaced(self._displaced)

    def add_transform(self, make: Callable[[Transform], T]) -> T:
        """Let moves pass another transform first: C{make} gets what it passes them on to.

        Compiled ones are a L{Transform} of that C{next}; others are called for each move.
        """
        before = self.coordinates.head
        made = make(before)
        self.head = made
        self.coordinates.set_head(made if isinstance(made, Transform) else PythonLink(before, made))
        self.reset_position()
        return made

    def add_axis(
        self,
        letter: str,
        queue: MotionQueue,
        instant_velocity: float = 1.0,
        max_velocity: float = math.inf,
        max_accel: float = math.inf,
        travel: tuple[float, float] = (-math.inf, math.inf),
    ) -> int:
        """Let moves carry a word for a further axis, the first of C{queue}; its index in positions.

        @param travel: lowest and highest position (mm) that moves may lead to.
        @raise CommandError: when the letter is taken, or moves wait to be planned.
        """
        if self.fast is None:
            raise CommandError("this planner has no further axes")
        before = tuple(self.coordinates.extra)
        try:
            self.coordinates.extra = (*before, letter)
            index = self.fast.lookahead.add_axis(queue, instant_velocity, max_velocity, max_accel, *travel)
        except ValueError as error:
            self.coordinates.extra = before
            raise CommandError(str(error)) from None
        self.reset_position()
        return index

    def remove_axis(self, letter: str) -> None:
        """Take a further axis back. @raise CommandError: when there is none, or moves wait to be planned."""
        extra = tuple(self.coordinates.extra)
        if self.fast is None or letter not in extra:
            raise CommandError(f"no further axis is called {letter!r}")
        try:
            self.fast.lookahead.remove_axis(4 + extra.index(letter))
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.coordinates.remove_axis(letter)
        self.reset_position()

    def reset_position(self) -> None:
        """The machine was moved otherwise, or a transform has changed: see where it is."""
        self.coordinates.machine_moved(self.coordinates.head.position)

    def _displaced(self, homed: Sequence[int]) -> None:
        self.reset_position()
        self.coordinates.axes_homed(homed)

    @command("G0", "G1")
    async def move(self, call: GcodeCall) -> None:
        """Move in a straight line: [X<pos>] [Y<pos>] [Z<pos>] [E<pos>] [F<speed>]."""
        try:
            self.coordinates.linear(call.line)
        except MoveOutOfRange as refused:
            raise self._lettered(refused) from None
        if self.planner.busy:
            await self.planner.throttle()

    def _lettered(self, refused: MoveOutOfRange) -> MoveOutOfRange:
        """The planner knows further axes by their index."""
        names = {f"axis {index}": letter for index, letter in enumerate(self.coordinates.extra, 4)}
        return evolve(refused, axis=names.get(refused.axis, refused.axis))

    @command("G20")
    async def use_inches(self, call: Call) -> None:
        """Words of moves are in inches."""
        self.coordinates.unit = INCH

    @command("G21")
    async def use_millimetres(self, call: Call) -> None:
        """Words of moves are in mm."""
        self.coordinates.unit = 1.0

    @command("G90")
    async def absolute(self, call: Call) -> None:
        """Use absolute coordinates."""
        self.coordinates.absolute = True

    @command("G91")
    async def relative(self, call: Call) -> None:
        """Use relative coordinates."""
        self.coordinates.absolute = False

    @command("M82")
    async def absolute_extrude(self, call: Call) -> None:
        """Use absolute distances for extrusion."""
        self.coordinates.absolute_extrude = True

    @command("M83")
    async def relative_extrude(self, call: Call) -> None:
        """Use relative distances for extrusion."""
        self.coordinates.absolute_extrude = False

    @command("G92")
    async def set_position(
        self,
        call: Call,
        *,
        x: float | None = None,
        y: float | None = None,
        z: float | None = None,
        e: float | None = None,
    ) -> None:
        """Set the present position's G-code coordinates, all of them to zero without parameters."""
        given = (x, y, z, e)
        everything = all(value is None for value in given)
        for index, value in enumerate(given):
            if everything or value is not None:
                self.coordinates.set_position(index, value)

    @command("M114")
    async def report_position(self, call: Call) -> None:
        """Report the current position."""
        x, y, z, e = self.coordinates.gcode_position()[:4]
        call.respond(f"X:{x:.3f} Y:{y:.3f} Z:{z:.3f} E:{e:.3f}")

    @command("M220")
    async def set_speed_factor(self, call: Call, *, s: float = param(100.0, above=0.0)) -> None:
        """Set the speed factor override percentage."""
        self.coordinates.set_speed_factor(s / 100.0)

    @command("M221")
    async def set_extrude_factor(self, call: Call, *, s: float = param(100.0, above=0.0)) -> None:
        """Set the extrude factor override percentage."""
        self.coordinates.set_extrude_factor(s / 100.0)

    @command("SET_GCODE_OFFSET")
    async def set_offset(
        self,
        call: Call,
        *,
        x: float | None = None,
        y: float | None = None,
        z: float | None = None,
        e: float | None = None,
        x_adjust: float | None = None,
        y_adjust: float | None = None,
        z_adjust: float | None = None,
        e_adjust: float | None = None,
        move: bool = param(False, doc="1: move by the change at once"),
        move_speed: float | None = param(None, above=0.0, doc="mm/s"),
    ) -> None:
        """Set a virtual offset to G-code positions."""
        there = self.coordinates
        shifts = [0.0] * len(there.position)
        adjusts = (x_adjust, y_adjust, z_adjust, e_adjust)
        for index, (offset, adjust) in enumerate(zip((x, y, z, e), adjusts, strict=True)):
            if offset is None and adjust is not None:
                offset = there.homing[index] + adjust
            if offset is not None:
                shifts[index] = there.set_offset(index, offset)
        if move:
            there.move_by(shifts, move_speed)

    @command("SAVE_GCODE_STATE")
    async def save_state(self, call: Call, *, name: str = "default") -> None:
        """Save the G-code coordinate state."""
        self._saved[name] = self.coordinates.save()

    @command("RESTORE_GCODE_STATE")
    async def restore_state(
        self,
        call: Call,
        *,
        name: str = "default",
        move: bool = param(False, doc="1: move back to the saved position"),
        move_speed: float | None = param(None, above=0.0, doc="mm/s"),
    ) -> None:
        """Restore a saved G-code coordinate state."""
        state = self._saved.get(name)
        if state is None:
            raise CommandError(f"Unknown g-code state: {name}")
        self.coordinates.restore(state)
        if move:
            self.coordinates.move_back(state, move_speed)

    def status(self, eventtime: float) -> GcodeMoveStatus:
        """Modes, factors and positions."""
        there = self.coordinates
        return GcodeMoveStatus(
            gcode_position=there.gcode_position(),
            position=there.position,
            homing_origin=there.homing,
            # Peers' documentation says mm/s; what they show, and clients and macros reckon with, is mm/min.
            speed=there.feedrate * 60.0,
            speed_factor=there.speed_factor,
            extrude_factor=there.extrude_factor,
            absolute_coordinates=there.absolute,
            absolute_extrude=there.absolute_extrude,
            axis_map={letter: index for index, letter in enumerate(("X", "Y", "Z", "E", *there.extra))},
        )
