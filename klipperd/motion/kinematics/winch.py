"""Cable winches: each motor winds a cable from an anchor to the head (docs/motion.md).

There are no endstops: the head is brought to 0, 0, 0 by hand, and G28 says that it is there. No move is
checked.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from math import dist, hypot
from typing import Any, ClassVar

from attrs import define, frozen

from klipperd.motion.geometry import Geometry
from klipperd.motion.kinematics.base import (
    AXES,
    CurvedKinematics,
    LinearConfig,
    MachineParts,
    Trouble,
    Vector,
)
from klipperd.motion.kinematics.goals import HomingGoal
from klipperd.motion.kinematics.towers import meetings, tower_troubles
from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import HomingConfig

__all__ = ["WinchConfig", "WinchKinematics"]


@define(eq=False, repr=False)
class WinchKinematics(CurvedKinematics):
    """Made by L{WinchConfig}."""

    @property
    def travel(self) -> Mapping[str, tuple[float, float]]:
        """Between the anchors, for show."""
        places = [shape.parameters for shape in self.shapes.values()]
        return {axis: (min(at), max(at)) for axis, at in zip(AXES, zip(*places, strict=True), strict=True)}

    @property
    def unchecked_axes(self) -> str:
        """All: where the cables lead is known to the user only."""
        return AXES

    def wire_endstops(self) -> None:
        """There are none."""

    def homing(self, axes: str) -> list[HomingGoal]:
        """Take the head to be at 0, 0, 0."""
        return [HomingGoal("winch", AXES, HomingConfig(), target=dict.fromkeys(AXES, 0.0))]

    def axis_caps(self, max_velocity: float, max_accel: float) -> Mapping[str, tuple[float, float]]:
        """None."""
        return {}

    def position(self, coordinate: Callable[[StepperMotor], float]) -> Vector:
        """Where spheres of the first three cables' lengths meet: where a fourth cable fits best, or below."""
        anchors = [(s.parameters[0], s.parameters[1], s.parameters[2]) for s in self.shapes.values()]
        lengths = [coordinate(motor) for motor in self.shapes]
        below, above = meetings(anchors[:3], lengths[:3])
        if len(anchors) == 3:
            return below
        return min(below, above, key=lambda at: abs(dist(at, anchors[3]) - lengths[3]))


@frozen(kw_only=True)
class WinchConfig(LinearConfig):
    """Options of cable winches; those of the z axis are of no use."""

    axes: ClassVar[str] = "abc"

    def troubles(self, sections: Mapping[str, Any]) -> Iterator[Trouble]:
        """See L{KinematicsConfig.troubles}."""
        yield from super().troubles(sections)
        names = sorted(name for name in sections if re.fullmatch("stepper_[a-w]", name))
        needed = ("rotation_distance", "anchor_x", "anchor_y", "anchor_z")
        found = list(tower_troubles("winch", sections, names, each=needed))
        yield from found
        if not found and _in_line([_anchor(sections[name]) for name in names[:3]]):
            yield names[2], "anchor_x", "the first three anchors stand in one line"

    def assemble(self, parts: MachineParts) -> WinchKinematics:
        """See L{KinematicsConfig.assemble}."""
        towers = [parts.towers[name] for name in sorted(parts.towers)]
        return WinchKinematics({t.motor: Geometry("winch", *_anchor(t.config)) for t in towers}, self)


def _anchor(config: Any) -> Vector:
    return config.anchor_x, config.anchor_y, config.anchor_z


def _in_line(anchors: list[Vector]) -> bool:
    a, b, c = anchors
    u, v = [q - p for p, q in zip(a, b, strict=True)], [q - p for p, q in zip(a, c, strict=True)]
    area = hypot(u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    return area < 1e-6
