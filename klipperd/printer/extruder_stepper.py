"""[extruder_stepper NAME]: a further motor that feeds filament along with an extruder."""

from typing import Annotated

from attrs import define, frozen

from klipperd.errors import ConfigError
from klipperd.mcu.board import Board
from klipperd.motion.extruder import FilamentMotor
from klipperd.motion.motors import MotorConfig, MotorOwner, StepperMotor, build_motor
from klipperd.objects import Identity, Named, PrinterObject, option, status_field
from klipperd.printer.extruder import Extruder

__all__ = ["ExtruderStepper", "ExtruderStepperConfig", "ExtruderStepperStatus", "extruder_stepper"]


@frozen(kw_only=True)
class ExtruderStepperConfig(MotorConfig):
    """A motor that follows an extruder's moves."""

    extruder: str = option(doc="extruder that it follows; empty: none until SYNC_EXTRUDER_MOTION")
    pressure_advance: float = option(
        0.0, minimum=0.0, unit="s", doc="filament pushed ahead for each mm/s of extrusion (mm)"
    )
    pressure_advance_smooth_time: float = option(
        0.040, above=0.0, maximum=0.2, unit="s", doc="time over which pressure advance is averaged"
    )


@frozen
class ExtruderStepperStatus:
    """Status of an extruder_stepper."""

    pressure_advance: float = status_field(doc="present pressure advance (s)")
    smooth_time: float = status_field(doc="time over which pressure advance is averaged (s)")
    motion_queue: str | None = status_field(doc="extruder whose moves the motor makes")


@define(eq=False, repr=False)
class ExtruderStepper(MotorOwner):
    """The motor; L{klipperd.printer.extruders} serves its commands."""

    name: str
    motion: FilamentMotor

    @property
    def motors(self) -> list[StepperMotor]:
        """Its one motor."""
        return [self.motion.motor] if self.motion.motor is not None else []

    def status(self, eventtime: float) -> ExtruderStepperStatus:
        """Pressure advance and what it follows."""
        motion = self.motion
        queue = motion.followed.name if motion.followed is not None else None
        return ExtruderStepperStatus(motion.pressure_advance, motion.smooth_time, queue)


def build_extruder_stepper(
    config: ExtruderStepperConfig,
    identity: Identity,
    board: Board,
    extruder: Annotated[Extruder | None, Named("extruder")],
) -> ExtruderStepper:
    """Claim the motor's pins and follow the extruder."""
    if config.extruder and extruder is None:
        raise ConfigError.single(f"there is no extruder {config.extruder!r}", option="extruder")
    motor = build_motor(identity.section, config, board)
    motion = FilamentMotor(identity.name, motor, config.pressure_advance, config.pressure_advance_smooth_time)
    motor.follow_owner = motion.follow
    motion.sync(extruder.motion if extruder is not None else None)
    return ExtruderStepper(identity.name, motion)


extruder_stepper = PrinterObject("extruder_stepper *", ExtruderStepperConfig, build_extruder_stepper)
