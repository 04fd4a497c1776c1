"""[carriage NAME], [extra_carriage NAME], [stepper NAME] of generic_cartesian; second carriages."""

from attrs import define

from klipperd.mcu.board import Board
from klipperd.motion.kinematics.parts import (
    CarriageConfig,
    CarriageParts,
    DualCarriageConfig,
    ExtraCarriageConfig,
    FreeDualCarriageConfig,
    FreeMotor,
    FreeMotorConfig,
)
from klipperd.motion.motors import MotorOwner, StepperMotor, build_motor
from klipperd.objects import Identity, PrinterObject

__all__ = ["CarriageSection", "FreeStepper", "SecondCarriage"]


@define(eq=False, repr=False)
class CarriageSection:
    """A carriage with its endstop."""

    parts: CarriageParts


@define(eq=False, repr=False)
class SecondCarriage(CarriageSection, MotorOwner):
    """A second carriage with a motor of its own."""

    @property
    def motors(self) -> list[StepperMotor]:
        """Its one motor."""
        return [self.parts.motor] if self.parts.motor is not None else []


@define(eq=False, repr=False)
class FreeStepper(MotorOwner):
    """A motor that moves carriages."""

    free: FreeMotor

    @property
    def motors(self) -> list[StepperMotor]:
        """Its one motor."""
        return [self.free.motor]


def build_carriage(config: CarriageConfig, identity: Identity, board: Board) -> CarriageSection:
    """Claim the endstop's pin."""
    return CarriageSection(CarriageParts(identity.name, config, board.endstop(config.endstop_pin)))


def build_extra_carriage(config: ExtraCarriageConfig, identity: Identity, board: Board) -> CarriageSection:
    """Claim the endstop's pin."""
    return CarriageSection(CarriageParts(identity.name, config, board.endstop(config.endstop_pin)))


def build_free_dual(config: FreeDualCarriageConfig, identity: Identity, board: Board) -> CarriageSection:
    """Claim the endstop's pin."""
    return CarriageSection(CarriageParts(identity.name, config, board.endstop(config.endstop_pin)))


def build_second(config: DualCarriageConfig, identity: Identity, board: Board) -> SecondCarriage:
    """Claim the pins of motor and endstop; C{SET_DUAL_CARRIAGE} calls it 1."""
    motor = build_motor(identity.section, config, board)
    return SecondCarriage(CarriageParts("1", config, board.endstop(config.endstop_pin), motor))


def build_free_stepper(config: FreeMotorConfig, identity: Identity, board: Board) -> FreeStepper:
    """Claim the motor's pins."""
    return FreeStepper(FreeMotor(config, build_motor(identity.section, config, board)))


carriage = PrinterObject("carriage *", CarriageConfig, build_carriage)
extra_carriage = PrinterObject("extra_carriage *", ExtraCarriageConfig, build_extra_carriage)
second_carriage = PrinterObject("dual_carriage", DualCarriageConfig, build_second)
free_dual_carriage = PrinterObject("dual_carriage *", FreeDualCarriageConfig, build_free_dual)
free_stepper = PrinterObject("stepper *", FreeMotorConfig, build_free_stepper)
