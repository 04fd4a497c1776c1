"""One motor each way of driving it: how the core is told, and what the reference makes of it."""

from collections.abc import Callable, Iterable, Sequence

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.geometry import Geometry
from klipperd.motion.stepper import StepperMotion

from .machine import FREQ, MAX_ERROR, OFFSET, START, Machine
from .oracle import Limits, make_moves, plan
from .reference.agreement import expected_steps, misfit
from .reference.geometry import KINDS, linear
from .reference.motion import E, Motion, Trapezoid
from .reference.signals import Inverse, Signal, Smoothed

Pulses = Sequence[tuple[float, float]]


@frozen
class Drive:
    """A motor: C{join} ties it to a machine's queues, C{signal} is its coordinate over time."""

    name: str
    distance: float
    join: Callable[[StepperMotion, Machine], None]
    signal: Callable[[Motion], Signal]


def line(x: float, y: float, z: float, distance: float) -> Drive:
    """A linear kinematics' motor."""
    return Drive(
        f"line {x, y, z}",
        distance,
        lambda stepper, machine: stepper.follow(machine.queue, (x, y, z)),
        lambda motion: Inverse(motion, linear(x, y, z)),
    )


def extruder(
    distance: float, smooth_time: float = 0.0, share: float = 1.0, shapers: Sequence[Pulses] = ()
) -> Drive:
    """Makes its share of pressure advance, none without smoothing; perhaps in step with shaped x and y."""

    def join(stepper: StepperMotion, machine: Machine) -> None:
        stepper.follow_extruder(machine.extrusion, smooth_time, share)
        if shapers:
            machine.extrusion.split = True
            stepper.set_shapers(*shapers)

    def signal(motion: Motion) -> Signal:
        pressed = motion.pressed(share) if smooth_time else motion
        if shapers:
            alone = motion.parted().pressed(share) if smooth_time else motion.parted()
            along = alone.shaped(*shapers).summed()
        else:
            along = Motion(pressed.breaks, pressed.coefficients[:, E : E + 1], pressed.advance)
        return Smoothed(along, 0, smooth_time) if smooth_time else Inverse(along, linear(1), slice(0, 1))

    return Drive(f"extruder {smooth_time} {share}", distance, join, signal)


def follow(stepper: StepperMotion, machine: Machine, kind: str, parameters: Sequence[float]) -> None:
    if kind == "linear":
        stepper.follow(machine.queue, (parameters[0], parameters[1], parameters[2]))
    else:
        stepper.follow_geometry(machine.queue, Geometry(kind, *parameters))


def curved(kind: str, *parameters: float, distance: float, shapers: Sequence[Pulses] = ()) -> Drive:
    """A motor of any kinematics, with shapers of x, y and z."""
    x, y, z = (*shapers, (), (), ())[:3]

    def join(stepper: StepperMotion, machine: Machine) -> None:
        follow(stepper, machine, kind, parameters)
        if shapers:
            stepper.set_shapers(x, y, z)

    def signal(motion: Motion) -> Signal:
        return Inverse(motion.shaped(*shapers) if shapers else motion, KINDS[kind](*parameters))

    return Drive(f"{kind}{parameters}", distance, join, signal)


def check_drives(
    case: SynchronousTestCase,
    path: Iterable[tuple[float, ...]],
    drives: Sequence[Drive],
    limits: Limits,
    start: tuple[float, ...] = START,
    lazy: bool = True,
) -> int:
    """Let the core print a path and compare every step of every motor; the number of steps."""
    path = list(path)
    machine = Machine(limits, start)
    machine.add_drives(drives)
    machine.print(path, lazy=lazy)
    moves = plan(make_moves(start, path, limits), limits, 0.5)
    if not moves:
        return 0
    return check_motion(case, machine, drives, Motion.along(map(Trapezoid.of, moves)))


def check_motion(case: SynchronousTestCase, machine: Machine, drives: Sequence[Drive], motion: Motion) -> int:
    """Compare every step of every motor with what it must be; the number of steps."""
    total = 0
    for drive, motor in zip(drives, machine.motors, strict=True):
        clocks = [step.clock for step in motor.log.steps]
        directions = [step.direction for step in motor.log.steps]
        expected = expected_steps(drive.signal(motion), drive.distance, directions)
        wrong = misfit(expected, clocks, directions, FREQ, OFFSET, MAX_ERROR)
        case.assertIsNone(wrong, f"{drive.name}: {wrong}")
        case.assertEqual(motor.stepper.steps, expected.steps)
        total += len(clocks)
    return total
