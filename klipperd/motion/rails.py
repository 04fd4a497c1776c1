"""Rails: one axis with its motors, travel and endstops."""

from collections.abc import Iterator

from attrs import define, field, frozen

from klipperd.motion.hardware import Endstop
from klipperd.motion.motors import MotorConfig, StepperMotor
from klipperd.objects import Pin, option

__all__ = ["AxisConfig", "ExtraMotorConfig", "HomingConfig", "Rail", "RailEndstop", "TravelConfig"]


@frozen(kw_only=True, slots=False)
class HomingConfig:
    """How fast endstops are approached."""

    homing_speed: float = option(5.0, above=0.0, unit="mm/s", doc="speed of the first approach")
    second_homing_speed: float | None = option(
        None, above=0.0, unit="mm/s", doc="speed of the second approach; half of homing_speed by default"
    )
    homing_retract_dist: float = option(
        5.0, minimum=0.0, unit="mm", doc="back-off before the second approach; 0: no second one"
    )
    homing_retract_speed: float | None = option(
        None, above=0.0, unit="mm/s", doc="speed of the back-off; homing_speed by default"
    )


@frozen(kw_only=True, slots=False)
class TravelConfig(HomingConfig):
    """An axis' travel and endstop."""

    endstop_pin: Pin = option(doc="input of the endstop switch")
    position_min: float = option(0.0, unit="mm", doc="lowest position that may be commanded")
    position_max: float = option(unit="mm", doc="highest position that may be commanded")
    position_endstop: float = option(unit="mm", doc="position of the endstop")
    homing_positive_dir: bool | None = option(
        None, doc="home towards position_max; by default where position_endstop is nearer"
    )

    def check(self) -> Iterator[tuple[str, str]]:
        """Problems of options in combination."""
        if self.position_max <= self.position_min:
            yield "position_max", f"{self.position_max:g} must be above position_min = {self.position_min:g}"
        if not self.position_min <= self.position_endstop <= self.position_max:
            limits = f"{self.position_min:g} to {self.position_max:g}"
            yield "position_endstop", f"{self.position_endstop:g} is outside of the axis' travel, {limits}"
        elif self.homing_positive_dir is None and not self._near_an_end():
            yield "position_endstop", "is near neither end of the axis: set homing_positive_dir"

    def _near_an_end(self) -> bool:
        quarter = (self.position_max - self.position_min) / 4
        middle = (self.position_min + quarter, self.position_max - quarter)
        return not middle[0] < self.position_endstop < middle[1]

    @property
    def homes_up(self) -> bool:
        """Whether homing moves towards greater positions."""
        if self.homing_positive_dir is not None:
            return self.homing_positive_dir
        return self.position_endstop > (self.position_min + self.position_max) / 2


@frozen(kw_only=True)
class AxisConfig(MotorConfig, TravelConfig):
    """Options of an axis' first motor, which carry the axis' own."""

    def check(self) -> Iterator[tuple[str, str]]:
        """Problems of options in combination."""
        yield from MotorConfig.check(self)
        yield from TravelConfig.check(self)


@frozen(kw_only=True)
class ExtraMotorConfig(MotorConfig):
    """Options of a further motor of an axis (stepper_z1)."""

    endstop_pin: Pin | None = option(None, doc="input of an endstop of its own")


@define(eq=False, repr=False)
class RailEndstop:
    """An endstop, the name that users know it by, and the motors that it stops.

    C{own}: the motor in whose section it stands, if it stops only that one.
    """

    name: str
    endstop: Endstop
    own: StepperMotor | None = None
    motors: list[StepperMotor] = field(factory=list)

    def stop(self, motor: StepperMotor) -> None:
        """Let a trigger stop this motor too. Only while the printer is being built."""
        self.endstop.add_stepper(motor.hardware)
        self.motors.append(motor)


@define(eq=False, repr=False)
class Rail:
    """One axis; C{motors[0]} is the one whose section carries the axis' options."""

    axis: str
    config: TravelConfig
    motors: list[StepperMotor]
    endstops: list[RailEndstop] = field(factory=list)

    @property
    def travel(self) -> tuple[float, float]:
        """Lowest and highest position (mm)."""
        return self.config.position_min, self.config.position_max

    def endstop_of(self, motor: StepperMotor) -> RailEndstop:
        """The endstop that stops a motor when this axis is homed: its own, or the axis'."""
        return next((e for e in self.endstops if e.own is motor), self.endstops[0])

    @property
    def direction(self) -> int:
        """Of homing: 1 or -1."""
        return 1 if self.config.homes_up else -1
