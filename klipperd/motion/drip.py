"""Homing moves: one move whose steps are sent only shortly before they happen.

So little is queued beyond the place where an endstop stops the motors, and the move can be given up.
"""

from typing import Any

from twisted.internet.defer import Deferred

from klipperd.motion.toolhead import Toolhead

__all__ = ["drip_until"]

AHEAD = 0.25
"""Seconds of steps that are sent ahead; more than the scaled clock's slack."""
PAUSE = 0.05
"""Seconds between two portions."""


async def drip_until(toolhead: Toolhead, end: float, stop: "Deferred[Any]") -> None:
    """Solve the move that L{Toolhead.begin_drip} planned until C{end} (print_time) or until C{stop} fires."""
    while not stop.called:
        now = toolhead.now()
        toolhead.generation.advance(min(end, now + AHEAD), now, finish=True)
        if now >= end:
            return
        await toolhead.sleep(min(PAUSE, end - now + 0.001))
