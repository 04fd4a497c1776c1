"""No kinematics: for devices that are no printers. Moves take their time and move nothing."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from attrs import define, field, frozen

from klipperd.motion.kinematics.base import AXES, Kinematics, KinematicsConfig, MachineParts, Vector
from klipperd.motion.kinematics.goals import HomingGoal
from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import Rail
from klipperd.motion.trapq import MotionQueue

__all__ = ["NoKinematics", "NoneConfig"]


@define(eq=False, repr=False)
class NoKinematics(Kinematics):
    """Without rails."""

    rails: Mapping[str, Rail] = field(factory=dict, init=False)

    @property
    def travel(self) -> Mapping[str, tuple[float, float]]:
        """None."""
        return {}

    def follow(self, queue: MotionQueue, motor: StepperMotor | None = None) -> None:
        """Nothing follows."""

    def position(self, coordinate: Callable[[StepperMotor], float]) -> Vector:
        """There is nothing to learn it from."""
        return 0.0, 0.0, 0.0

    def homing(self, axes: str) -> list[HomingGoal]:
        """Nothing."""
        return []

    def wire_endstops(self) -> None:
        """There are none."""

    @property
    def unchecked_axes(self) -> str:
        """All of them."""
        return AXES


@frozen(kw_only=True)
class NoneConfig(KinematicsConfig):
    """There are no options."""

    axes: ClassVar[str] = ""

    def assemble(self, parts: MachineParts) -> Kinematics:
        """See L{KinematicsConfig.assemble}."""
        return NoKinematics()
