"""The tool head: accepts moves, plans about a second ahead, and keeps the motors supplied with steps.

It is always in one of four modes:

  IDLE     nothing waits; the next move begins LEAD seconds from now
  PRIMING  moves have come, but too few to begin: wait a moment for more, so that they don't start slow
  MOVING   print_time runs ahead of the present; a timer solves steps, and brings the machine to a stop
           in order when no more moves come
  DRIPPING a homing move is under way, and L{klipperd.motion.drip} solves its steps
"""

import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Protocol

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from klipperd.errors import CommandError
from klipperd.motion.errors import StepsLost
from klipperd.motion.extruder import ExtruderMotion, FilamentMotor
from klipperd.motion.generation import StepGeneration
from klipperd.motion.kinematics.base import AXES, Kinematics
from klipperd.motion.lookahead import Lookahead
from klipperd.motion.trapq import MotionQueue

__all__ = ["LEAD", "MoveSource", "Toolhead"]

_log = Logger()

PLAN_AHEAD = 1.0
"""Seconds that are planned ahead before whoever sends moves has to wait."""
STEPS_AHEAD = 0.7
"""Seconds that steps are solved ahead."""
TICK = 0.1
"""Seconds between two looks at the supply while moving."""
LOW = 0.35
"""Seconds: when so little is planned and no move came, the waiting ones are planned to a stop."""
LEAD = 0.25
"""Seconds from now at which motion begins after rest; commands must reach the MCUs before."""
LEAST_LEAD = 0.15
"""Seconds from now before which no move begins that follows others; a later one waits for LEAD."""
AFTER_JUMPS = 1e-6
"""Seconds beyond a change of position up to which steps are solved so that motors know of it."""
PRIME = 0.1
"""Seconds to wait for company of a first move."""
REPORT_AFTER = 0.5
"""Seconds from a failure of step generation to the printer's shutdown."""


class Mode(Enum):
    """See the module's documentation."""

    IDLE = "idle"
    PRIMING = "priming"
    MOVING = "moving"
    DRIPPING = "dripping"


class MoveSource(Protocol):
    """Adds moves to the lookahead by itself, such as L{klipperd.gcode.stream.GcodeStream}, which see."""

    @property
    def print_time(self) -> float:
        """When what is planned ends."""

    def run(self, print_time: float, horizon: float, rest_until: float, waiting: float) -> int:
        """Add and plan moves until something ends that; what it was."""


