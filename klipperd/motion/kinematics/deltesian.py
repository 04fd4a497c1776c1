"""Deltesian printers: two towers with rods for x and z, a plain axis for y (docs/motion.md)."""

from collections.abc import Callable, Iterator, Mapping
from math import cos, isfinite, nan, radians, sqrt
from typing import Any, ClassVar

from attrs import define, frozen

from klipperd.motion.geometry import Geometry
from klipperd.motion.kinematics.base import LinearConfig, MachineParts, Trouble, Vector
from klipperd.motion.kinematics.goals import OVERSHOOT, HomingGoal, rail_goal
from klipperd.motion.kinematics.towers import TowerHomed, first_given, radius_of_slope, tower_troubles
from klipperd.motion.motors import StepperMotor
from klipperd.motion.workspace import Workspace
from klipperd.objects import option

__all__ = ["DeltesianConfig", "DeltesianKinematics"]

_NAMES = ("stepper_left", "stepper_right")


@define(eq=False, repr=False)
class DeltesianKinematics(TowerHomed):
    """Made by L{DeltesianConfig}."""

    @property
    def travel(self) -> Mapping[str, tuple[float, float]]:
        """See L{Kinematics.travel}."""
        assert isinstance(self.config, DeltesianConfig)
        reach = self.config.reach(self.towers[0].config, self.towers[1].config)
        return {
            "x": (-reach, reach),
            "y": self.rails["y"].travel,
            "z": (self.config.minimum_z_position, self.top),
        }

    def homing(self, axes: str) -> list[HomingGoal]:
        """See L{Kinematics.homing}: the towers first."""
        plain = [rail_goal(self.rails["y"])] if "y" in axes else []
        return [*super().homing(axes), *plain]

    def position(self, coordinate: Callable[[StepperMotor], float]) -> Vector:
        """Where circles of the rods' lengths round the carriages meet, below them."""
        left, right = (tower.motor for tower in self.towers)
        (x0, arm0), (x1, arm1) = self.shapes[left].parameters, self.shapes[right].parameters
        z0, z1 = coordinate(left), coordinate(right)
        y = coordinate(self.rails["y"].motors[0])
        square = (x1 - x0) ** 2 + (z1 - z0) ** 2
        along = (square + arm0**2 - arm1**2) / (2.0 * square)
        rest = arm0**2 / square - along**2
        if not (isfinite(square) and rest >= 0.0):
            return nan, y, nan
        aside = sqrt(rest)
        return x0 + along * (x1 - x0) + aside * (z1 - z0), y, z0 + along * (z1 - z0) - aside * (x1 - x0)


@frozen(kw_only=True)
class DeltesianConfig(LinearConfig):
    """Options of deltesian printers."""

    axes: ClassVar[str] = "y"
    minimum_z_position: float = option(0.0, unit="mm", doc="lowest z that may be commanded")
    min_angle: float = option(
        5.0, above=0.0, below=90.0, unit="degrees", doc="least angle of the rods to the horizontal"
    )
    print_width: float | None = option(
        None, above=0.0, unit="mm", doc="travel of x; as far as min_angle allows by default"
    )
    slow_ratio: float = option(
        3.0, above=0.0, doc="carriage faster than the head by this: half limits; by twice this, a quarter"
    )

    @property
    def sections(self) -> list[str]:
        """See L{KinematicsConfig.sections}."""
        return [*_NAMES, "stepper_y"]

    def troubles(self, sections: Mapping[str, Any]) -> Iterator[Trouble]:
        """See L{KinematicsConfig.troubles}."""
        yield from super().troubles(sections)
        needed = ("arm_length", "arm_x_length", "position_endstop")
        found = list(
            tower_troubles(
                "deltesian", sections, _NAMES, each=("endstop_pin", "rotation_distance"), first=needed
            )
        )
        yield from found
        if not found:
            yield from self._misfits(sections)

    def _misfits(self, sections: Mapping[str, Any]) -> Iterator[Trouble]:
        configs = [sections[name] for name in _NAMES]
        arms, aside = first_given(configs, "arm_length"), first_given(configs, "arm_x_length")
        for name, arm, x in zip(_NAMES, arms, aside, strict=True):
            if arm * cos(radians(self.min_angle)) <= x:
                yield name, "arm_length", f"{arm:g} is too short for arm_x_length = {x:g} and min_angle"
                return
        reach = self._farthest(configs[0], configs[1])
        if self.print_width is not None and self.print_width > 2.0 * reach:
            most = 2.0 * reach
            yield "printer", "print_width", f"{self.print_width:g} is more than min_angle allows, {most:g}"
        end = configs[0].position_endstop
        if end <= self.minimum_z_position:
            low = self.minimum_z_position
            yield _NAMES[0], "position_endstop", f"{end:g} must be above minimum_z_position = {low:g}"

    def _farthest(self, *configs: Any) -> float:
        arms, aside = first_given(configs, "arm_length"), first_given(configs, "arm_x_length")
        flattest = cos(radians(self.min_angle))
        return min(arm * flattest - x for arm, x in zip(arms, aside, strict=True))

    def reach(self, *configs: Any) -> float:
        """How far (mm) x may go to either side."""
        farthest = self._farthest(*configs)
        return farthest if self.print_width is None else min(self.print_width / 2.0, farthest)

    def assemble(self, parts: MachineParts) -> DeltesianKinematics:
        """See L{KinematicsConfig.assemble}."""
        towers = [parts.towers[name] for name in ("left", "right")]
        configs = [tower.config for tower in towers]
        arms, aside = first_given(configs, "arm_length"), first_given(configs, "arm_x_length")
        ends = first_given(configs, "position_endstop")
        shapes = [Geometry("deltesian", -aside[0], arms[0]), Geometry("deltesian", aside[1], arms[1])]
        ceilings = [shape.position(0.0, 0.0, end) for shape, end in zip(shapes, ends, strict=True)]
        rail = parts.rails["y"]
        plain = {motor: Geometry("linear", 0.0, 1.0, 0.0) for motor in rail.motors}
        rods = list(zip(arms, aside, strict=True))
        slopes = (self.slow_ratio, 2.0 * self.slow_ratio)
        slow = [max(min(radius_of_slope(arm, slope) - x for arm, x in rods), 0.0) for slope in slopes]
        made = DeltesianKinematics(
            {**{tower.motor: shape for tower, shape in zip(towers, shapes, strict=True)}, **plain},
            self,
            {"y": rail},
            towers=towers,
            ceilings={tower.motor: c for tower, c in zip(towers, ceilings, strict=True)},
            low=max(ends) - OVERSHOOT * (max(ends) - self.minimum_z_position),
            top=max(ends),
            axes="xz",
        )
        made.workspace = Workspace(
            ceilings=list(zip(shapes, ceilings, strict=True)),
            open_below=min(c - arm for c, arm in zip(ceilings, arms, strict=True)),
            floor=self.minimum_z_position,
            slow_beyond=(slow[0], slow[1]),
            slow_across=True,
            nominal=(parts.max_velocity, parts.max_accel),
        )
        return made
