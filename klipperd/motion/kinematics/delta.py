"""Linear deltas: three towers with carriages, joined to the head by rods (docs/motion.md)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import cos, radians, sin, sqrt
from typing import Any, ClassVar

from attrs import define, frozen

from klipperd.motion.geometry import Geometry
from klipperd.motion.kinematics.base import LinearConfig, MachineParts, Trouble, Vector
from klipperd.motion.kinematics.goals import OVERSHOOT
from klipperd.motion.kinematics.parts import TowerConfig
from klipperd.motion.kinematics.towers import (
    TowerHomed,
    first_given,
    lower_meeting,
    radius_of_slope,
    tower_troubles,
)
from klipperd.motion.motors import StepperMotor
from klipperd.motion.workspace import Workspace
from klipperd.objects import option

__all__ = ["DeltaConfig", "DeltaKinematics"]

_ANGLES = (210.0, 330.0, 90.0)
_NAMES = ("stepper_a", "stepper_b", "stepper_c")
SLOW_SLOPES = (3.0, 6.0)
"""Where a carriage would move so many times as fast as the head, a half and a quarter of the limits hold."""


@define(eq=False, repr=False)
class DeltaKinematics(TowerHomed):
    """Made by L{DeltaConfig}."""

    cone_start_z: float = 0.0

    @property
    def travel(self) -> Mapping[str, tuple[float, float]]:
        """See L{Kinematics.travel}."""
        assert self.workspace is not None and isinstance(self.config, DeltaConfig)
        around = (-self.workspace.radius, self.workspace.radius)
        return {"x": around, "y": around, "z": (self.config.minimum_z_position, self.top)}

    @property
    def status(self) -> Mapping[str, float]:
        """See L{Kinematics.status}."""
        return {"cone_start_z": self.cone_start_z}

    def position(self, coordinate: Callable[[StepperMotor], float]) -> Vector:
        """Where spheres of the rods' lengths round the carriages meet."""
        centres: list[Vector] = []
        rods = []
        for motor, shape in self.shapes.items():
            x, y, rod = shape.parameters
            centres.append((x, y, coordinate(motor)))
            rods.append(rod)
        return lower_meeting(centres, rods)


@frozen(kw_only=True)
class DeltaConfig(LinearConfig):
    """Options of linear deltas."""

    axes: ClassVar[str] = "abc"
    delta_radius: float = option(above=0.0, unit="mm", doc="radius of the circle of the towers' joints")
    print_radius: float | None = option(
        None, above=0.0, unit="mm", doc="radius that may be printed on; delta_radius by default"
    )
    minimum_z_position: float = option(0.0, unit="mm", doc="lowest z that may be commanded")

    def troubles(self, sections: Mapping[str, Any]) -> Iterator[Trouble]:
        """See L{KinematicsConfig.troubles}."""
        yield from super().troubles(sections)
        yield from tower_troubles(
            "delta",
            sections,
            _NAMES,
            each=("endstop_pin", "rotation_distance"),
            first=("arm_length", "position_endstop"),
            others=("angle",),
        )
        for name in _NAMES:
            arm = sections[name].arm_length
            if arm is not None and arm <= self.delta_radius:
                yield name, "arm_length", f"{arm:g} must be greater than delta_radius = {self.delta_radius:g}"
        given = [sections[name].angle for name in _NAMES]
        angles = [b if a is None else a for a, b in zip(given, _ANGLES, strict=True)]
        for i, name in enumerate(_NAMES):
            if any((angles[i] - other) % 360.0 < 1e-3 for other in angles[:i]):
                yield name, "angle", f"{angles[i]:g} is another tower's, too"
        end = sections[_NAMES[0]].position_endstop
        if end is not None and end <= self.minimum_z_position:
            low = self.minimum_z_position
            yield _NAMES[0], "position_endstop", f"{end:g} must be above minimum_z_position = {low:g}"

    def assemble(self, parts: MachineParts) -> DeltaKinematics:
        """See L{KinematicsConfig.assemble}."""
        towers = [parts.towers[name] for name in self.axes]
        configs = [tower.config for tower in towers]
        arms, ends = first_given(configs, "arm_length"), first_given(configs, "position_endstop")
        shapes = [
            Geometry("delta", self.delta_radius * cos(turn), self.delta_radius * sin(turn), arm)
            for turn, arm in zip(_turns(configs), arms, strict=True)
        ]
        # At its endstop a carriage stands where it would with the head in the middle, at position_endstop.
        ceilings = [shape.position(0.0, 0.0, end) for shape, end in zip(shapes, ends, strict=True)]
        # Not quite where the rods lie flat.
        farthest = radius_of_slope(min(arms), 1e3) - self.delta_radius
        reach = min(self.print_radius or self.delta_radius, farthest)
        nearest = max(self.delta_radius - reach, 0.0)
        cone = min(c - sqrt(arm**2 - nearest**2) for c, arm in zip(ceilings, arms, strict=True))
        slow = [max(radius_of_slope(min(arms), slope) - self.delta_radius, 0.0) for slope in SLOW_SLOPES]
        made = DeltaKinematics(
            {tower.motor: shape for tower, shape in zip(towers, shapes, strict=True)},
            self,
            towers=towers,
            ceilings={tower.motor: c for tower, c in zip(towers, ceilings, strict=True)},
            low=max(ends) - OVERSHOOT * (max(ends) - self.minimum_z_position),
            top=max(ends),
            cone_start_z=cone,
        )
        made.workspace = Workspace(
            reach,
            ceilings=list(zip(shapes, ceilings, strict=True)),
            open_below=cone,
            floor=self.minimum_z_position,
            slow_beyond=(slow[0], slow[1]),
            nominal=(parts.max_velocity, parts.max_accel),
        )
        return made


def _turns(configs: Sequence[TowerConfig]) -> list[float]:
    """Directions of the towers (rad)."""
    pairs = zip(configs, _ANGLES, strict=True)
    return [radians(default if config.angle is None else config.angle) for config, default in pairs]
