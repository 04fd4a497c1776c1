"""Streams of what motors and queues did, for clients that subscribe (API_Server.md, "motion_report")."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from klipperd.motion.motors import StepperMotor
from klipperd.motion.trapq import MotionQueue

__all__ = ["Stream", "dump_motor", "dump_queue"]

_log = Logger()

PERIOD = 0.25
"""Seconds between two messages of a stream."""

Read = Callable[[float, float], Mapping[str, Any] | None]
"""Gives what happened from one print_time up to before another; None when there was nothing."""


def dump_motor(motor: StepperMotor, begin: float, end: float) -> Mapping[str, Any] | None:
    """Commands of a motor whose first step lies in [begin, end) (print_time)."""
    clock_at = motor.hardware.mcu.print_time_to_clock
    first, limit = clock_at(begin), clock_at(end)
    batches = [b for b in motor.motion.dump(first, limit) if first <= b[0] < limit]
    if not batches:
        return None
    print_time_at = motor.hardware.mcu.print_clock.print_time_at
    first_clock, _, steps_before, *_ = batches[0]
    last_clock = batches[-1][1]
    return {
        "data": [(interval, count, add) for _, _, _, interval, count, add in batches],
        "start_position": motor.motion.coordinate_of(steps_before),
        "start_mcu_position": -steps_before if motor.motion.invert_dir else steps_before,
        "first_position": steps_before,
        "step_distance": motor.motion.step_distance,
        "first_clock": first_clock,
        "first_time": print_time_at(first_clock),
        "first_step_time": print_time_at(first_clock),
        "last_clock": last_clock,
        "last_time": print_time_at(last_clock),
        "last_step_time": print_time_at(last_clock),
    }


def dump_queue(queue: MotionQueue, begin: float, end: float) -> Mapping[str, Any] | None:
    """Phases of a queue that begin in [begin, end) (print_time)."""
    phases = queue.dump(begin, end)
    return {"data": phases} if phases else None


@define(eq=False, repr=False)
class Stream:
    """Sends to its clients, every L{PERIOD}, what happened since the last time; rests without clients.

    C{now}: present print_time.
    """

    _clock: IReactorTime
    _now: Callable[[], float]
    _read: Read
    _clients: list[Callable[[Mapping[str, Any]], None]] = field(factory=list, init=False)
    _since: float = field(init=False, default=0.0)
    _loop: LoopingCall | None = field(init=False, default=None)

    def subscribe(self, send: Callable[[Mapping[str, Any]], None]) -> Callable[[], None]:
        """Send to C{send} from now on; the result ends that."""
        self._clients.append(send)
        if self._loop is None:
            self._since = self._now()
            self._loop = LoopingCall(self._turn)
            self._loop.clock = self._clock
            self._loop.start(PERIOD, now=False).addErrback(
                lambda failure: _log.failure("a stream of motion ended", failure)
            )
        return lambda: self._unsubscribe(send)

    def _unsubscribe(self, send: Callable[[Mapping[str, Any]], None]) -> None:
        if send in self._clients:
            self._clients.remove(send)
        if not self._clients:
            self.stop()

    def stop(self) -> None:
        """Send no more."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()

    def _turn(self) -> None:
        since, self._since = self._since, self._now()
        message = self._read(since, self._since)
        if message is not None:
            for send in list(self._clients):
                send(message)
