"""A motor that moves by commands of its own, beside the tool head."""

from attrs import define, field
from twisted.internet.defer import Deferred

from klipperd.mcu.trsync import HomingFailed, TriggerReason
from klipperd.motion.drip import drip_until
from klipperd.motion.force import profile
from klipperd.motion.homing import rest_time_of
from klipperd.motion.motors import StepperMotor
from klipperd.motion.rails import RailEndstop
from klipperd.motion.toolhead import Toolhead
from klipperd.motion.trapq import MotionQueue

__all__ = ["ManualMotor"]


@define(eq=False, repr=False)
class ManualMotor:
    """The motor, its queue and its endstop. C{end}: print_time (s) at which its last move ends."""

    motor: StepperMotor
    endstop: RailEndstop | None = None
    queue: MotionQueue = field(factory=MotionQueue)
    end: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.queue.set_position(0.0, (0.0, 0.0, 0.0))
        self.motor.follow_owner = self.follow
        self.follow()

    def follow(self) -> None:
        """Let the motor follow its queue, from rest."""
        self.motor.motion.follow(self.queue, (1.0, 0.0, 0.0))

    @property
    def position(self) -> float:
        """Where its last move ends (mm)."""
        return self.queue.end_position[0]

    def set_position(self, toolhead: Toolhead, position: float) -> None:
        """Call the place where its last move ends C{position} (mm)."""
        self.queue.set_position(self._begin(toolhead), (position, 0.0, 0.0))

    def _begin(self, toolhead: Toolhead) -> float:
        """print_time at which it may move."""
        self.end = max(self.end, toolhead.last_move_time())
        return self.end

    def move(self, toolhead: Toolhead, target: float, speed: float, accel: float) -> None:
        """Move to C{target} (mm) once the tool head's moves so far have ended; C{end} says until when."""
        begin = self._begin(toolhead)
        self.end = self._append(begin, target, speed, accel)
        toolhead.move_aside(self.end)

    def _append(self, begin: float, target: float, speed: float, accel: float) -> float:
        start = self.position
        if target == start:
            return begin
        ramp, cruise, peak = profile(abs(target - start), speed, accel)
        slow = 0.0 if ramp else peak
        ends = ((start, 0.0, 0.0), (target, 0.0, 0.0))
        return self.queue.append(begin, *ends, (slow, peak, slow), (ramp, cruise, ramp), accel)

    async def home(
        self, toolhead: Toolhead, target: float, speed: float, accel: float, *, triggered: bool = True
    ) -> tuple[bool, float]:
        """Move until the endstop triggers (or opens), at most to C{target} (mm).

        @return: whether it did, and where it did (mm); the motor stands a little beyond.
        @raise CommandError: when communication with an MCU was lost.
        """
        assert self.endstop is not None
        await toolhead.come_to_rest()
        begin = self._begin(toolhead)
        toolhead.generation.advance(begin, toolhead.now(), finish=True)
        self.endstop.endstop.home_start(begin, rest_time_of([self.motor], speed), triggered=triggered)
        end = self._append(begin, target, speed, accel)
        toolhead.begin_aside(end)
        at = self.position
        try:
            watched = Deferred.fromCoroutine(self._watch(end))
            await drip_until(toolhead, end, watched)
            trigger = await watched
            at = await self.motor.halted()
        finally:
            self.queue.set_position(toolhead.now(), (at, 0.0, 0.0))
            toolhead.end_drip(toolhead.position)
            self.end = toolhead.print_time
        if trigger is None:
            return False, at
        motion, mcu = self.motor.motion, self.motor.hardware.mcu
        return True, motion.coordinate_of(motion.position_at_clock(mcu.print_time_to_clock(trigger)))

    async def _watch(self, end: float) -> float | None:
        """print_time of the trigger, None without one."""
        assert self.endstop is not None
        try:
            return await self.endstop.endstop.home_wait(end)
        except HomingFailed as failed:
            if failed.reason is TriggerReason.PAST_END:
                return None
            raise
