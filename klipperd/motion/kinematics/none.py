"""No kinematics: for devices that are no printers. Moves take their time and move nothing."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from attrs import define, field, frozen

from klipperd.motion.kinematics.base import AXES, Kinematics, KinematicsConfig, Vector
from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import Rail
from klipperd.motion.trapq import MotionQueue

__all__ = ["NoKinematics", "NoneConfig"]


@define(eq=False)
class NoKinematics(Kinematics):
    """Without rails."""

    rails: Mapping[str, Rail] = field(factory=dict, init=False)

    def follow(self, queue: MotionQueue, motor: StepperMotor | None = None) -> None:
        """Nothing follows."""

    def position(self, coordinate: Callable[[StepperMotor], float]) -> Vector:
        """There is nothing to learn it from."""
        return 0.0, 0.0, 0.0

    def stopped_by(self, axis: str) -> list[StepperMotor]:
        """None."""
        return []

    @property
    def unchecked_axes(self) -> str:
        """All of them."""
        return AXES


@frozen(kw_only=True)
class NoneConfig(KinematicsConfig):
    """There are no options."""

    axes: ClassVar[str] = ""

    def build(self, rails: Mapping[str, Rail]) -> Kinematics:
        """See L{KinematicsConfig.build}."""
        return NoKinematics()
