"""The tool head as a printer object: its commands, its status, and how it is put together."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import CommandError
from klipperd.mcu.board import Board
from klipperd.motion.enable import EnableLines
from klipperd.motion.generation import StepGeneration
from klipperd.motion.homing import home
from klipperd.motion.kinematics.base import AXES, Kinematics, MachineParts
from klipperd.motion.lookahead import Lookahead
from klipperd.motion.motors import MotorOwner
from klipperd.motion.toolhead import Toolhead
from klipperd.motion.trapq import MotionQueue
from klipperd.motion.workers import Workers
from klipperd.objects import PrinterObject, command, param, status_field
from klipperd.objects.call import Call
from klipperd.objects.services import HostControl, HostSettings
from klipperd.printer.carriages import CarriageSection, FreeStepper
from klipperd.printer.extruder import Extruder
from klipperd.printer.printer import PrinterConfig, PrinterSection
from klipperd.printer.steppers import AxisStepper, BedStepper, ExtraStepper, TowerStepper, make_rails

__all__ = ["ToolheadCommands", "ToolheadConfig", "ToolheadStatus", "toolhead"]


WORKERS = 2
"""Threads that solve steps: the reactor's core and one more are left to others on the usual four."""
OFFLINE_MEMORY = 2.0
"""Seconds for which motion is remembered where nobody can ask for it any more."""


@frozen(kw_only=True)
class ToolheadConfig:
    """The tool head; [printer] configures it."""


@frozen
class ToolheadStatus:
    """Status of C{toolhead}."""

    position: Sequence[float] = status_field(doc="last commanded position: x, y, z, e (mm)")
    extruder: str = status_field(doc="name of the active extruder, empty without one")
    homed_axes: str = status_field(doc="axes whose position is known, of xyz")
    axis_minimum: Sequence[float] = status_field(doc="lowest position that may be commanded (mm)")
    axis_maximum: Sequence[float] = status_field(doc="highest position that may be commanded (mm)")
    max_velocity: float = status_field(doc="present limit (mm/s)")
    max_accel: float = status_field(doc="present limit (mm/s^2)")
    minimum_cruise_ratio: float = status_field(doc="present limit")
    square_corner_velocity: float = status_field(doc="present limit (mm/s)")
    stalls: int = status_field(doc="times that the machine had to pause since moves came too slowly")
    print_time: float = status_field(doc="time at which what is planned ends, on the main MCU's clock (s)")
    estimated_print_time: float = status_field(doc="present time on the main MCU's clock (s)")
    cone_start_z: float | None = status_field(doc="deltas: z up to which the whole radius is reached (mm)")
    extra_axes: Mapping[str, int] = status_field(doc="further axes of G1: name -> index in positions")


@define(eq=False, repr=False)
class ToolheadCommands:
    """G-code commands that time, limit and home the tool head."""

    toolhead: Toolhead
    fast_commands: ClassVar[frozenset[str]] = frozenset(("M204",))
    """See L{klipperd.gcode.moves.GcodeMove.fast_commands}."""
    _travel: tuple[Sequence[float], Sequence[float]] = field(init=False)

    @_travel.default
    def _find_travel(self) -> tuple[Sequence[float], Sequence[float]]:
        known = self.toolhead.kinematics.travel
        travels = [known.get(axis, (0.0, 0.0)) for axis in AXES]
        return [low for low, _ in travels] + [0.0], [high for _, high in travels] + [0.0]

    @command("G4")
    async def dwell(
        self, call: Call, *, p: float = param(0.0, minimum=0.0), s: float = param(0.0, minimum=0.0)
    ) -> None:
        """Dwell: P<milliseconds> or S<seconds>."""
        await self.toolhead.dwell(p / 1000.0 + s)

    @command("M400")
    async def wait(self, call: Call) -> None:
        """Wait for current moves to finish."""
        await self.toolhead.wait_moves()

    @command("G28")
    async def home(self, call: Call) -> None:
        """Home the axes that are named, all of them without a name: [X] [Y] [Z]."""
        await home(self.toolhead, "".join(axis for axis in AXES if axis.upper() in call.params))

    @command("M204")
    async def set_acceleration(
        self,
        call: Call,
        *,
        s: float | None = param(None, above=0.0),
        p: float | None = param(None, above=0.0),
        t: float | None = param(None, above=0.0),
    ) -> None:
        """Set acceleration: S<value>, or P<value> T<value> of which the lesser counts."""
        if s is None and p is not None and t is not None:
            s = min(p, t)
        if s is not None:
            self._set_limits(None, s, None, None)

    def _set_limits(self, *limits: float | None) -> None:
        try:
            self.toolhead.lookahead.set_limits(*limits)
        except ValueError as error:
            raise CommandError(str(error)) from None

    @command("SET_VELOCITY_LIMIT")
    async def set_velocity_limit(
        self,
        call: Call,
        *,
        velocity: float | None = param(None, above=0.0),
        accel: float | None = param(None, above=0.0),
        minimum_cruise_ratio: float | None = param(None, minimum=0.0, below=1.0),
        square_corner_velocity: float | None = param(None, minimum=0.0),
    ) -> None:
        """Set printer velocity limits."""
        self._set_limits(velocity, accel, square_corner_velocity, minimum_cruise_ratio)
        if velocity is accel is minimum_cruise_ratio is square_corner_velocity is None:
            names = ("max_velocity", "max_accel", "square_corner_velocity", "minimum_cruise_ratio")
            limits = zip(names, self.toolhead.lookahead.limits, strict=True)
            call.info("\n".join(f"{name}: {value:.6f}" for name, value in limits))

    def shutdown(self, reason: str) -> None:
        """The printer has shut down: plan no more."""
        self.toolhead.shutdown(reason)
        self.toolhead.generation.enable.forget()
        self.toolhead.clear_homed()

    async def close(self) -> None:
        """The printer goes away: plan no more."""
        self.toolhead.shutdown("The printer restarts")
        self.toolhead.generation.close()

    def status(self, eventtime: float) -> ToolheadStatus:
        """Position, limits and times."""
        toolhead = self.toolhead
        velocity, accel, corner, ratio = toolhead.lookahead.limits
        return ToolheadStatus(
            position=toolhead.position,
            extruder=toolhead.extruder.name if toolhead.extruder is not None else "",
            homed_axes=toolhead.homed_axes,
            axis_minimum=self._travel[0],
            axis_maximum=self._travel[1],
            max_velocity=velocity,
            max_accel=accel,
            minimum_cruise_ratio=ratio,
            square_corner_velocity=corner,
            stalls=toolhead.stalls,
            print_time=toolhead.print_time,
            estimated_print_time=toolhead.now(),
            cone_start_z=toolhead.kinematics.status.get("cone_start_z"),
            extra_axes=toolhead.extra_axes,
        )