@define(eq=False, repr=False)
class Toolhead:
    """Plans the machine's motion. C{now} gives the present print_time; C{on_fault(reason)} shuts down.

    C{queue} holds the path in x, y, z; each extruder has its own.
    """

    _clock: IReactorTime
    now: Callable[[], float]
    on_fault: Callable[[str], None]
    kinematics: Kinematics
    generation: StepGeneration
    queue: MotionQueue
    lookahead: Lookahead
    extruder: ExtruderMotion | None = None
    stretch: float = 1.0
    """How many times as far ahead as usual it plans: more than 1 where nobody waits, as in batch runs."""
    approach_share: float = 1.0
    """How much of the way that homing allows for is planned: less where nothing stops it."""
    print_time: float = 0.0
    stalls: int = 0
    mode: Mode = Mode.IDLE
    homed_axes: str = ""
    extra_axes: Mapping[str, int] = field(factory=dict)
    """Further axes of G1: letter -> index in positions."""
    _starved: bool = False
    _settled: bool = False
    _down: str | None = None
    _timer: IDelayedCall | None = None
    _sleepers: "list[Deferred[None]]" = field(factory=list)
    _displaced: list[Callable[[Sequence[int]], None]] = field(factory=list)
    _marks: dict[int, Callable[[float], None]] = field(factory=dict)
    _rested_since: float = 0.0
    _aside_until: float = 0.0

    # Moves

    @property
    def position(self) -> list[float]:
        """Where the last move ends: x, y, z, e (mm)."""
        return list(self.lookahead.position)

    def move(self, position: Sequence[float], speed: float) -> None:
        """Queue a straight move to C{position} (x, y, z, e in mm) at C{speed} (mm/s).

        @raise CommandError: when it is refused: not homed, out of range, too cold; nothing has changed then.
        """
        self.admit()
        self.lookahead.move(position[0], position[1], position[2], position[3], speed)
        self.moved()

    def admit(self) -> None:
        """Moves are about to be added to the lookahead. @raise CommandError: when none may be."""
        self._check_up()
        if self.extruder is not None:
            gate = self.extruder.gate
            self.lookahead.set_extruder_enabled(gate.can_extrude, gate.temperature, gate.min_extrude_temp)

    def moved(self) -> None:
        """Moves were added to the lookahead."""
        if self.mode is Mode.IDLE and len(self.lookahead):
            self.mode = Mode.PRIMING
            self._schedule(PRIME)
        if self.lookahead.due and (self.mode is Mode.MOVING or self.lookahead.pending_time > LEAD):
            self._plan(lazy=True)

    def execute(self, source: MoveSource) -> int:
        """Let C{source} add and plan moves as far ahead as is wanted; what ended that."""
        self.admit()
        now = self.now()
        # From rest, a move may only begin when its commands can still reach the MCUs in time.
        in_time = self.mode is Mode.MOVING and not self._settled
        rest_until = now + LEAST_LEAD if in_time else math.inf
        ahead = PLAN_AHEAD * self.stretch
        ended = source.run(self.print_time, now + ahead, rest_until, 2.0 * ahead)
        if source.print_time > self.print_time:
            self.print_time = source.print_time
            self._starved = self._settled = False
            self._supply(now)
        self._reach_marks()
        self.moved()
        return ended

    def _check_up(self) -> None:
        if self._down is not None:
            raise CommandError(self._down)

    def _begin_time(self, now: float) -> float:
        """print_time at which what is planned next begins."""
        if self.lookahead.entry_velocity > 0.0:
            # The last planned move ends at speed: whatever the time, the next one continues it.
            return self.print_time
        begin = max(self.print_time, self.generation.solved_until if self._settled else 0.0)
        in_time = self.mode is Mode.MOVING and begin >= now + LEAST_LEAD
        return begin if in_time else max(begin, now + LEAD, self.generation.solved_until)

    def _plan(self, *, lazy: bool) -> None:
        """Plan waiting moves into the queues."""
        if self.mode is Mode.DRIPPING:
            return
        now = self.now()
        begin = self._begin_time(now)
        end = self.lookahead.flush(begin, lazy)
        if end > begin:
            if self._starved and now > self.print_time - TICK and now - self.print_time < PLAN_AHEAD:
                self.stalls += 1
            self._starved = self._settled = False
            self.print_time = end
            self._become_moving()
        self._reach_marks()
        self._supply(now)

    def _reach_marks(self) -> None:
        for mark, when in self.lookahead.take_marks():
            self._marks.pop(mark)(when)

    def begin_drip(self, position: Sequence[float], speed: float) -> float:
        """Plan one move whose steps L{klipperd.motion.drip} solves; the print_time at which it ends."""
        begin = self.last_move_time()
        self.lookahead.move(position[0], position[1], position[2], position[3], speed)
        self._stop_timer()
        self.mode = Mode.DRIPPING
        self.print_time = self.lookahead.flush(begin)
        return self.print_time

    def begin_aside(self, end: float) -> None:
        """Something else moves until C{end}; L{klipperd.motion.drip} solves its steps."""
        self.last_move_time()
        self._stop_timer()
        self.mode = Mode.DRIPPING
        self.print_time = end

    def end_drip(self, position: Sequence[float]) -> None:
        """The move has ended, perhaps before its time: the machine rests at C{position} (x, y, z, e)."""
        now = self.now()
        e = self.lookahead.position[3]
        self.lookahead.set_position(position[0], position[1], position[2], e)
        self.queue.set_position(now, (position[0], position[1], position[2]))
        self.print_time = max(now, self.generation.solved_until)
        self.mode = Mode.IDLE
        self._rested_since = self._clock.seconds()

    def _become_moving(self) -> None:
        if self.mode is not Mode.MOVING:
            self.mode = Mode.MOVING
            self._schedule(TICK * self.stretch)

    # Supply

    def _supply(self, now: float) -> None:
        """Solve steps as far ahead as is wanted and known."""
        scan = self.generation.scan_time
        try:
            if len(self.lookahead) == 0 and self.print_time - now < LOW * self.stretch:
                # The machine comes to rest: let smoothing settle. Later moves begin after that.
                self._settled = True
                until = max(self.print_time + 2.0 * scan, min(self._aside_until, now + LOW * self.stretch))
                self.generation.advance(until, now, finish=True)
            else:
                self.generation.advance(min(self.print_time, now + STEPS_AHEAD * self.stretch), now)
        except StepsLost as error:
            self._fail(f"Step generation failed: {error}")

    def _fail(self, reason: str) -> None:
        """Motion can't go on. A lost MCU says so itself, and says more: give it the time to."""
        self.shutdown(reason)
        self._timer = self._clock.callLater(REPORT_AFTER, self.on_fault, reason)

    def _tick(self) -> None:
        self._timer = None
        try:
            self._look_after()
        except Exception as error:
            _log.failure("planning failed")
            self._fail(f"Internal error while planning motion: {error!r}")

    def _look_after(self) -> None:
        now = self.now()
        if self.mode is Mode.PRIMING:
            self._plan(lazy=False)
            return
        if len(self.lookahead) and self.print_time - now < LOW * self.stretch:
            self._plan(lazy=False)
            self._starved = True
        else:
            self._supply(now)
        if self._down is not None:
            return
        self.generation.expire(now)
        if len(self.lookahead) == 0 and now >= max(
            self.print_time, self.generation.solved_until, self._aside_until
        ):
            self.mode = Mode.IDLE
            self._rested_since = self._clock.seconds()
            return
        self._schedule(TICK * self.stretch)

    def _schedule(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.callLater(delay, self._tick)

    # Time

    def last_move_time(self) -> float:
        """Plan all that waits, to a stop; the print_time at which the next move would begin."""
        if self.mode is Mode.DRIPPING:
            return self.print_time
        self._plan(lazy=False)
        self.print_time = self._begin_time(self.now())
        self._become_moving()
        return self.print_time

    def on_print_time(self, callback: Callable[[float], None]) -> None:
        """Call C{callback(print_time)} with the time at which the moves queued so far end; maybe at once."""
        if len(self.lookahead):
            self._marks[self.lookahead.mark()] = callback
        else:
            callback(self.last_move_time())

    def idle_time(self, eventtime: float) -> float:
        """Seconds since the last queued move ended; 0 while anything moves or waits to move."""
        return max(eventtime - self._rested_since, 0.0) if self.mode is Mode.IDLE else 0.0

    @property
    def busy(self) -> bool:
        """Whether enough is planned ahead for now."""
        return self._excess() > 0.0

    def _excess(self) -> float:
        """Seconds planned beyond what is wanted."""
        wanted = PLAN_AHEAD * self.stretch
        if self.mode is Mode.MOVING and self.print_time - self.now() > wanted:
            return self.print_time - self.now() - wanted
        # One move may wait however long it is: without the next one it would be planned to a stop.
        waiting = self.lookahead.pending_time - 2.0 * wanted if len(self.lookahead) > 1 else 0.0
        return max(waiting, 0.0)

    @property
    def _least_pause(self) -> float:
        """Seconds: shorter pauses are not worth while."""
        return 0.01 if self.stretch <= 1.0 else TICK * self.stretch

    async def throttle(self) -> None:
        """Wait until there is room for more moves. @raise CommandError: when the printer shuts down."""
        while (excess := self._excess()) > 0.0:
            await self.sleep(min(max(excess, self._least_pause), TICK * self.stretch))

    async def dwell(self, seconds: float) -> None:
        """Let the next move begin C{seconds} after the last one's end."""
        self.print_time = self.last_move_time() + max(seconds, 0.0)
        await self.throttle()

    async def wait_moves(self) -> None:
        """Wait until all that was queued has happened. @raise CommandError: when the printer shuts down."""
        if len(self.lookahead):
            self._plan(lazy=False)
        while self.mode is not Mode.IDLE and (left := self.print_time - self.now()) > 0.0:
            await self.sleep(min(left, 1.0))

    def extend(self, print_time: float) -> None:
        """What is planned lasts until C{print_time} at least: something else moves a motor."""
        self.print_time = max(self.last_move_time(), print_time)

    def move_aside(self, until: float) -> None:
        """Something else moves until C{until} (print_time), beside the tool head's moves."""
        self._aside_until = max(self._aside_until, until)
        self._become_moving()

    def settle(self) -> None:
        """At rest: solve everything, the tail of smoothing included."""
        self.generation.advance(self.print_time + 2.0 * self.generation.scan_time, self.now(), finish=True)
        self.print_time = max(self.print_time, self.generation.solved_until)

    def solve_planned(self) -> None:
        """Plan all that waits, and let motors take in all that is planned, changes of position included."""
        when = max(self.last_move_time(), self.generation.solved_until) + AFTER_JUMPS
        if self._down is None and self.mode is not Mode.DRIPPING:
            try:
                self.generation.advance(when, self.now(), finish=True)
            except StepsLost as error:
                self._fail(f"Step generation failed: {error}")
            self.print_time = max(self.print_time, when)

    async def come_to_rest(self) -> None:
        """Wait until all motors rest and no step of theirs is due any more."""
        await self.wait_moves()
        self.settle()

    async def sleep(self, seconds: float) -> None:
        """Wait. @raise CommandError: when the printer shuts down."""
        self._check_up()
        done: Deferred[None] = Deferred()
        call = self._clock.callLater(seconds, done.callback, None)
        self._sleepers.append(done)
        try:
            await done
        finally:
            self._sleepers.remove(done)
            if call.active():
                call.cancel()

    # Position

    def set_position(self, position: Sequence[float], homed: str = "", *, tell: bool = True) -> None:
        """Call the machine's present place C{position} (mm), and C{homed} axes (of C{"xyz"}) homed.

        Everything must be at rest as far as planned. C{tell}: let those know who asked by L{on_displaced}.
        """
        self._check_up()
        when = self.last_move_time()
        x, y, z, e = position[:4]
        self.lookahead.set_position(x, y, z, e)
        self.queue.set_position(when, (x, y, z))
        if self.extruder is not None and self.extruder.queue.end_position[0] != e:
            self.extruder.queue.set_position(when, (e, 0.0, 0.0))
        self.mark_homed(homed)
        if tell:
            self.tell_displaced(homed)

    def tell_displaced(self, homed: str = "") -> None:
        """Tell listeners that the position is another one."""
        for displaced in self._displaced:
            displaced([AXES.index(axis) for axis in homed])

    def on_displaced(self, displaced: Callable[[Sequence[int]], None]) -> None:
        """Call C{displaced(indices of axes just homed)} after changes of position that no move made."""
        self._displaced.append(displaced)

    def activate(self, extruder: ExtruderMotion) -> None:
        """Let later moves drive this extruder; e is then its position."""
        if len(self.lookahead):
            self._plan(lazy=False)
        x, y, z = self.lookahead.position[:3]
        self.extruder = extruder
        extruder.activate(self.lookahead)
        self.lookahead.set_position(x, y, z, extruder.queue.end_position[0])
        self.tell_displaced()

    async def set_pressure_advance(
        self, motor: FilamentMotor, advance: float | None, smooth_time: float | None
    ) -> None:
        """Change a motor's pressure advance (s) for moves to come; None leaves a value as it is.

        Another smoothing, and switching it on or off, needs the machine at rest; so does another share of
        what several motors of one extruder make.
        """
        source = motor.followed
        group = source.followers if source is not None else [motor]
        before = [(each.smoothing, each.share) for each in group]
        if advance is not None:
            motor.pressure_advance = advance
        if smooth_time is not None:
            motor.smooth_time = smooth_time
        if [(each.smoothing, each.share) for each in group] != before:
            await self.come_to_rest()
            for each in group:
                each.follow()
        self._take_advance()

    async def sync_extruder(self, motor: FilamentMotor, source: ExtruderMotion | None) -> None:
        """Let a motor follow an extruder's moves from now on."""
        await self.come_to_rest()
        motor.sync(source)
        self._take_advance()

    def _take_advance(self) -> None:
        if self.extruder is not None:
            self.lookahead.set_pressure_advance(self.extruder.planned_advance)

    def mark_homed(self, axes: str) -> None:
        """These axes' positions are known: they may move within their travel."""
        travel = self.kinematics.travel if axes else {}
        for axis in axes:
            if axis in travel:
                self.lookahead.set_range(AXES.index(axis), *travel[axis])
        self.homed_axes = "".join(axis for axis in AXES if axis in self.homed_axes + axes)
        self.kinematics.axes_known(self.homed_axes)

    def clear_homed(self, axes: str = AXES) -> None:
        """These axes' positions are not known any more, nor where any of their carriages is."""
        self.begin_homing(axes)
        self.kinematics.forget_places(axes)

    def begin_homing(self, axes: str) -> None:
        """These axes' positions are not known until they are homed."""
        for axis in axes:
            if axis not in self.kinematics.unchecked_axes:
                self.lookahead.clear_range(AXES.index(axis))
        self.homed_axes = "".join(axis for axis in self.homed_axes if axis not in axes)
        self.kinematics.axes_known(self.homed_axes)

    # The end

    def shutdown(self, reason: str) -> None:
        """Stop planning; every wait ends with an error."""
        self._down = reason
        self._stop_timer()
        self.lookahead.discard()
        self._marks.clear()
        self.mode = Mode.IDLE
        self._rested_since = self._clock.seconds()
        for sleeper in list(self._sleepers):
            if not sleeper.called:
                sleeper.errback(CommandError(reason))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
