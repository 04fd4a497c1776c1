"""Printers whose carriages move along x, y and z: each motor's coordinate is a weighted sum of carriages.

Cartesian, corexy and their kin are tables of weights; generic_cartesian brings its own. An axis may have a
second carriage, see L{klipperd.motion.kinematics.dual}.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import nan
from typing import Any, ClassVar

from attrs import define, field, frozen

from klipperd.motion.kinematics.base import Kinematics, LinearConfig, MachineParts, Trouble
from klipperd.motion.kinematics.dual import Carriage, DualAxis
from klipperd.motion.kinematics.goals import AXES, HomingGoal, Vector, rail_goal
from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import Rail, RailEndstop
from klipperd.motion.trapq import MotionQueue

__all__ = ["BeltConfig", "CarriageKinematics", "solve_rows"]

Weights = Mapping[str, float]
"""Carriage -> mm of the motor for one mm of the carriage."""

LEAST_PIVOT = 1e-9


def _pivot(row: Sequence[float]) -> int | None:
    """Index of a row's largest element but the last; None when they are all 0."""
    best = max(range(len(row) - 1), key=lambda i: abs(row[i]))
    return best if abs(row[best]) > LEAST_PIVOT else None


def solve_rows(rows: Sequence[tuple[Vector, float]]) -> Vector:
    """x, y, z with weights . (x, y, z) = value, from the first rows that tell something new; else NaN."""
    kept: list[tuple[int, list[float]]] = []
    for weights, value in rows:
        row = [*weights, value]
        for column, other in kept:
            row = [a - row[column] * b for a, b in zip(row, other, strict=True)]
        column_here = _pivot(row)
        if column_here is None:
            continue
        row = [a / row[column_here] for a in row]
        # Gauss-Jordan: take the new column out of the rows before.
        kept = [(c, [a - o[column_here] * b for a, b in zip(o, row, strict=True)]) for c, o in kept]
        kept.append((column_here, row))
        if len(kept) == len(AXES):
            break
    at = [nan, nan, nan]
    for column, row in kept:
        if all(abs(w) <= LEAST_PIVOT for i, w in enumerate(row[:-1]) if i != column):
            at[column] = row[-1]
    return at[0], at[1], at[2]


