"""[manual_stepper NAME]: motors that the MANUAL_STEPPER command moves."""

from collections.abc import Iterator, Sequence
from math import inf

from attrs import define, frozen

from klipperd.errors import CommandError
from klipperd.gcode.moves import GcodeMove
from klipperd.mcu.board import Board
from klipperd.motion.manual import ManualMotor
from klipperd.motion.motors import MotorConfig, MotorOwner, StepperMotor, build_motor
from klipperd.motion.rails import RailEndstop
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import Identity, Pin, PrinterObject, command, option, param
from klipperd.objects.call import Call
from klipperd.objects.values import nearest

__all__ = ["ManualStepper", "ManualStepperConfig", "ManualSteppers", "manual_stepper", "manual_steppers"]


@frozen(kw_only=True)
class ManualStepperConfig(MotorConfig):
    """A motor that is not part of the kinematics."""

    velocity: float = option(5.0, above=0.0, unit="mm/s", doc="speed of moves that name none")
    accel: float = option(
        0.0, minimum=0.0, unit="mm/s^2", doc="acceleration of moves that name none; 0: at full speed at once"
    )
    endstop_pin: Pin | None = option(None, doc="input of an endstop, for STOP_ON_ENDSTOP")
    position_min: float | None = option(None, unit="mm", doc="lowest position of moves; any by default")
    position_max: float | None = option(None, unit="mm", doc="highest position of moves; any by default")

    def check(self) -> Iterator[tuple[str, str]]:
        """Problems of options in combination."""
        yield from super().check()
        low, high = self.position_min, self.position_max
        if low is not None and high is not None and high <= low:
            yield "position_max", f"{high:g} must be above position_min = {low:g}"


@define(eq=False, repr=False)
class ManualStepper(MotorOwner):
    """The motor; L{ManualSteppers} serves its command."""

    name: str
    config: ManualStepperConfig
    manual: ManualMotor
    letter: str | None = None
    """The word of G1 that moves it, instead of MANUAL_STEPPER."""
    limits: tuple[float, float, float] = (1.0, inf, inf)
    """Of it as an axis: instantaneous_corner_velocity, velocity, accel."""

    @property
    def motors(self) -> list[StepperMotor]:
        """Its one motor."""
        return [self.manual.motor]

    def check_free(self) -> None:
        """@raise CommandError: while it is an axis of G1."""
        if self.letter is not None:
            text = f"is the axis {self.letter} of G1; give it back with GCODE_AXIS="
            raise CommandError(f"manual_stepper {self.name} {text}")

    @property
    def travel(self) -> tuple[float, float]:
        """Between which positions (mm) moves may lead."""
        low, high = self.config.position_min, self.config.position_max
        return -inf if low is None else low, inf if high is None else high

    def check_range(self, target: float) -> None:
        """@raise CommandError: when a move may not lead there."""
        low, high = self.travel
        if not low <= target <= high:
            text = f"manual_stepper {self.name} = {target:.3f}, allowed {low:.3f} to {high:.3f}"
            raise CommandError(f"Move out of range: {text}")


@frozen(kw_only=True)
class ManualSteppersConfig:
    """There is nothing to configure here."""


@frozen
class _Stop:
    """What STOP_ON_ENDSTOP asks for."""

    triggered: bool
    required: bool
    """Whether a move without a trigger is an error."""
    homes: bool
    """Whether the trigger is where MOVE says."""

    @classmethod
    def read(cls, text: str) -> "_Stop":
        rest = text.lower()
        required = not rest.startswith("try_")
        rest = rest.removeprefix("try_")
        triggered = not rest.startswith("inverted_")
        rest = rest.removeprefix("inverted_")
        # Older configurations say 1, 2, -1 and -2.
        old = {"1": "probe", "-1": "probe", "2": "home", "-2": "home"}
        if text in old:
            required, rest = not text.startswith("-"), old[text]
        if rest not in ("probe", "home"):
            raise CommandError(
                f"STOP_ON_ENDSTOP={text} is none of [try_][inverted_]probe, [try_][inverted_]home"
            )
        return cls(triggered, required, rest == "home")


