"""What kinematics with towers, arms or cables share: options, homing, and where spheres meet."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, nan, sqrt
from typing import Any

from attrs import define, field

from klipperd.motion.kinematics.base import CurvedKinematics, Trouble
from klipperd.motion.kinematics.goals import HomingGoal, HomingResult, Vector
from klipperd.motion.kinematics.parts import Tower, TowerConfig
from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import RailEndstop

__all__ = ["TowerHomed", "first_given", "lower_meeting", "meetings", "radius_of_slope", "tower_troubles"]

_SPECIFIC = {
    "position_endstop",
    "endstop_pin",
    "rotation_distance",
    "arm_length",
    "arm_x_length",
    "upper_arm_length",
    "lower_arm_length",
    "angle",
    "anchor_x",
    "anchor_y",
    "anchor_z",
}


def first_given(configs: Sequence[TowerConfig], option: str) -> list[float]:
    """An option of each tower, which may leave it to the first one."""
    values = [getattr(config, option) for config in configs]
    return [values[0] if value is None else value for value in values]


def tower_troubles(
    kinematics: str,
    sections: Mapping[str, Any],
    names: Sequence[str],
    *,
    each: Sequence[str] = (),
    first: Sequence[str] = (),
    others: Sequence[str] = (),
) -> Iterator[Trouble]:
    """Options that sections lack or shouldn't have.

    @param each: needed in every section; C{first}: in the first one, where the others take it from;
        C{others}: allowed.
    """
    known = {*each, *first, *others}
    for name in names:
        config = sections[name]
        for option in (*each, *(first if name == names[0] else ())):
            if getattr(config, option) is None:
                yield name, option, "is missing"
        for option in sorted(_SPECIFIC - known):
            if getattr(config, option) is not None:
                yield name, option, f"is no option of kinematics {kinematics}"


def radius_of_slope(arm: float, slope: float) -> float:
    """mm from a tower at which its carriage moves C{slope} times as fast as the head, away from it."""
    return arm * slope / sqrt(1.0 + slope * slope)


def _minus(a: Sequence[float], b: Sequence[float]) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Sequence[float], b: Sequence[float]) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def lower_meeting(centres: Sequence[Vector], radii: Sequence[float]) -> Vector:
    """The lower one of the two points where three spheres meet; NaN where they don't."""
    return meetings(centres, radii)[0]


def meetings(centres: Sequence[Vector], radii: Sequence[float]) -> tuple[Vector, Vector]:
    """The two points where three spheres meet, the lower one first; NaN where they don't."""
    nowhere = ((nan, nan, nan), (nan, nan, nan))
    if not all(isfinite(v) for v in (*radii, *(c for centre in centres for c in centre))):
        return nowhere
    base = centres[0]
    first, second = _minus(centres[1], base), _minus(centres[2], base)
    d = sqrt(_dot(first, first))
    ex: Vector = (first[0] / d, first[1] / d, first[2] / d)
    i = _dot(ex, second)
    across: Vector = (second[0] - i * ex[0], second[1] - i * ex[1], second[2] - i * ex[2])
    j = sqrt(_dot(across, across))
    if j == 0.0:
        return nowhere
    ey: Vector = (across[0] / j, across[1] / j, across[2] / j)
    ez = _cross(ex, ey)
    square = radii[0] ** 2
    x = (square - radii[1] ** 2 + d * d) / (2.0 * d)
    y = (square - radii[2] ** 2 + i * i + j * j - 2.0 * i * x) / (2.0 * j)
    rest = square - x * x - y * y
    if rest < 0.0:
        return nowhere
    down = -sqrt(rest) if ez[2] > 0.0 else sqrt(rest)
    foot = [b + x * u + y * v for b, u, v in zip(base, ex, ey, strict=True)]
    return _on(foot, ez, down), _on(foot, ez, -down)


def _on(foot: Sequence[float], way: Vector, length: float) -> Vector:
    return foot[0] + length * way[0], foot[1] + length * way[1], foot[2] + length * way[2]


@define(eq=False, repr=False)
class TowerHomed(CurvedKinematics):
    """All towers are homed together by a move up; each has an endstop.

    C{ceilings}: each motor's coordinate (mm or rad) when its endstop triggers.
    """

    towers: Sequence[Tower] = ()
    ceilings: Mapping[StepperMotor, float] = field(factory=dict)
    low: float = 0.0
    """mm: the first approach is taken to begin here, in the middle."""
    top: float = 0.0
    """mm: it ends here."""
    axes: str = "xyz"
    tower_endstops: Sequence[RailEndstop] = field(init=False)

    @tower_endstops.default
    def _make_endstops(self) -> Sequence[RailEndstop]:
        return [RailEndstop(t.name, t.endstop, t.motor) for t in self.towers if t.endstop is not None]

    @property
    def endstops(self) -> list[RailEndstop]:
        """Those of the towers, then those of rails."""
        return [*self.tower_endstops, *super().endstops]

    def wire_endstops(self) -> None:
        """Each tower's endstop stops its motor; a rail's those of the rail."""
        for endstop in self.tower_endstops:
            assert endstop.own is not None
            endstop.stop(endstop.own)
        for rail in self.rails.values():
            for motor in rail.motors:
                rail.endstop_of(motor).stop(motor)

    def homing(self, axes: str) -> list[HomingGoal]:
        """See L{Kinematics.homing}."""
        return [self.tower_goal()] if set(axes) & set(self.axes) else []

    def tower_goal(self) -> HomingGoal:
        """Home all towers."""
        flat = dict.fromkeys(self.axes, 0.0)
        return HomingGoal(
            "/".join(tower.name for tower in self.towers),
            self.axes,
            self.towers[0].config,
            self.tower_endstops,
            {**flat, "z": self.low},
            {**flat, "z": self.top},
            self._locate,
        )

    def _locate(self, result: HomingResult) -> Mapping[str, float]:
        at = self.position(lambda motor: self.ceilings.get(motor, 0.0) + result.overshoot.get(motor, 0.0))
        return {axis: value for axis, value in zip("xyz", at, strict=True) if axis in self.axes}
