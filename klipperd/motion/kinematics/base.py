"""What all kinematics offer to the tool head."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from attrs import define, field, frozen

from klipperd.motion.geometry import Geometry
from klipperd.motion.kinematics.goals import AXES, HomingGoal, Vector
from klipperd.motion.kinematics.parts import MachineParts
from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import Rail, RailEndstop
from klipperd.motion.trapq import MotionQueue
from klipperd.motion.workspace import Workspace
from klipperd.objects import option

__all__ = [
    "AXES",
    "CurvedKinematics",
    "Kinematics",
    "KinematicsConfig",
    "LinearConfig",
    "MachineParts",
    "Trouble",
    "Vector",
]

Trouble = tuple[str, str, str]
"""A fault of the configuration: section, option (or empty) and what is wrong."""


class Kinematics:
    """How motors are joined to x, y and z."""

    rails: Mapping[str, Rail]
    """Axes with an endstop of their own, by name."""

    start: Vector = (0.0, 0.0, 0.0)
    """Where (mm) the machine is taken to be before anything is known."""

    workspace: Workspace | None = None
    """Checks of moves beyond the axes' travels."""

    @property
    def motors(self) -> list[StepperMotor]:
        """All motors."""
        return [motor for rail in self.rails.values() for motor in rail.motors]

    @property
    def endstops(self) -> list[RailEndstop]:
        """All endstops."""
        return [endstop for rail in self.rails.values() for endstop in rail.endstops]

    @property
    def travel(self) -> Mapping[str, tuple[float, float]]:
        """Axis of xyz -> lowest and highest position (mm) that may be commanded once it is homed."""
        raise NotImplementedError

    @property
    def status(self) -> Mapping[str, float]:
        """What the status of the tool head shows in addition."""
        return {}

    def follow(self, queue: MotionQueue, motor: StepperMotor | None = None) -> None:
        """Let the motors (or one of them) follow the tool head's queue."""
        raise NotImplementedError

    def position(self, coordinate: Callable[[StepperMotor], float]) -> Vector:
        """Where the tool head is when each motor is at its C{coordinate} (mm or rad).

        Numbers that this doesn't tell are NaN.
        """
        raise NotImplementedError

    def homing(self, axes: str) -> list[HomingGoal]:
        """What to do, in that order, to home C{axes} (of C{"xyz"})."""
        raise NotImplementedError

    def wire_endstops(self) -> None:
        """Let each endstop stop the motors that it should. Only while the printer is being built."""
        raise NotImplementedError

    def axes_known(self, axes: str) -> None:
        """The positions of these axes, and of no others, are known now."""
        if self.workspace is not None:
            self.workspace.active = set(AXES) <= set(axes)

    def forget_places(self, axes: str) -> None:
        """Parts that move along these axes may be anywhere, also those that don't follow the tool head."""

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
    """The axes for which there must be a section [stepper_AXIS] with travel and endstop."""

    @property
    def sections(self) -> Sequence[str]:
        """Sections that there must be."""
        return [f"stepper_{axis}" for axis in self.axes]

    def troubles(self, sections: Mapping[str, Any]) -> Iterable[Trouble]:
        """What is wrong with other sections, by name, for these kinematics."""
        if any(name == "dual_carriage" or name.startswith("dual_carriage ") for name in sections):
            yield "dual_carriage", "", "these kinematics have no second carriage"

    def assemble(self, parts: MachineParts) -> Kinematics:
        """The kinematics of these parts."""
        raise NotImplementedError


@frozen(kw_only=True)
class LinearConfig(KinematicsConfig):
    """Options of printers whose z axis is an axis of its own."""

    max_z_velocity: float | None = option(
        None, above=0.0, unit="mm/s", doc="top speed of the z axis; max_velocity by default"
    )
    max_z_accel: float | None = option(
        None, above=0.0, unit="mm/s^2", doc="top acceleration of the z axis; max_accel by default"
    )

    def caps(self, max_velocity: float, max_accel: float) -> Mapping[str, tuple[float, float]]:
        """See L{Kinematics.axis_caps}."""
        return {"z": (self.max_z_velocity or max_velocity, self.max_z_accel or max_accel)}


@define(eq=False, repr=False)
class CurvedKinematics(Kinematics):
    """Motors whose coordinates are no weighted sums of x, y, z.

    C{rails}: those axes that are straight all the same.
    """

    shapes: Mapping[StepperMotor, Geometry]
    config: LinearConfig
    rails: Mapping[str, Rail] = field(factory=dict)

    @property
    def motors(self) -> list[StepperMotor]:
        """All motors."""
        return list(self.shapes)

    def follow(self, queue: MotionQueue, motor: StepperMotor | None = None) -> None:
        """See L{Kinematics.follow}."""
        for each in self.motors if motor is None else [motor]:
            each.motion.follow_geometry(queue, self.shapes[each])
            each.follow_owner = partial(self.follow, queue, each)

    def axis_caps(self, max_velocity: float, max_accel: float) -> Mapping[str, tuple[float, float]]:
        """See L{Kinematics.axis_caps}."""
        return self.config.caps(max_velocity, max_accel)
