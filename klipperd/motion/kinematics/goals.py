"""What homing has to reach, and what a homing move came to."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import sqrt
from typing import TYPE_CHECKING

from attrs import field, frozen

from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import HomingConfig, Rail, RailEndstop

if TYPE_CHECKING:
    from klipperd.motion.toolhead import Toolhead

__all__ = ["AXES", "OVERSHOOT", "HomingGoal", "HomingResult", "Vector", "rail_goal"]

AXES = "xyz"
Vector = tuple[float, float, float]

OVERSHOOT = 1.5
"""The first approach may go so many times the axis' travel before it is given up."""


@frozen
class HomingResult:
    """What a homing move came to: positions (mm) in the coordinates that held when it began."""

    triggered: Vector
    """Where the tool head was at the trigger."""
    halted: Vector
    """Where it came to rest."""
    moved: bool
    """Whether any motor stepped before the trigger."""
    overshoot: Mapping[StepperMotor, float] = field(factory=dict)
    """How far (mm or rad) each motor went beyond its trigger."""


async def _nothing(toolhead: "Toolhead") -> None:
    pass


def _as_halted(result: HomingResult) -> Mapping[str, float]:
    return {}


@frozen
class HomingGoal:
    """One approach to endstops, after which some axes are known.

    C{begin} and C{target} are where (mm) the first approach is taken to begin and to end, whatever the
    true position: what counts is the way between. C{prepare} runs before. Without C{endstops} the machine
    is taken to be at C{target} already.
    """

    name: str
    axes: str
    config: HomingConfig
    endstops: Sequence[RailEndstop] = ()
    begin: Mapping[str, float] = field(factory=dict)
    target: Mapping[str, float] = field(factory=dict)
    locate: Callable[[HomingResult], Mapping[str, float]] = _as_halted
    """Where the machine rests after an approach."""
    prepare: "Callable[[Toolhead], Awaitable[None]]" = _nothing

    def back(self, distance: float) -> Mapping[str, float]:
        """The way (mm) by axis that leads C{distance} mm away from the endstops."""
        way = {axis: self.begin[axis] - self.target[axis] for axis in self.target}
        length = sqrt(sum(step * step for step in way.values()))
        return {axis: step * distance / length for axis, step in way.items()}


def rail_goal(
    rail: Rail,
    endstops: Sequence[RailEndstop] | None = None,
    prepare: "Callable[[Toolhead], Awaitable[None]]" = _nothing,
) -> HomingGoal:
    """Home the axis of a rail, whose position is one coordinate of the tool head."""
    axis, at = rail.axis, rail.config.position_endstop
    low, high = rail.travel

    def locate(result: HomingResult) -> Mapping[str, float]:
        index = AXES.index(axis)
        return {axis: at + result.halted[index] - result.triggered[index]}

    return HomingGoal(
        rail.axis,
        axis,
        rail.config,
        rail.endstops if endstops is None else endstops,
        {axis: at - rail.direction * OVERSHOOT * (high - low)},
        {axis: at},
        locate,
        prepare,
    )
