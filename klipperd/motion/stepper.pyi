"""From motion queues to the step commands of one motor, and of all motors of one MCU."""

from collections.abc import Sequence
from typing import Any, Protocol

from klipperd.motion.geometry import Geometry
from klipperd.motion.trapq import MotionQueue

class MessageSink(Protocol):
    """Anything that takes encoded commands: a Link, or the recording sink of the tests."""

    def sink_capsule(self) -> Any:
        """PyCapsule named C{klipperd.message_sink}, pointing to a message_sink (klipperd/wire/sink.pxd)."""

class StepperMotion:
    """Steps of one motor.

    Convention: the motor rests at whole steps, step count n standing for the coordinate
    C{offset + n * step_distance}. Going up, the step to n + 1 comes when the coordinate reaches
    n + 1/2; going down, the step to n - 1 when it reaches n - 1/2. The first step after a change
    of direction comes a sixteenth of a step later, and a motion that ends within 1e-9 mm of where a
    step is due has not reached it (so that rounding can't make the motor chatter).
    Each step is sent to happen within [t - min(max_error, half the interval before it), t].
    """

    def __init__(
        self,
        sink: MessageSink,
        oid: int,
        step_distance: float,
        queue_step: int,
        set_next_step_dir: int,
        reset_step_clock: int,
        lane: int = 0,
        invert_dir: bool = False,
        max_error: float = 25e-6,
        name: str = "",
    ) -> None:
        """@param step_distance: mm a step. The three ids are those of the MCU's dictionary."""
    @property
    def name(self) -> str:
        """For messages."""
    def follow(self, queue: MotionQueue | None, coefficients: tuple[float, float, float]) -> None:
        """Coordinate = coefficients . (x, y, z): (1, 0, 0) for cartesian x, (1, 1, 0) and (1, -1, 0)
        for corexy. The motor's offset shifts so that its coordinate now is the queue's; no motion."""
    def follow_geometry(self, queue: MotionQueue | None, shape: Geometry) -> None:
        """The same for a coordinate that is no weighted sum."""
    def set_shapers(
        self,
        x: Sequence[tuple[float, float]] = (),
        y: Sequence[tuple[float, float]] = (),
        z: Sequence[tuple[float, float]] = (),
    ) -> None:
        """Shape the queue's axes by pulses (s, amplitude); none: leave it as it is. Only call at rest.

        An axis p becomes the sum of A_i p(t - (T_i - Tm)) with Tm = sum A_i T_i: on average it is not late.
        They are for the queue followed now, and wait while the motor follows another. On an extruder's queue
        that is split (L{MotionQueue.split}), what is extruded along x and y is shaped as these are.
        @raise ValueError: when amplitudes do not add up to 1, or pulses are over a second apart.
        """
    @property
    def axes(self) -> tuple[int, ...]:
        """Indices of the queue's axes on which the coordinate depends."""
    def follow_extruder(
        self, queue: MotionQueue | None, smooth_time: float = 0.0, advance_share: float = 1.0
    ) -> None:
        """Coordinate = first axis of the queue with C{advance_share} times its pressure advance, averaged
        over C{smooth_time} s (triangular window, 0 = none). Only call at rest."""
    def set_clock(self, freq: float, offset: float) -> None:
        """MCU clock = (print_time + offset) * freq from now on (ticks/s, s)."""
    def clock_at(self, print_time: float) -> int: ...
    def generate(self, until: float, must_send: float | None = None) -> int:
        """Solve steps up to print_time C{until} and send them.

        The queue must be complete up to C{until + scan_time}. Steps before C{must_send} (default:
        C{until}) are sent for sure; later ones may wait for company. Returns the number of steps solved.
        @raise klipperd.motion.errors.StepsLost: when the sink is closed or the motion can't be put in steps.
        """
    def note_position(self, coordinate: float) -> None:
        """Steps so far stand for this coordinate: a jump of coordinates (after set_position on the queue)."""
    def halted(self, mcu_position: int) -> float:
        """The MCU stopped the motor (endstop) and reports this position. Steps not sent are dropped, and the
        next one resets the step clock. Returns the coordinate (mm) where the motor stands.

        The rest of the queue is skipped: next comes a set_position on it.
        """
    def position_at_clock(self, clock: int) -> int:
        """Steps (host's sign) sent to happen up to a past 64-bit MCU clock, from the history."""
    def coordinate_of(self, steps: int) -> float:
        """mm of a step count (host's sign)."""
    def coordinate_at(self, print_time: float) -> float:
        """Coordinate (mm) that the queue asks for at a time, before smoothing."""
    def expire_history(self, clock: int) -> None: ...
    def dump(
        self, start_clock: int, end_clock: int, limit: int = 4096
    ) -> list[tuple[int, int, int, int, int, int]]:
        """Batches sent: first clock, last clock, steps before, interval, count (negative going down), add."""
    def take_activity(self) -> float | None:
        """print_time of the first step solved since the last call; None without one."""

    @property
    def steps(self) -> int:
        """Steps solved so far, up minus down (host's sign, not the pin's)."""
    @property
    def mcu_position(self) -> int:
        """The same as the MCU counts it (dir = 1 counts up)."""
    @property
    def commanded(self) -> float:
        """Coordinate (mm) reached by the solver; within 9/16 step of steps * step_distance + offset."""
    @property
    def step_distance(self) -> float:
        """mm a step. Set it only at rest; the coordinate stays as it is."""
    @step_distance.setter
    def step_distance(self, value: float) -> None: ...
    @property
    def invert_dir(self) -> bool: ...
    @invert_dir.setter
    def invert_dir(self, value: bool) -> None: ...
    @property
    def last_clock(self) -> int:
        """MCU clock of the last step sent."""
    @property
    def solved_until(self) -> float: ...
    @property
    def scan_time(self) -> float:
        """Seconds before and after an instant on which its coordinate depends: by smoothing and shaping."""
    @property
    def oid(self) -> int: ...

class StepperGroup:
    """Motors that are solved together outside the GIL: those of one MCU."""

    def __init__(self, steppers: list[StepperMotion] = ...) -> None: ...
    def add(self, stepper: StepperMotion) -> None: ...
    def generate(self, until: float, must_send: float | None = None) -> int:
        """StepperMotion.generate for each. Each one's own scan_time is taken off: pass the print_time up to
        which the queues are complete. @raise klipperd.motion.errors.StepsLost: as there."""
    @property
    def scan_time(self) -> float:
        """Largest of its motors."""
