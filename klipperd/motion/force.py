"""Move one motor by itself, past kinematics and limits."""

from math import sqrt

from klipperd.motion.motors import StepperMotor
from klipperd.motion.toolhead import Toolhead
from klipperd.motion.trapq import MotionQueue

__all__ = ["move_motor", "profile"]


def profile(distance: float, velocity: float, accel: float) -> tuple[float, float, float]:
    """Seconds of speeding up and of cruising, and the speed reached (mm/s)."""
    if accel <= 0.0:
        return 0.0, distance / velocity, velocity
    velocity = min(velocity, sqrt(distance * accel))
    return velocity / accel, max(distance / velocity - velocity / accel, 0.0), velocity


async def move_motor(
    toolhead: Toolhead, motor: StepperMotor, distance: float, velocity: float, accel: float = 0.0
) -> None:
    """Move one motor by C{distance} mm; its axis' coordinate is as before afterwards.

    @param accel: mm/s^2; 0 = at C{velocity} (mm/s) at once.
    @raise CommandError: when the printer shuts down.
    """
    await toolhead.wait_moves()
    if distance == 0.0:
        return
    begin = toolhead.last_move_time()
    toolhead.generation.advance(begin, toolhead.now(), finish=True)
    ramp, cruise, speed = profile(abs(distance), velocity, accel)
    coordinate = motor.motion.commanded
    queue = MotionQueue()
    queue.set_position(begin, (coordinate, 0.0, 0.0))
    motor.motion.follow(queue, (1.0, 0.0, 0.0))
    end = queue.append(
        begin,
        (coordinate, 0.0, 0.0),
        (coordinate + distance, 0.0, 0.0),
        (0.0 if ramp else speed, speed, 0.0 if ramp else speed),
        (ramp, cruise, ramp),
        accel,
    )
    toolhead.extend(end)
    try:
        await toolhead.come_to_rest()
    finally:
        motor.follow_owner()
