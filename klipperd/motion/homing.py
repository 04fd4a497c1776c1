"""Homing: find an axis' position by moving until its endstop triggers.

A fast approach, a retreat, and a slow second approach (Config_Reference.md, "stepper").
"""

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList

from klipperd.errors import CommandError
from klipperd.mcu.trsync import HomingFailed, TriggerReason
from klipperd.motion.drip import drip_until
from klipperd.motion.kinematics.base import AXES, Vector
from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import Rail, RailEndstop
from klipperd.motion.toolhead import Toolhead

__all__ = ["HomingResult", "home_axis", "homing_move"]

SHORTEST_REST = 50e-6
"""Seconds between two looks at a switch."""
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


def _rest_time(motors: Sequence[StepperMotor], speed: float) -> float:
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
    rest_time = _rest_time(motors, speed)
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
        at_rest = halted = toolhead.kinematics.position(lambda motor: motor.motion.commanded)
    finally:
        toolhead.end_drip(at_rest)
    for hit, outcome in outcomes:
        if not hit:
            outcome.raiseException()
    trigger = toolhead.kinematics.position(
        lambda motor: motor.motion.coordinate_of(at_trigger.get(motor, motor.motion.steps))
    )
    return HomingResult(trigger, halted, any(at_trigger[m] != before[m] for m in motors))


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


async def home_axis(toolhead: Toolhead, rail: Rail) -> None:
    """Home one axis. @raise CommandError: when it can't be done; the axis isn't homed then."""
    axis = AXES.index(rail.axis)
    toolhead.clear_homed(rail.axis)
    toolhead.lookahead.set_unbounded(axis)
    try:
        position = await _approach_twice(toolhead, rail, axis)
    except BaseException:
        toolhead.clear_homed(rail.axis)
        raise
    toolhead.set_position(position, rail.axis)


async def _approach_twice(toolhead: Toolhead, rail: Rail, axis: int) -> list[float]:
    config = rail.config
    low, high = rail.travel
    travel = OVERSHOOT * (high - low)
    position = await _approach(toolhead, rail, axis, travel, config.homing_speed)
    if config.homing_retract_dist <= 0.0:
        return position
    toolhead.set_position(position, tell=False)
    retreat = toolhead.position
    retreat[axis] -= rail.direction * config.homing_retract_dist
    toolhead.move(retreat, config.homing_retract_speed or config.homing_speed)
    second_speed = config.second_homing_speed or config.homing_speed / 2.0
    await toolhead.wait_moves()
    return await _approach(toolhead, rail, axis, 2.0 * config.homing_retract_dist, second_speed, again=True)


async def _approach(
    toolhead: Toolhead, rail: Rail, axis: int, travel: float, speed: float, *, again: bool = False
) -> list[float]:
    """Approach the endstop from wherever the axis is, by C{travel} mm at most; the position found."""
    at_endstop = rail.config.position_endstop
    start = toolhead.position
    start[axis] = at_endstop - rail.direction * travel
    toolhead.set_position(start, tell=False)
    target = toolhead.position
    target[axis] = at_endstop
    result = await homing_move(toolhead, rail.endstops, target, speed)
    if again and not result.moved:
        raise CommandError(f"Endstop {rail.axis} still triggered after retract")
    found = toolhead.position
    found[axis] = at_endstop + result.halted[axis] - result.triggered[axis]
    return found