@define(eq=False, repr=False)
class ManualSteppers:
    """Serves all of them."""

    _toolhead: Toolhead
    _moves: GcodeMove
    _steppers: Sequence[ManualStepper]

    def _find(self, name: str) -> ManualStepper:
        named = {stepper.name: stepper for stepper in self._steppers}
        if name not in named:
            raise CommandError(f"There is no manual_stepper {name!r}{nearest(name, list(named))}")
        return named[name]

    @command("MANUAL_STEPPER")
    async def serve(
        self,
        call: Call,
        *,
        stepper: str,
        enable: bool | None = None,
        set_position: float | None = None,
        move: float | None = None,
        speed: float | None = param(None, above=0.0),
        accel: float | None = param(None, minimum=0.0),
        sync: bool = True,
        stop_on_endstop: str | None = None,
        gcode_axis: str | None = None,
        limit_velocity: float = param(inf, above=0.0),
        limit_accel: float = param(inf, above=0.0),
        instantaneous_corner_velocity: float = param(1.0, minimum=0.0),
    ) -> None:
        """Command a manually configured stepper."""
        found = self._find(stepper)
        before = found.letter
        if gcode_axis is not None:
            self._leave(found)
        if enable is not None:
            toolhead = self._toolhead
            toolhead.generation.enable.switch(found.manual.motor.name, enable, toolhead.last_move_time())
        if set_position is not None:
            found.check_free()
            found.manual.set_position(self._toolhead, set_position)
        if gcode_axis:
            limits = (instantaneous_corner_velocity, limit_velocity, limit_accel)
            try:
                self._join(found, gcode_axis.upper(), limits)
            except CommandError:
                if before is not None:
                    self._join(found, before, found.limits)
                raise
        if move is None:
            return
        found.check_free()
        found.check_range(move)
        speed = found.config.velocity if speed is None else speed
        accel = found.config.accel if accel is None else accel
        if stop_on_endstop is not None:
            await self._move_to_endstop(found, _Stop.read(stop_on_endstop), move, speed, accel)
            return
        found.manual.move(self._toolhead, move, speed, accel)
        if sync:
            self._toolhead.extend(found.manual.end)
        await self._toolhead.throttle()

    def _join(self, found: ManualStepper, letter: str, limits: tuple[float, float, float]) -> None:
        """Make it an axis of G1."""
        self._toolhead.last_move_time()
        self._moves.add_axis(letter, found.manual.queue, *limits, found.travel)
        found.letter, found.limits = letter, limits
        self._tell_axes()

    def _leave(self, found: ManualStepper) -> None:
        """It is no axis of G1."""
        if found.letter is not None:
            self._toolhead.last_move_time()
            self._moves.remove_axis(found.letter)
            found.letter = None
            self._tell_axes()

    def _tell_axes(self) -> None:
        axes = self._moves.coordinates.extra
        self._toolhead.extra_axes = {axis: index for index, axis in enumerate(axes, 4)}

    async def _move_to_endstop(
        self, found: ManualStepper, stop: _Stop, target: float, speed: float, accel: float
    ) -> None:
        if found.manual.endstop is None:
            raise CommandError(f"manual_stepper {found.name} has no endstop_pin for STOP_ON_ENDSTOP")
        hit, at = await found.manual.home(self._toolhead, target, speed, accel, triggered=stop.triggered)
        if hit and stop.homes:
            found.manual.set_position(self._toolhead, target + found.manual.position - at)
        if not hit and stop.required:
            raise CommandError(f"No trigger on manual_stepper {found.name} after full movement")


def build_manual_stepper(config: ManualStepperConfig, identity: Identity, board: Board) -> ManualStepper:
    """Claim the pins of motor and endstop."""
    motor = build_motor(identity.section, config, board)
    endstop = None
    if config.endstop_pin is not None:
        endstop = RailEndstop(identity.section, board.endstop(config.endstop_pin), motor)
        endstop.stop(motor)
    return ManualStepper(identity.name, config, ManualMotor(motor, endstop))


def build_manual_steppers(
    config: ManualSteppersConfig, toolhead: Toolhead, moves: GcodeMove, steppers: Sequence[ManualStepper]
) -> ManualSteppers:
    """Serve those that there are."""
    toolhead.generation.queues.extend(stepper.manual.queue for stepper in steppers)
    return ManualSteppers(toolhead, moves, steppers)


manual_stepper = PrinterObject("manual_stepper *", ManualStepperConfig, build_manual_stepper)
manual_steppers = PrinterObject("manual_steppers", ManualSteppersConfig, build_manual_steppers, internal=True)
