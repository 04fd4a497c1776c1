"""A board whose MCU executes recorded step commands on L{task.Clock}: print_time is the clock's time."""

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from klipperd.mcu.print_clock import PrintClock
from klipperd.mcu.trsync import HomingFailed, TriggerReason
from klipperd.motion.record import RecordingSink
from klipperd.objects import Pin

from .wirelog import QUEUE_STEP, RESET_CLOCK, SET_DIR, MotorLog

FREQ = 1e6


@define(eq=False)
class FakeMcu:
    clock: Clock
    link: RecordingSink = field(factory=RecordingSink)
    print_clock: PrintClock = field(factory=lambda: PrintClock(FREQ))

    def print_time_to_clock(self, print_time: float) -> int:
        return self.print_clock.clock_at(print_time)

    def estimated_print_time(self, eventtime: float) -> float:
        return eventtime


@define(eq=False)
class FakeStepper:
    """Executes its commands; C{physical} counts steps that happened up to now."""

    mcu: FakeMcu
    oid: int
    inverted_dir: bool = False
    lane: int = 0
    queue_step_id: int = QUEUE_STEP
    set_next_step_dir_id: int = SET_DIR
    reset_step_clock_id: int = RESET_CLOCK
    both_edges: bool = False
    steps_on_both_edges: bool = False
    log: MotorLog = field(factory=MotorLog)
    late: int = 0
    stopped: bool = False

    def take(self, message: tuple[int, bytes, int, int], now: int) -> None:
        words = message[1]
        reset = words[0] == RESET_CLOCK
        if self.stopped and not reset:
            return
        if reset:
            self.stopped = False
            assert not self.log.steps or self.log.steps[-1].clock <= now, "still moving"
        first = len(self.log.steps)
        self.log.feed([message])
        self.late += sum(step.clock < now for step in self.log.steps[first:])

    def halt(self, clock: int) -> None:
        self.log.steps = [step for step in self.log.steps if step.clock <= clock]
        self.stopped = True

    def physical(self, clock: int) -> int:
        return sum(step.direction for step in self.log.steps if step.clock <= clock)

    async def position(self) -> int:
        return self.log.position()


@define(eq=False)
class FakeEndstop:
    """Triggers while the first of its steppers is at or below C{switch} steps (above, when C{upper})."""

    board: "FakeBoard"
    switch: int = 0
    upper: bool = False
    steppers: list[FakeStepper] = field(factory=list)
    begin: float = 0.0

    def add_stepper(self, stepper: FakeStepper) -> None:
        self.steppers.append(stepper)

    def pressed(self, steps: int) -> bool:
        return steps >= self.switch if self.upper else steps <= self.switch

    async def query(self) -> bool:
        return self.pressed(self.steppers[0].physical(self.board.ticks()))

    def home_start(self, print_time: float, rest_time: float, *, triggered: bool = True) -> None:
        assert print_time >= self.board.clock.seconds() + 0.1
        self.begin = print_time

    async def home_wait(self, end_print_time: float) -> float:
        clock = self.board.clock
        while True:
            self.board.execute()
            when = self._trigger_clock()
            if when is not None and when <= self.board.ticks():
                for stepper in self.steppers:
                    stepper.halt(when)
                return when / FREQ
            if clock.seconds() > end_print_time:
                for stepper in self.steppers:
                    stepper.halt(self.board.ticks())
                raise HomingFailed("No trigger", TriggerReason.PAST_END)
            waited: Deferred[None] = Deferred()
            clock.callLater(0.01, waited.callback, None)
            await waited

    def _trigger_clock(self) -> int | None:
        begin = round(self.begin * FREQ)
        log = self.steppers[0].log
        steps = self.steppers[0].physical(begin)
        if self.pressed(steps):
            return begin
        for step in log.steps:
            if step.clock > begin:
                steps += step.direction
                if self.pressed(steps):
                    return step.clock
        return None


@define(eq=False)
class FakeLine:
    changes: list[tuple[float, bool]] = field(factory=list)

    def set(self, print_time: float, on: bool) -> None:
        self.changes.append((print_time, on))


@define(eq=False)
class FakeBoard:
    clock: Clock
    main: FakeMcu = field(init=False)
    steppers: list[FakeStepper] = field(factory=list)
    lines: dict[str, FakeLine] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.main = FakeMcu(self.clock)

    def ticks(self) -> int:
        return round(self.clock.seconds() * FREQ)

    def stepper(self, step_pin: Pin, dir_pin: Pin, *, pulse_duration: float | None = None) -> FakeStepper:
        self.steppers.append(FakeStepper(self.main, len(self.steppers), dir_pin.text.startswith("!")))
        return self.steppers[-1]

    def endstop(self, pin: Pin) -> FakeEndstop:
        return FakeEndstop(self)

    def digital_out(self, pin: Pin, *, max_duration: float = 2.0, share: str | None = None) -> FakeLine:
        return self.lines.setdefault(pin.text, FakeLine())

    def execute(self) -> None:
        """Let the MCU take what was sent since the last call."""
        for message in self.main.link.take():
            self.steppers[message[1][1]].take(message, self.ticks())
