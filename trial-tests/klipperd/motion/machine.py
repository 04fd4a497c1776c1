"""A motion core put together as the tool head does it, with every motor's commands recorded."""

from collections.abc import Iterable

from attrs import define, field

from klipperd.motion.lookahead import Lookahead
from klipperd.motion.record import RecordingSink
from klipperd.motion.stepper import StepperMotion
from klipperd.motion.trapq import MotionQueue

from .oracle import Limits
from .wirelog import QUEUE_STEP, RESET_CLOCK, SET_DIR, MotorLog

FREQ = 20e6
OFFSET = 3.25
START = (100.0, 100.0, 10.0, 0.0)
MAX_ERROR = 25e-6


@define
class Motor:
    stepper: StepperMotion
    sink: RecordingSink
    weights: tuple[float, float, float, float]
    log: MotorLog = field(factory=MotorLog)


def make_motor(queue: MotionQueue, weights, distance: float, oid: int = 1, **options) -> Motor:
    sink = RecordingSink()
    stepper = StepperMotion(sink, oid, distance, QUEUE_STEP, SET_DIR, RESET_CLOCK, **options)
    stepper.set_clock(FREQ, OFFSET)
    if weights[3]:
        stepper.follow_extruder(queue, 0.0)
    else:
        stepper.follow(queue, weights[:3])
    return Motor(stepper, sink, weights)


class Machine:
    """Lookahead, queues and motors; C{print} takes a path through them in instalments."""

    def __init__(self, limits: Limits, start=START) -> None:
        self.queue, self.extrusion = MotionQueue(), MotionQueue()
        self.lookahead = Lookahead(
            self.queue,
            limits.max_velocity,
            limits.max_accel,
            limits.square_corner_velocity,
            limits.minimum_cruise_ratio,
        )
        for axis in range(3):
            self.lookahead.set_unbounded(axis)
            self.lookahead.set_axis_limits(axis, limits.axis_velocity[axis], limits.axis_accel[axis])
        self.lookahead.set_extruder(
            self.extrusion, limits.instant_velocity, limits.only_velocity, limits.only_accel
        )
        self.lookahead.set_pressure_advance(limits.pressure_advance)
        self.lookahead.set_position(*start)
        self.queue.set_position(0.0, start[:3])
        self.extrusion.set_position(0.0, (start[3], 0.0, 0.0))
        self.motors: list[Motor] = []
        self.print_time = 0.5

    def add(self, weights, distance: float, **options) -> Motor:
        queue = self.extrusion if weights[3] else self.queue
        self.motors.append(make_motor(queue, weights, distance, oid=len(self.motors), **options))
        return self.motors[-1]

    def add_drives(self, drives) -> None:
        """Motors of L{cases.Drive}."""
        for drive in drives:
            motor = self.add((1.0, 0.0, 0.0, 0.0), drive.distance)
            drive.join(motor.stepper, self)

    def print(self, path: Iterable[tuple[float, ...]], lazy: bool = True) -> None:
        for target in path:
            if self.lookahead.move(*target) and lazy:
                self.print_time = self.lookahead.flush(self.print_time, lazy=True)
                self.generate(self.print_time - 0.05)
        self.finish()

    def finish(self) -> None:
        """Come to rest."""
        self.print_time = self.lookahead.flush(self.print_time)
        self.generate(self.print_time + 0.5, everything=True)

    def generate(self, until: float, everything: bool = False) -> None:
        for motor in self.motors:
            edge = until - motor.stepper.scan_time
            motor.stepper.generate(edge, None if everything else edge - 0.1)
            motor.log.feed(motor.sink.take())
