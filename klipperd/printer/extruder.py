"""[extruder], [extruder1] and so on: a hotend with a motor that feeds it."""

from typing import Annotated

from attrs import define, frozen

from klipperd.mcu.board import Board
from klipperd.motion.extruder import ExtruderMotion, ExtruderMotionConfig
from klipperd.motion.motors import MotorOwner, StepperMotor, build_motor
from klipperd.objects import Identity, Named, PrinterObject, group, status_field
from klipperd.printer.fitter import Fitter
from klipperd.printer.hotend import Hotend, HotendConfig, build_hotend
from klipperd.printer.thermometer import SensorType

__all__ = ["Extruder", "ExtruderConfig", "ExtruderStatus", "extruder"]


@frozen(kw_only=True)
class ExtruderConfig:
    """An extruder."""

    motion: ExtruderMotionConfig = group()
    heater: HotendConfig = group()


@frozen
class ExtruderStatus:
    """Status of an extruder."""

    temperature: float = status_field(doc="measured temperature (C)")
    target: float = status_field(doc="wanted temperature (C); 0 = off")
    power: float = status_field(doc="present duty of the heater, 0 to 1")
    can_extrude: bool = status_field(doc="whether it is hot enough to extrude")
    pressure_advance: float = status_field(doc="present pressure advance (s)")
    smooth_time: float = status_field(doc="time over which pressure advance is averaged (s)")
    motion_queue: str | None = status_field(doc="extruder whose moves the motor makes")


@define(eq=False, repr=False)
class Extruder(MotorOwner):
    """A hotend and the motor that feeds it."""

    name: str
    heater: Hotend
    motion: ExtruderMotion

    @property
    def motors(self) -> list[StepperMotor]:
        """Its motor, if it has one."""
        return [self.motion.motor] if self.motion.motor is not None else []

    def ready(self) -> None:
        """The printer is ready."""
        self.heater.ready()

    def shutdown(self, reason: str) -> None:
        """The printer has shut down."""
        self.heater.shutdown(reason)

    async def close(self) -> None:
        """The printer goes away."""
        self.heater.close()

    def status(self, eventtime: float) -> ExtruderStatus:
        """Temperatures and pressure advance."""
        heat, motion = self.heater.hotend_status(), self.motion
        return ExtruderStatus(
            temperature=heat.temperature,
            target=heat.target,
            power=heat.power,
            can_extrude=heat.can_extrude,
            pressure_advance=motion.pressure_advance,
            smooth_time=motion.smooth_time,
            motion_queue=motion.followed.name if motion.followed is not None else None,
        )


def build_extruder(
    config: ExtruderConfig,
    identity: Identity,
    board: Board,
    fitter: Fitter,
    sensor_type: Annotated[SensorType, Named("sensor_type")],
) -> Extruder:
    """Claim the pins of motor, heater and sensor."""
    motor_config = config.motion.motor()
    motor = build_motor(identity.section, motor_config, board) if motor_config is not None else None
    heater = build_hotend(config.heater, identity, fitter, sensor_type)
    return Extruder(identity.name, heater, ExtruderMotion.of(identity.name, config.motion, heater, motor))


extruder = PrinterObject("extruder#", ExtruderConfig, build_extruder, parts={Hotend: "heater"})
