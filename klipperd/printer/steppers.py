"""[stepper_x], [stepper_y], [stepper_z] and further motors of these axes such as [stepper_z1]."""

from collections.abc import Sequence

from attrs import define

from klipperd.mcu.board import Board
from klipperd.motion.hardware import Endstop
from klipperd.motion.motors import MotorOwner, StepperMotor, build_motor
from klipperd.motion.rails import AxisConfig, ExtraMotorConfig, Rail, RailEndstop
from klipperd.objects import Identity, PrinterObject

__all__ = ["AxisStepper", "ExtraStepper", "make_rails", "stepper_x", "stepper_y", "stepper_z"]


@define(eq=False)
class AxisStepper(MotorOwner):
    """The first motor of an axis, with the axis' travel and endstop."""

    axis: str
    config: AxisConfig
    motor: StepperMotor
    endstop: Endstop

    @property
    def motors(self) -> list[StepperMotor]:
        """Its one motor."""
        return [self.motor]


@define(eq=False)
class ExtraStepper(MotorOwner):
    """A further motor of an axis, perhaps with an endstop of its own."""

    axis: str
    number: str
    motor: StepperMotor
    endstop: Endstop | None

    @property
    def motors(self) -> list[StepperMotor]:
        """Its one motor."""
        return [self.motor]


def _axis_of(section: str) -> tuple[str, str]:
    """C{stepper_z1} -> C{("z", "1")}."""
    rest = section.removeprefix("stepper_")
    return rest[0], rest[1:]


def build_axis_stepper(config: AxisConfig, identity: Identity, board: Board) -> AxisStepper:
    """Claim the pins of an axis' first motor and of its endstop."""
    motor = build_motor(identity.section, config, board)
    return AxisStepper(_axis_of(identity.section)[0], config, motor, board.endstop(config.endstop_pin))


def build_extra_stepper(config: ExtraMotorConfig, identity: Identity, board: Board) -> ExtraStepper:
    """Claim the pins of a further motor of an axis."""
    axis, number = _axis_of(identity.section)
    endstop = board.endstop(config.endstop_pin) if config.endstop_pin is not None else None
    return ExtraStepper(axis, number, build_motor(identity.section, config, board), endstop)


def make_rails(axes: Sequence[AxisStepper], extras: Sequence[ExtraStepper], wanted: str) -> dict[str, Rail]:
    """The rails of the C{wanted} axes, in that order."""
    first = {stepper.axis: stepper for stepper in axes}
    rails = {}
    for axis in wanted:
        stepper = first[axis]
        endstops = [RailEndstop(axis, stepper.endstop)]
        mates = [extra for extra in extras if extra.axis == axis]
        endstops += [RailEndstop(axis + m.number, m.endstop, m.motor) for m in mates if m.endstop]
        rails[axis] = Rail(axis, stepper.config, [stepper.motor, *(m.motor for m in mates)], endstops)
    return rails


stepper_x = PrinterObject("stepper_x", AxisConfig, build_axis_stepper)
stepper_y = PrinterObject("stepper_y", AxisConfig, build_axis_stepper)
stepper_z = PrinterObject("stepper_z", AxisConfig, build_axis_stepper)
stepper_x_more = PrinterObject("stepper_x##", ExtraMotorConfig, build_extra_stepper)
stepper_y_more = PrinterObject("stepper_y##", ExtraMotorConfig, build_extra_stepper)
stepper_z_more = PrinterObject("stepper_z##", ExtraMotorConfig, build_extra_stepper)
