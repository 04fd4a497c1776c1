"""Rotary deltas: arms that swing from shoulders, rods from their elbows to the head (docs/motion.md)."""

from collections.abc import Callable, Iterator, Mapping
from math import cos, inf, isfinite, nan, radians, sin, sqrt
from typing import Any, ClassVar

from attrs import define, frozen

from klipperd.motion.geometry import Geometry
from klipperd.motion.kinematics.base import LinearConfig, MachineParts, Trouble, Vector
from klipperd.motion.kinematics.towers import TowerHomed, first_given, lower_meeting, tower_troubles
from klipperd.motion.motors import StepperMotor
from klipperd.motion.workspace import Workspace
from klipperd.objects import option

__all__ = ["RotaryDeltaConfig", "RotaryDeltaKinematics"]

_ANGLES = (30.0, 150.0, 270.0)
_NAMES = ("stepper_a", "stepper_b", "stepper_c")
STRETCH = 0.98
"""Arms are never stretched further than this part of their length."""


@define(eq=False, repr=False)
class RotaryDeltaKinematics(TowerHomed):
    """Made by L{RotaryDeltaConfig}."""

    ceiling_z: float = 0.0

    @property
    def travel(self) -> Mapping[str, tuple[float, float]]:
        """See L{Kinematics.travel}."""
        assert self.workspace is not None and isinstance(self.config, RotaryDeltaConfig)
        around = (-self.workspace.radius, self.workspace.radius)
        return {"x": around, "y": around, "z": (self.config.minimum_z_position, self.ceiling_z)}

    def position(self, coordinate: Callable[[StepperMotor], float]) -> Vector:
        """Where spheres of the rods' lengths round the elbows meet."""
        elbows: list[Vector] = []
        rods = []
        for motor, shape in self.shapes.items():
            radius, height, upper, lower, turn = shape.parameters
            angle = coordinate(motor)
            out, up = (upper * cos(angle), upper * sin(angle)) if isfinite(angle) else (nan, nan)
            elbows.append(((radius + out) * cos(turn), (radius + out) * sin(turn), height + up))
            rods.append(lower)
        return lower_meeting(elbows, rods)


@frozen(kw_only=True)
class RotaryDeltaConfig(LinearConfig):
    """Options of rotary deltas."""

    axes: ClassVar[str] = "abc"
    shoulder_radius: float = option(
        above=0.0, unit="mm", doc="radius of the circle of the shoulders, less that of the effector's joints"
    )
    shoulder_height: float = option(
        above=0.0, unit="mm", doc="height of the shoulders over the bed, less that of the effector's joints"
    )
    minimum_z_position: float = option(0.0, unit="mm", doc="lowest z that may be commanded")

    def troubles(self, sections: Mapping[str, Any]) -> Iterator[Trouble]:
        """See L{KinematicsConfig.troubles}."""
        yield from super().troubles(sections)
        needed = ("upper_arm_length", "lower_arm_length", "position_endstop")
        found = list(
            tower_troubles(
                "rotary_delta",
                sections,
                _NAMES,
                each=("endstop_pin",),
                first=needed,
                others=("angle",),
            )
        )
        yield from found
        for name in _NAMES:
            if not sections[name].gear_ratio:
                yield name, "gear_ratio", "is missing: a motor that turns an arm needs it"
        if not found:
            yield from self._unreachable([sections[name] for name in _NAMES])

    def _unreachable(self, configs: list[Any]) -> Iterator[Trouble]:
        ends = first_given(configs, "position_endstop")
        for name, shape, end in zip(_NAMES, self._shapes(configs), ends, strict=True):
            if end <= self.minimum_z_position:
                low = self.minimum_z_position
                yield name, "position_endstop", f"{end:g} must be above minimum_z_position = {low:g}"
            for option_name, z in (("position_endstop", end), ("lower_arm_length", self.minimum_z_position)):
                if not isfinite(shape.position(0.0, 0.0, z)):
                    yield name, option_name, f"the arms can't hold the head in the middle at z = {z:g}"

    def _shapes(self, configs: list[Any]) -> list[Geometry]:
        upper, lower = first_given(configs, "upper_arm_length"), first_given(configs, "lower_arm_length")
        turns = [d if c.angle is None else c.angle for c, d in zip(configs, _ANGLES, strict=True)]
        return [
            Geometry("rotary_delta", self.shoulder_radius, self.shoulder_height, u, low, radians(turn))
            for u, low, turn in zip(upper, lower, turns, strict=True)
        ]

    def assemble(self, parts: MachineParts) -> RotaryDeltaKinematics:
        """See L{KinematicsConfig.assemble}."""
        towers = [parts.towers[name] for name in self.axes]
        configs = [tower.config for tower in towers]
        shapes, ends = self._shapes(configs), first_given(configs, "position_endstop")
        ceilings = [shape.position(0.0, 0.0, end) for shape, end in zip(shapes, ends, strict=True)]
        lengths = [STRETCH * (shape.parameters[2] + shape.parameters[3]) for shape in shapes]
        # As low as stretched arms reach in the middle: wherever the arms are, that is far enough to go.
        low = max(self.shoulder_height - sqrt(length**2 - self.shoulder_radius**2) for length in lengths)
        made = RotaryDeltaKinematics(
            {tower.motor: shape for tower, shape in zip(towers, shapes, strict=True)},
            self,
            towers=towers,
            ceilings={tower.motor: c for tower, c in zip(towers, ceilings, strict=True)},
            low=low,
            top=self._beyond(shapes, max(ends), low),
            ceiling_z=max(ends),
        )
        made.start = (0.0, 0.0, self.minimum_z_position)
        made.workspace = Workspace(
            self._reach(shapes),
            ceilings=list(zip(shapes, ceilings, strict=True)),
            open_below=-inf,
            floor=self.minimum_z_position,
        )
        return made

    def _beyond(self, shapes: list[Geometry], end: float, low: float) -> float:
        """mm: somewhat above the endstops, but where arms still reach: they must trigger on the way."""
        top = end + 0.25 * (end - low)
        while top > end and not all(isfinite(shape.position(0.0, 0.0, top)) for shape in shapes):
            top -= 0.05 * (end - low)
        return max(top, end)

    def _reach(self, shapes: list[Geometry]) -> float:
        """Radius (mm) of the circle within which all arms reach down to minimum_z_position."""
        turns = [radians(6.0 * i) for i in range(60)]

        def reached(r: float) -> bool:
            z = self.minimum_z_position
            return all(isfinite(s.position(r * cos(t), r * sin(t), z)) for t in turns for s in shapes)

        inside, outside = 0.0, sum(shapes[0].parameters[2:4]) + self.shoulder_radius
        for _ in range(40):
            middle = 0.5 * (inside + outside)
            inside, outside = (middle, outside) if reached(middle) else (inside, middle)
        return STRETCH * inside
