"""Step generation: hands the compiled workers how far they may solve."""

from attrs import define, field

from klipperd.motion.enable import EnableLines
from klipperd.motion.hardware import MotionMcu
from klipperd.motion.motors import StepperMotor
from klipperd.motion.stepper import StepperGroup
from klipperd.motion.trapq import MotionQueue
from klipperd.motion.workers import Workers

__all__ = ["StepGeneration"]

WAIT_FOR_COMPANY = 0.1
"""Seconds: steps nearer than this to what is solved may wait to be sent together with later ones."""
ENABLE_EARLY = 0.1
"""Seconds that a driver is switched on before its first step, where there is time."""
HISTORY = 30.0
"""Seconds for which steps sent are remembered; a motion queue's own default is the same."""


@define(eq=False, repr=False)
class StepGeneration:
    """The motors of all MCUs and the queues that they follow.

    C{solved_until}: print_time (s) up to which steps are solved, or being solved; queues must not change
    before it.
    """

    enable: EnableLines
    queues: list[MotionQueue] = field(factory=list)
    keep: float = HISTORY
    """Seconds for which what has happened is remembered."""
    motors: list[StepperMotor] = field(factory=list)
    solved_until: float = 0.0
    _groups: dict[int, StepperGroup] = field(factory=dict)
    _workers: Workers | None = None
    _expire_at: float | None = None

    def add(self, motor: StepperMotor) -> None:
        """Generate steps for a motor."""
        self.motors.append(motor)
        self._group(motor.hardware.mcu).add(motor.motion)
        if self._workers is not None:
            self._workers.add(motor.motion)

    def employ(self, workers: Workers) -> None:
        """From now on let threads solve the steps. Links bear that."""
        self._workers = workers
        for motor in self.motors:
            workers.add(motor.motion)

    def close(self) -> None:
        """End the threads."""
        if self._workers is not None:
            self._workers.stop()

    def _group(self, mcu: MotionMcu) -> StepperGroup:
        return self._groups.setdefault(id(mcu), StepperGroup())

    @property
    def scan_time(self) -> float:
        """Seconds around an instant that smoothing looks at."""
        return max((group.scan_time for group in self._groups.values()), default=0.0)

    def advance(self, until: float, now: float, *, finish: bool = False) -> int:
        """Solve up to C{until}, up to which the queues are complete, and send.

        With workers this only begins the work, unless it is to C{finish}: what they meet with is raised
        the next time, and gives no number of steps.

        @param now: present print_time; drivers are not switched on in the past.
        @param finish: nothing follows soon; send all. @raise StepsLost: when a link is closed.
        """
        if until <= self.solved_until and not finish:
            return 0
        must_send = until if finish else until - WAIT_FOR_COMPANY
        solved = 0
        for motor in self.motors:
            motor.sync_clock()
        if self._workers is None:
            for group in self._groups.values():
                solved += group.generate(until, must_send)
            self._enable_active(now)
        else:
            self._set_to_work(self._workers, until, must_send, now, finish)
        self.solved_until = max(until, self.solved_until)
        return solved

    def _set_to_work(
        self, workers: Workers, until: float, must_send: float, now: float, finish: bool
    ) -> None:
        workers.finish()
        self._enable_active(now)
        if self._expire_at is not None:
            self._expire(self._expire_at)
            self._expire_at = None
        workers.start(until, must_send)
        # A driver has to be on before its first step: see at once whether one moves.
        if finish or not all(self.enable.is_enabled(motor.name) for motor in self.motors):
            workers.finish()
            self._enable_active(now)

    def _enable_active(self, now: float) -> None:
        for motor in self.motors:
            first = motor.motion.take_activity()
            if first is not None and not self.enable.is_enabled(motor.name):
                when = min(first, max(first - ENABLE_EARLY, now + ENABLE_EARLY))
                self.enable.switch(motor.name, True, when)

    def expire(self, now: float) -> None:
        """Forget what is long past; C{now} is the present print_time."""
        if self._workers is not None and self._workers.busy:
            self._expire_at = now
        else:
            self._expire(now)

    def _expire(self, now: float) -> None:
        for queue in self.queues:
            queue.expire(min(now, self.solved_until) + HISTORY - self.keep)
        for motor in self.motors:
            clock = motor.hardware.mcu.print_time_to_clock(now - self.keep)
            if clock > 0:
                motor.motion.expire_history(clock)
