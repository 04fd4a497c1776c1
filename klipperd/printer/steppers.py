"""Steppers that kinematics move: [stepper_x], [stepper_z1], [stepper_a], [stepper_bed] and so on."""

import re
from collections.abc import Mapping, Sequence

from attrs import define

from klipperd.mcu.board import Board
from klipperd.motion.hardware import Endstop
from klipperd.motion.kinematics.parts import Tower, TowerConfig
from klipperd.motion.motors import MotorOwner, RotaryConfig, StepperMotor, build_motor
from klipperd.motion.rails import AxisConfig, ExtraMotorConfig, Rail, RailEndstop
from klipperd.objects import Identity, PrinterObject

__all__ = ["AxisStepper", "BedStepper", "ExtraStepper", "TowerStepper", "make_rails"]


@define(eq=False, repr=False)
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


@define(eq=False, repr=False)
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


@define(eq=False, repr=False)
class TowerStepper(MotorOwner):
    """The motor of a tower, an arm or a cable."""

    tower: Tower

    @property
    def motors(self) -> list[StepperMotor]:
        """Its one motor."""
        return [self.tower.motor]


@define(eq=False, repr=False)
class BedStepper(MotorOwner):
    """The motor that turns a polar printer's bed."""

    motor: StepperMotor

    @property
    def motors(self) -> list[StepperMotor]:
        """Its one motor."""
        return [self.motor]


def _axis_of(section: str) -> tuple[str, str]:
    """C{stepper_z1} -> C{("z", "1")}, C{stepper_arm} -> C{("arm", "")}."""
    found = re.fullmatch(r"stepper_([a-z]+)(\d*)", section)
    assert found is not None
    return found[1], found[2]


def build_axis_stepper(config: AxisConfig, identity: Identity, board: Board) -> AxisStepper:
    """Claim the pins of an axis' first motor and of its endstop."""
    motor = build_motor(identity.section, config, board)
    return AxisStepper(_axis_of(identity.section)[0], config, motor, board.endstop(config.endstop_pin))


def build_extra_stepper(config: ExtraMotorConfig, identity: Identity, board: Board) -> ExtraStepper:
    """Claim the pins of a further motor of an axis."""
    axis, number = _axis_of(identity.section)
    endstop = board.endstop(config.endstop_pin) if config.endstop_pin is not None else None
    return ExtraStepper(axis, number, build_motor(identity.section, config, board), endstop)


def build_tower_stepper(config: TowerConfig, identity: Identity, board: Board) -> TowerStepper:
    """Claim the pins of a tower's motor and of its endstop."""
    motor = build_motor(identity.section, config, board)
    endstop = board.endstop(config.endstop_pin) if config.endstop_pin is not None else None
    return TowerStepper(Tower(_axis_of(identity.section)[0], config, motor, endstop))


def build_bed_stepper(config: RotaryConfig, identity: Identity, board: Board) -> BedStepper:
    """Claim the pins of a bed's motor."""
    return BedStepper(build_motor(identity.section, config, board))


def make_rails(axes: Sequence[AxisStepper], extras: Sequence[ExtraStepper]) -> Mapping[str, Rail]:
    """The rails of all axes, each with its motors and endstops."""
    rails = {}
    for stepper in sorted(axes, key=lambda stepper: stepper.axis):
        axis = stepper.axis
        endstops = [RailEndstop(axis, stepper.endstop)]
        mates = [extra for extra in extras if extra.axis == axis]
        endstops += [RailEndstop(axis + m.number, m.endstop, m.motor) for m in mates if m.endstop]
        rails[axis] = Rail(axis, stepper.config, [stepper.motor, *(m.motor for m in mates)], endstops)
    return rails


stepper_x = PrinterObject("stepper_x", AxisConfig, build_axis_stepper)
stepper_y = PrinterObject("stepper_y", AxisConfig, build_axis_stepper)
stepper_z = PrinterObject("stepper_z", AxisConfig, build_axis_stepper)
stepper_arm = PrinterObject("stepper_arm", AxisConfig, build_axis_stepper)
stepper_x_more = PrinterObject("stepper_x##", ExtraMotorConfig, build_extra_stepper)
stepper_y_more = PrinterObject("stepper_y##", ExtraMotorConfig, build_extra_stepper)
stepper_z_more = PrinterObject("stepper_z##", ExtraMotorConfig, build_extra_stepper)
stepper_letter = PrinterObject("stepper_@", TowerConfig, build_tower_stepper)
stepper_left = PrinterObject("stepper_left", TowerConfig, build_tower_stepper)
stepper_right = PrinterObject("stepper_right", TowerConfig, build_tower_stepper)
stepper_bed = PrinterObject("stepper_bed", RotaryConfig, build_bed_stepper)
