"""Polar printers: a bed that turns, an arm that moves along a radius, a z axis (docs/motion.md).

The bed's angle means nothing in the very middle: paths must keep HOLE mm away from it.
"""

from collections.abc import Callable, Iterator, Mapping
from math import cos, inf, sin
from typing import Any, ClassVar

from attrs import define, frozen

from klipperd.motion.geometry import Geometry
from klipperd.motion.kinematics.base import CurvedKinematics, LinearConfig, MachineParts, Trouble, Vector
from klipperd.motion.kinematics.goals import OVERSHOOT, HomingGoal, HomingResult, rail_goal
from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import Rail
from klipperd.motion.workspace import Workspace
from klipperd.objects import option

__all__ = ["PolarConfig", "PolarKinematics"]

HOLE = 1e-3
"""mm round the middle that no path may touch."""
MOST_STEPS = 200_000.0
"""Steps a second that the bed is ever asked for, whatever max_angular_velocity says."""


@define(eq=False, repr=False)
class PolarKinematics(CurvedKinematics):
    """Made by L{PolarConfig}."""

    bed: StepperMotor | None = None

    @property
    def arm(self) -> Rail:
        """The rail that moves along the radius."""
        return self.rails["arm"]

    @property
    def travel(self) -> Mapping[str, tuple[float, float]]:
        """See L{Kinematics.travel}."""
        reach = self.arm.config.position_max
        return {"x": (-reach, reach), "y": (-reach, reach), "z": self.rails["z"].travel}

    def axes_known(self, axes: str) -> None:
        """See L{Kinematics.axes_known}."""
        assert self.workspace is not None
        self.workspace.active = "x" in axes and "y" in axes

    def wire_endstops(self) -> None:
        """Each rail's endstop stops the rail's motors."""
        for rail in self.rails.values():
            for motor in rail.motors:
                rail.endstop_of(motor).stop(motor)

    def position(self, coordinate: Callable[[StepperMotor], float]) -> Vector:
        """See L{Kinematics.position}."""
        assert self.bed is not None
        radius, angle = coordinate(self.arm.motors[0]), coordinate(self.bed)
        return radius * cos(angle), radius * sin(angle), coordinate(self.rails["z"].motors[0])

    def homing(self, axes: str) -> list[HomingGoal]:
        """See L{Kinematics.homing}: the arm, then z. The bed needs none: its angle becomes 0."""
        goals = [self._arm_goal()] if set(axes) & set("xy") else []
        return [*goals, rail_goal(self.rails["z"])] if "z" in axes else goals

    def _arm_goal(self) -> HomingGoal:
        rail, end = self.arm, self.arm.config.position_endstop
        low, high = rail.travel
        way = OVERSHOOT * (high - low)
        # Only the way counts, and it must not cross the middle.
        begin, target = (high, high + way) if rail.direction > 0 else (high + way, high)

        def locate(result: HomingResult) -> Mapping[str, float]:
            beyond = result.overshoot.get(rail.motors[0], 0.0)
            return {"x": end + beyond, "y": 0.0}

        flat = {"y": 0.0}
        return HomingGoal(
            "arm", "xy", rail.config, rail.endstops, {"x": begin, **flat}, {"x": target, **flat}, locate
        )


@frozen(kw_only=True)
class PolarConfig(LinearConfig):
    """Options of polar printers."""

    axes: ClassVar[str] = "z"
    max_angular_velocity: float = option(
        0.0, minimum=0.0, unit="rad/s", doc="top speed of the bed's turning; 0: as fast as moves ask for"
    )

    @property
    def sections(self) -> list[str]:
        """See L{KinematicsConfig.sections}."""
        return ["stepper_bed", "stepper_arm", "stepper_z"]

    def troubles(self, sections: Mapping[str, Any]) -> Iterator[Trouble]:
        """See L{KinematicsConfig.troubles}."""
        yield from super().troubles(sections)
        arm = sections["stepper_arm"]
        if arm.position_min < 0.0:
            yield "stepper_arm", "position_min", f"{arm.position_min:g} must be at least 0, the middle"

    def assemble(self, parts: MachineParts) -> PolarKinematics:
        """See L{KinematicsConfig.assemble}."""
        rails = {name: parts.rails[name] for name in ("arm", "z")}
        bed = parts.bed
        assert bed is not None
        shapes = {bed: Geometry("polar_angle")}
        shapes |= {motor: Geometry("polar_radius") for motor in rails["arm"].motors}
        shapes |= {motor: Geometry("linear", 0.0, 0.0, 1.0) for motor in rails["z"].motors}
        made = PolarKinematics(shapes, self, rails, bed=bed)
        low, high = rails["arm"].travel
        made.workspace = Workspace(
            high,
            hole=max(low, HOLE),
            turn_rate=min(self.max_angular_velocity or inf, MOST_STEPS * bed.motion.step_distance),
        )
        return made
