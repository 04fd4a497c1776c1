"""Homing: find an axis' position by moving until its endstop triggers.

A fast approach, a retreat, and a slow second approach (Config_Reference.md, "stepper").
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from klipperd.errors import CommandError
from klipperd.mcu.trsync import HomingFailed, TriggerReason
from klipperd.motion.drip import drip_until
from klipperd.motion.kinematics.goals import AXES, HomingGoal, HomingResult, rail_goal
from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import Rail, RailEndstop
from klipperd.motion.toolhead import Toolhead

__all__ = ["HomingResult", "home", "home_axis", "homing_move", "rest_time_of"]

SHORTEST_REST = 50e-6
"""Seconds between two looks at a switch."""


def rest_time_of(motors: Sequence[StepperMotor], speed: float) -> float:
    """Seconds between two looks at the switch: a step's time, but not too often for the MCU."""
    return max(min(motor.motion.step_distance for motor in motors) / speed, SHORTEST_REST)


async def homing_move(
    toolhead: Toolhead,
    endstops: Sequence[RailEndstop],
    target: Sequence[float],
    speed: float,
    *,
    triggered: bool = True,
) -> HomingResult:
    """Move to C{target} (x, y, z, e in mm) at C{speed} (mm/s) until every endstop has triggered.

    The toolhead's position afterwards is where it came to rest.

    @raise CommandError: when an endstop did not trigger, or communication with an MCU was lost.
    """
    motors = [motor for e in endstops for motor in e.motors]
    begin = toolhead.last_move_time()
    toolhead.generation.advance(begin, toolhead.now(), finish=True)
    before = {motor: motor.motion.steps for motor in motors}
    rest_time = rest_time_of(motors, speed)
    for e in endstops:
        e.endstop.home_start(begin, rest_time, triggered=triggered)
    end = toolhead.begin_drip(target, speed)
    at_rest: Sequence[float] = toolhead.position
    try:
        outcomes = await _drip(toolhead, endstops, end)
        at_trigger = dict(before)
        for endstop, (hit, outcome) in zip(endstops, outcomes, strict=True):
            if hit:
                at_trigger.update({motor: _steps_at(motor, outcome) for motor in endstop.motors})
        for motor in motors:
            await motor.halted()
        halted = toolhead.kinematics.position(lambda motor: motor.motion.commanded)
        # Where motors don't tell (towers that were at odds before homing), it is where it was taken to go.
        at_rest = [h if isfinite(h) else t for h, t in zip(halted, target, strict=False)]
    finally:
        toolhead.end_drip(at_rest)
    for hit, outcome in outcomes:
        if not hit:
            outcome.raiseException()
    trigger = toolhead.kinematics.position(
        lambda motor: motor.motion.coordinate_of(at_trigger.get(motor, motor.motion.steps))
    )
    overshoot = {m: m.motion.commanded - at for m, at in _coordinates(at_trigger)}
    return HomingResult(trigger, halted, any(at_trigger[m] != before[m] for m in motors), overshoot)


def _coordinates(steps: Mapping[StepperMotor, int]) -> Iterator[tuple[StepperMotor, float]]:
    return ((motor, motor.motion.coordinate_of(at)) for motor, at in steps.items())


async def _drip(toolhead: Toolhead, endstops: Sequence[RailEndstop], end: float) -> list[tuple[bool, Any]]:
    """Move until C{end} or until all endstops have triggered.

    @return: (True, print_time of the trigger) or (False, failure) for each.
    """
    watches = [Deferred.fromCoroutine(_watch(e, end)) for e in endstops]
    stopped: Deferred[Any] = DeferredList(watches, consumeErrors=True)
    await drip_until(toolhead, end, stopped)
    outcomes: list[tuple[bool, Any]] = await stopped
    return outcomes


async def _watch(endstop: RailEndstop, end: float) -> float:
    """Wait for one endstop; print_time of its trigger. @raise CommandError: that names the axis."""
    try:
        return await endstop.endstop.home_wait(end)
    except HomingFailed as failed:
        if failed.reason is TriggerReason.PAST_END:
            raise CommandError(f"No trigger on {endstop.name} after full movement") from failed
        raise


def _steps_at(motor: StepperMotor, print_time: float) -> int:
    return motor.motion.position_at_clock(motor.hardware.mcu.print_time_to_clock(print_time))


async def home(toolhead: Toolhead, axes: str) -> None:
    """Home these axes (of C{"xyz"}; none: all), and those that can't be homed without them.

    @raise CommandError: when it can't be done; the axis concerned isn't homed then.
    """
    goals = toolhead.kinematics.homing(axes or AXES)
    homed = "".join(goal.axes for goal in goals)
    for axis in axes:
        if axis not in homed:
            raise CommandError(f"Axis {axis} can't be homed: these kinematics have no motor for it")
    for goal in goals:
        await _home_goal(toolhead, goal)


async def home_axis(toolhead: Toolhead, rail: Rail) -> None:
    """Home one axis. @raise CommandError: when it can't be done; the axis isn't homed then."""
    await _home_goal(toolhead, rail_goal(rail))


async def _home_goal(toolhead: Toolhead, goal: HomingGoal) -> None:
    await goal.prepare(toolhead)
    if not goal.axes:
        return
    toolhead.begin_homing(goal.axes)
    for axis in goal.axes:
        toolhead.lookahead.set_unbounded(AXES.index(axis))
    try:
        position = await _approach_twice(toolhead, goal)
    except BaseException:
        toolhead.clear_homed(goal.axes)
        raise
    toolhead.set_position(position, goal.axes)


async def _approach_twice(toolhead: Toolhead, goal: HomingGoal) -> list[float]:
    config = goal.config
    if not goal.endstops:
        return _placed(toolhead.position, goal.target)
    share = toolhead.approach_share
    begin = {axis: at + share * (goal.begin[axis] - at) for axis, at in goal.target.items()}
    position = await _approach(toolhead, goal, begin, config.homing_speed)
    if config.homing_retract_dist <= 0.0:
        return position
    toolhead.set_position(position, tell=False)
    away = _shifted(toolhead.position, goal.back(config.homing_retract_dist))
    toolhead.move(away, config.homing_retract_speed or config.homing_speed)
    second_speed = config.second_homing_speed or config.homing_speed / 2.0
    await toolhead.wait_moves()
    back = goal.back(2.0 * config.homing_retract_dist)
    begin = {axis: at + back[axis] for axis, at in goal.target.items()}
    return await _approach(toolhead, goal, begin, second_speed, again=True)


async def _approach(
    toolhead: Toolhead, goal: HomingGoal, begin: Mapping[str, float], speed: float, *, again: bool = False
) -> list[float]:
    """Approach the endstops from wherever the machine is, as if it were at C{begin}; the position found."""
    toolhead.set_position(_placed(toolhead.position, begin), tell=False)
    target = _placed(toolhead.position, goal.target)
    result = await homing_move(toolhead, goal.endstops, target, speed)
    if again and not result.moved:
        raise CommandError(f"Endstop {goal.name} still triggered after retract")
    return _placed(toolhead.position, goal.locate(result))


def _placed(position: list[float], at: Mapping[str, float]) -> list[float]:
    for axis, value in at.items():
        position[AXES.index(axis)] = value
    return position


def _shifted(position: list[float], by: Mapping[str, float]) -> list[float]:
    return _placed(position, {axis: position[AXES.index(axis)] + step for axis, step in by.items()})
