"""Homing moves: one move whose steps are sent only shortly before they happen.

So little is queued beyond the place where an endstop stops the motors, and the move can be given up.
"""

from collections.abc import Sequence

from twisted.internet.defer import Deferred

from klipperd.motion.toolhead import Toolhead

__all__ = ["drip_move"]

AHEAD = 0.25
"""Seconds of steps that are sent ahead; more than the scaled clock's slack."""
PAUSE = 0.05
"""Seconds between two portions."""


async def drip_move(toolhead: Toolhead, position: Sequence[float], speed: float, stop: "Deferred[None]") -> float:
    """Move to C{position} (mm) at C{speed} (mm/s) until the end or until C{stop} fires.

    Begins at the toolhead's print_time, at rest. Returns the print_time at which it would end; not all
    of the move's steps may have been sent then.
    """
    end = toolhead.begin_drip(position, speed)
    while not stop.called:
        now = toolhead.now()
        toolhead.generation.advance(min(end, now + AHEAD), now, finish=True)
        if now >= end:
            break
        await toolhead.sleep(min(PAUSE, end - now + 0.001))
    return end
