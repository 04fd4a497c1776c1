"""The parts that a configuration's sections give, from which kinematics are assembled."""

from collections.abc import Iterator, Mapping, Sequence

from attrs import define, field, frozen

from klipperd.motion.hardware import Endstop
from klipperd.motion.motors import DriverConfig, MotorConfig, StepperMotor
from klipperd.motion.rails import HomingConfig, Rail, TravelConfig
from klipperd.objects import Pin, option

__all__ = [
    "CarriageConfig",
    "CarriageParts",
    "DualCarriageConfig",
    "ExtraCarriageConfig",
    "FreeDualCarriageConfig",
    "FreeMotor",
    "FreeMotorConfig",
    "MachineParts",
    "Tower",
    "TowerConfig",
]


@frozen(kw_only=True)
class TowerConfig(DriverConfig, HomingConfig):
    """Options of a motor of a tower, an arm or a cable; which ones count depends on the kinematics."""

    rotation_distance: float | None = option(
        None, above=0.0, unit="mm", doc="travel for one turn of the (final) gear; not of rotating arms"
    )
    endstop_pin: Pin | None = option(None, doc="input of the endstop switch")
    position_endstop: float | None = option(
        None, unit="mm", doc="z in the middle when the endstop triggers; that of the first tower"
    )
    arm_length: float | None = option(
        None, above=0.0, unit="mm", doc="length of the rod to the head; that of the first tower (deltas)"
    )
    arm_x_length: float | None = option(
        None, above=0.0, unit="mm", doc="distance from head to tower in x when homed (deltesian)"
    )
    upper_arm_length: float | None = option(
        None, above=0.0, unit="mm", doc="shoulder to elbow; that of the first arm (rotary_delta)"
    )
    lower_arm_length: float | None = option(
        None, above=0.0, unit="mm", doc="elbow to effector; that of the first arm (rotary_delta)"
    )
    angle: float | None = option(None, unit="degrees", doc="direction in which the tower stands (deltas)")
    anchor_x: float | None = option(None, unit="mm", doc="where the cable is anchored (winch)")
    anchor_y: float | None = option(None, unit="mm", doc="where the cable is anchored (winch)")
    anchor_z: float | None = option(None, unit="mm", doc="where the cable is anchored (winch)")

    @property
    def turn(self) -> float:
        """mm, or rad, for one turn of the (final) gear."""
        return super().turn if self.rotation_distance is None else self.rotation_distance


@frozen(kw_only=True)
class CarriageConfig(TravelConfig):
    """[carriage NAME]: something that moves along one axis."""

    axis: str | None = option(None, doc="x, y or z; by default the carriage's name")


@frozen(kw_only=True)
class ExtraCarriageConfig:
    """[extra_carriage NAME]: moves along with another one, and has an endstop of its own."""

    primary_carriage: str = option(doc="carriage that it goes with")
    endstop_pin: Pin = option(doc="input of the endstop switch")


@frozen(kw_only=True)
class FreeDualCarriageConfig(TravelConfig):
    """[dual_carriage NAME]: a second carriage of an axis (generic_cartesian)."""

    primary_carriage: str | None = option(None, doc="carriage on the same gantry; without it, one by itself")
    axis: str | None = option(None, doc="x or y; by default that of primary_carriage")
    safe_distance: float | None = option(
        None, minimum=0.0, unit="mm", doc="least distance to primary_carriage; by default from the travels"
    )


@frozen(kw_only=True)
class DualCarriageConfig(MotorConfig, TravelConfig):
    """[dual_carriage]: a second carriage with its motor."""

    axis: str = option(doc="x or y")
    safe_distance: float | None = option(
        None, minimum=0.0, unit="mm", doc="least distance of the carriages; by default from the travels"
    )

    def check(self) -> Iterator[tuple[str, str]]:
        """Problems of options in combination."""
        yield from MotorConfig.check(self)
        yield from TravelConfig.check(self)
        if self.axis not in ("x", "y"):
            yield "axis", f"{self.axis!r} is neither x nor y"


@frozen(kw_only=True)
class FreeMotorConfig(MotorConfig):
    """[stepper NAME]: a motor that moves carriages."""

    carriages: str = option(doc="what it moves, such as carriage_x+carriage_y")


@define(eq=False, repr=False)
class Tower:
    """A motor with its endstop, if it has one."""

    name: str
    config: TowerConfig
    motor: StepperMotor
    endstop: Endstop | None = None


@define(eq=False, repr=False)
class CarriageParts:
    """A carriage of generic_cartesian, or the second one of other kinematics."""

    name: str
    config: CarriageConfig | ExtraCarriageConfig | FreeDualCarriageConfig | DualCarriageConfig
    endstop: Endstop
    motor: StepperMotor | None = None


@define(eq=False, repr=False)
class FreeMotor:
    """A motor of generic_cartesian."""

    config: FreeMotorConfig
    motor: StepperMotor


@frozen
class MachineParts:
    """All of a configuration, by name: C{max_velocity} (mm/s) and C{max_accel} (mm/s^2) are [printer]'s."""

    rails: Mapping[str, Rail] = field(factory=dict)
    towers: Mapping[str, Tower] = field(factory=dict)
    carriages: Sequence[CarriageParts] = ()
    motors: Sequence[FreeMotor] = ()
    bed: StepperMotor | None = None
    max_velocity: float = float("inf")
    max_accel: float = float("inf")