@define(eq=False, repr=False)
class Parts:
    """What the sections of steppers and carriages gave."""

    axes: Sequence[AxisStepper]
    extras: Sequence[ExtraStepper]
    towers: Sequence[TowerStepper]
    beds: Sequence[BedStepper]
    carriages: Sequence[CarriageSection]
    steppers: Sequence[FreeStepper]

    def of(self, limits: PrinterConfig) -> MachineParts:
        """As the kinematics take them."""
        return MachineParts(
            make_rails(self.axes, self.extras),
            {stepper.tower.name: stepper.tower for stepper in self.towers},
            [section.parts for section in self.carriages],
            [stepper.free for stepper in self.steppers],
            self.beds[0].motor if self.beds else None,
            limits.max_velocity,
            limits.max_accel,
        )


def build_parts(
    config: ToolheadConfig,
    axes: Sequence[AxisStepper],
    extras: Sequence[ExtraStepper],
    towers: Sequence[TowerStepper],
    beds: Sequence[BedStepper],
    carriages: Sequence[CarriageSection],
    steppers: Sequence[FreeStepper],
) -> Parts:
    """Gather them."""
    return Parts(axes, extras, towers, beds, carriages, steppers)


def _make_lookahead(config: PrinterConfig, kinematics: Kinematics, queue: MotionQueue) -> Lookahead:
    lookahead = Lookahead(
        queue,
        config.max_velocity,
        config.max_accel,
        config.square_corner_velocity,
        config.minimum_cruise_ratio,
    )
    for axis, caps in kinematics.axis_caps(config.max_velocity, config.max_accel).items():
        lookahead.set_axis_limits(AXES.index(axis), *caps)
    lookahead.set_position(*kinematics.start, 0.0)
    lookahead.set_check(kinematics.workspace)
    for axis in kinematics.unchecked_axes:
        lookahead.set_unbounded(AXES.index(axis))
    return lookahead


def build_toolhead(
    config: ToolheadConfig,
    printer: PrinterSection,
    parts: Parts,
    extruders: Sequence[Extruder],
    owners: Sequence[MotorOwner],
    board: Board,
    clock: IReactorTime,
    host: HostControl,
    settings: HostSettings,
) -> ToolheadCommands:
    """Join axes, extruders and kinematics."""
    limits = printer.config
    kinematics = limits.kinematics.assemble(parts.of(limits))
    kinematics.wire_endstops()
    queue = MotionQueue()
    queue.set_position(0.0, kinematics.start)
    kinematics.follow(queue)
    enable = EnableLines.of((motor for owner in owners for motor in owner.motors), board)
    generation = StepGeneration(enable, [queue, *(extruder.motion.queue for extruder in extruders)])
    for owner in owners:
        for motor in owner.motors:
            generation.add(motor)
    if settings.offline is not None:
        generation.keep = OFFLINE_MEMORY
    else:
        generation.employ(Workers(WORKERS))
    main = board.main
    made = Toolhead(
        clock,
        lambda: main.estimated_print_time(clock.seconds()),
        host.shutdown,
        kinematics,
        generation,
        queue,
        _make_lookahead(limits, kinematics, queue),
        stretch=settings.offline.stretch if settings.offline is not None else 1.0,
        approach_share=settings.offline.approach_share if settings.offline is not None else 1.0,
    )
    for extruder in extruders:
        extruder.motion.printer_limits = (limits.max_velocity, limits.max_accel)
    if extruders:
        made.activate(min(extruders, key=lambda extruder: extruder.name).motion)
    return ToolheadCommands(made)


machine_parts = PrinterObject("machine_parts", ToolheadConfig, build_parts, internal=True)
toolhead = PrinterObject(
    "toolhead", ToolheadConfig, build_toolhead, internal=True, parts={Toolhead: "toolhead"}
)