@define(eq=False, repr=False)
class CarriageKinematics(Kinematics):
    """Carriages by name, and what of them each motor moves, in the order in which motors tell positions.

    The first carriage of an axis carries its travel.
    """

    carriages: Mapping[str, Carriage]
    weights: Mapping[StepperMotor, Weights]
    config: LinearConfig
    duals: Mapping[str, DualAxis] = field(init=False)
    """Axis -> its carriages, for axes that have more than one."""

    @duals.default
    def _find_duals(self) -> Mapping[str, DualAxis]:
        independent = [c for c in self.carriages.values() if c.leader is None]
        by_axis = {axis: [c for c in independent if c.rail.axis == axis] for axis in AXES}
        return {axis: DualAxis(axis, group) for axis, group in by_axis.items() if len(group) > 1}

    @property
    def rails(self) -> Mapping[str, Rail]:  # type: ignore[override]
        """By carriage."""
        return {name: carriage.rail for name, carriage in self.carriages.items()}

    @property
    def motors(self) -> list[StepperMotor]:
        """All motors."""
        return list(self.weights)

    def _first(self, axis: str) -> Carriage | None:
        return next((c for c in self.carriages.values() if c.rail.axis == axis), None)

    @property
    def travel(self) -> Mapping[str, tuple[float, float]]:
        """See L{Kinematics.travel}."""
        firsts = {axis: self._first(axis) for axis in AXES}
        plain = {axis: first.rail.travel for axis, first in firsts.items() if first is not None}
        return plain | {axis: dual.travel() for axis, dual in self.duals.items()}

    def weights_of(self, motor: StepperMotor) -> Vector:
        """The motor's coordinate per mm of x, y and z, as the carriages follow them now."""
        at = dict.fromkeys(AXES, 0.0)
        for name, weight in self.weights[motor].items():
            carriage = self.carriages[name]
            at[carriage.rail.axis] += weight * carriage.follows
        return at["x"], at["y"], at["z"]

    def follow(self, queue: MotionQueue, motor: StepperMotor | None = None) -> None:
        """See L{Kinematics.follow}."""
        for each in self.motors if motor is None else [motor]:
            each.motion.follow(queue, self.weights_of(each))
            each.follow_owner = partial(self.follow, queue, each)

    def position(self, coordinate: Callable[[StepperMotor], float]) -> Vector:
        """See L{Kinematics.position}."""
        return solve_rows([(self.weights_of(motor), coordinate(motor)) for motor in self.weights])

    def homing(self, axes: str) -> list[HomingGoal]:
        """See L{Kinematics.homing}."""
        return [goal for axis in axes for goal in self._axis_goals(axis)]

    def _axis_goals(self, axis: str) -> Iterator[HomingGoal]:
        if axis in self.duals:
            yield from self.duals[axis].goals(self._endstops_of)
        elif (first := self._first(axis)) is not None:
            yield rail_goal(first.rail, self._endstops_of(first))

    def _endstops_of(self, carriage: Carriage) -> list[RailEndstop]:
        followers = [c for c in self.carriages.values() if c is carriage or c.leader is carriage]
        return [endstop for c in followers for endstop in c.rail.endstops]

    def wire_endstops(self) -> None:
        """Each carriage's endstops stop the motors that move it."""
        for name, carriage in self.carriages.items():
            for motor, weights in self.weights.items():
                if weights.get(name):
                    carriage.rail.endstop_of(motor).stop(motor)

    def stopped_by(self, axis: str) -> list[StepperMotor]:
        """The motors that move an axis' first carriage, and must stop at its endstop."""
        return [motor for motor, weights in self.weights.items() if weights.get(axis)]

    def forget_places(self, axes: str) -> None:
        """See L{Kinematics.forget_places}."""
        for carriage in self.carriages.values():
            carriage.known &= carriage.rail.axis not in axes

    def axis_caps(self, max_velocity: float, max_accel: float) -> Mapping[str, tuple[float, float]]:
        """See L{Kinematics.axis_caps}."""
        return self.config.caps(max_velocity, max_accel)


@frozen(kw_only=True)
class BeltConfig(LinearConfig):
    """Kinematics that are a table: rail -> weights of the carriages x, y, z in its motors' coordinate."""

    table: ClassVar[Mapping[str, Weights]]
    second_table: ClassVar[Mapping[str, Weights]] = {}
    """Axis that may have a second carriage -> the weights of that one's motor; the carriage is "1"."""

    def troubles(self, sections: Mapping[str, Any]) -> Iterator[Trouble]:
        """See L{KinematicsConfig.troubles}."""
        for name, config in sections.items():
            if name.startswith("dual_carriage "):
                yield name, "", "has a name with kinematics generic_cartesian only: [dual_carriage]"
            elif name == "dual_carriage" and not self.second_table:
                yield name, "", "these kinematics have no second carriage"
            elif name == "dual_carriage" and config.axis not in self.second_table:
                axes = " or ".join(self.second_table)
                yield name, "axis", f"with these kinematics only {axes} may have a second carriage"

    def build(self, rails: Mapping[str, Rail]) -> CarriageKinematics:
        """The kinematics of these rails, without a second carriage."""
        return self.assemble(MachineParts(rails))

    def assemble(self, parts: MachineParts) -> CarriageKinematics:
        """See L{KinematicsConfig.assemble}."""
        carriages = {axis: Carriage(axis, parts.rails[axis]) for axis in AXES}
        weights = {motor: self.table[a] for a in AXES for motor in parts.rails[a].motors}
        for second in parts.carriages:
            if second.motor is None:
                continue
            carriage = Carriage.second(second, carriages)
            carriages[carriage.name] = carriage
            weights[second.motor] = self.second_table[carriage.rail.axis]
        return CarriageKinematics(carriages, weights, self)
