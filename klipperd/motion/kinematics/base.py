"""What all kinematics offer, and the machinery of the linear ones."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from attrs import define, field, frozen

from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import Rail
from klipperd.motion.trapq import MotionQueue
from klipperd.objects import option

__all__ = ["AXES", "Kinematics", "KinematicsConfig", "LinearConfig", "LinearKinematics", "Vector"]

AXES = "xyz"
Vector = tuple[float, float, float]


class Kinematics:
    """How motors are joined to x, y and z."""

    rails: Mapping[str, Rail]
    """By axis, in the order in which they are homed."""

    @property
    def motors(self) -> list[StepperMotor]:
        """All motors of the rails."""
        return [motor for rail in self.rails.values() for motor in rail.motors]

    def follow(self, queue: MotionQueue, motor: StepperMotor | None = None) -> None:
        """Let the motors (or one of them) follow the tool head's queue."""
        raise NotImplementedError

    def position(self, coordinate: Callable[[StepperMotor], float]) -> Vector:
        """Where the tool head is when each motor is at its C{coordinate} (mm)."""
        raise NotImplementedError

    def stopped_by(self, axis: str) -> list[StepperMotor]:
        """The motors that move the axis, and must stop at its endstop."""
        raise NotImplementedError

    def wire_endstops(self) -> None:
        """Let each rail's endstops stop the motors that move it. Only while the printer is being built."""
        for axis, rail in self.rails.items():
            for motor in self.stopped_by(axis):
                rail.endstop_of(motor).stop(motor)

    def axis_caps(self, max_velocity: float, max_accel: float) -> Mapping[str, tuple[float, float]]:
        """Axis -> velocity (mm/s) and acceleration (mm/s^2) that it alone may not exceed."""
        return {}

    @property
    def unchecked_axes(self) -> str:
        """Axes that move without being homed, and without limits."""
        return ""


@frozen(kw_only=True)
class KinematicsConfig:
    """Options of [printer] that a kinematics adds."""

    axes: ClassVar[str] = AXES
    """The axes for which there must be a section [stepper_AXIS]."""

    def build(self, rails: Mapping[str, Rail]) -> Kinematics:
        """The kinematics of these rails."""
        raise NotImplementedError


@frozen(kw_only=True)
class LinearConfig(KinematicsConfig):
    """Options of cartesian and corexy printers."""

    max_z_velocity: float | None = option(
        None, above=0.0, unit="mm/s", doc="top speed of the z axis; max_velocity by default"
    )
    max_z_accel: float | None = option(
        None, above=0.0, unit="mm/s^2", doc="top acceleration of the z axis; max_accel by default"
    )


@define(eq=False)
class LinearKinematics(Kinematics):
    """Each motor's coordinate is a weighted sum of x, y and z.

    C{weights}: by the axis that a rail is named after. C{inverse}: rows that give x, y, z from the
    coordinates of the first motors of rails x, y, z.
    """

    rails: Mapping[str, Rail]
    weights: Mapping[str, Vector]
    inverse: Sequence[Vector]
    config: LinearConfig
    _weights_of: dict[StepperMotor, Vector] = field(init=False)

    @_weights_of.default
    def _by_motor(self) -> dict[StepperMotor, Vector]:
        return {m: self.weights[rail.axis] for rail in self.rails.values() for m in rail.motors}

    def follow(self, queue: MotionQueue, motor: StepperMotor | None = None) -> None:
        """See L{Kinematics.follow}."""
        for each in self.motors if motor is None else [motor]:
            each.motion.follow(queue, self._weights_of[each])
            each.follow_owner = partial(self.follow, queue, each)

    def position(self, coordinate: Callable[[StepperMotor], float]) -> Vector:
        """See L{Kinematics.position}."""
        at = [coordinate(self.rails[axis].motors[0]) for axis in AXES]
        x, y, z = (sum(w * c for w, c in zip(row, at, strict=True)) for row in self.inverse)
        return x, y, z

    def stopped_by(self, axis: str) -> list[StepperMotor]:
        """See L{Kinematics.stopped_by}."""
        index = AXES.index(axis)
        return [motor for motor, weights in self._weights_of.items() if weights[index]]

    def axis_caps(self, max_velocity: float, max_accel: float) -> Mapping[str, tuple[float, float]]:
        """See L{Kinematics.axis_caps}."""
        return {"z": (self.config.max_z_velocity or max_velocity, self.config.max_z_accel or max_accel)}
