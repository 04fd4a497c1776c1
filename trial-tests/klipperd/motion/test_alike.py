"""Motors that are shaped alike share what that makes of their motion; each steps as it would alone."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.geometry import Geometry
from klipperd.motion.shapers import pulses
from klipperd.motion.stepper import StepperGroup
from klipperd.motion.workers import Workers

from .machine import Machine
from .oracle import Limits

MZV, ZV = pulses("mzv", 47.0, 0.1), pulses("zv", 31.0, 0.05)
TOWERS = ((0.0, 170.0), (-147.2, -85.0), (147.2, -85.0))
LINEAR = (1.0, 0.0, 0.0, 0.0)

Solve = Callable[[Machine, float], None]


def machine() -> Machine:
    """A delta's towers, and an axis and an extruder among them."""
    made = Machine(Limits(pressure_advance=0.04), (0.0, 0.0, 10.0, 0.0))
    for x, y in TOWERS:
        tower = made.add(LINEAR, 0.0125)
        tower.stepper.follow_geometry(made.queue, Geometry("delta", x, y, 333.0))
        tower.stepper.set_shapers(MZV, MZV, ())
        if len(made.motors) == 2:
            made.add(LINEAR, 0.01).stepper.set_shapers(MZV, MZV, ())
    made.add((0.0, 0.0, 0.0, 1.0), 0.002).stepper.follow_extruder(made.extrusion, 0.04)
    return made


def alone(made: Machine, until: float) -> None:
    for motor in made.motors:
        StepperGroup([motor.stepper]).generate(until, until - 0.1)


def together(made: Machine, until: float) -> None:
    StepperGroup([motor.stepper for motor in made.motors]).generate(until, until - 0.1)


def scribble(source: random.Random, count: int) -> list[tuple[float, ...]]:
    """Short moves, rests in z, and now and then a long one."""
    x, y, z, e, path = 0.0, 0.0, 10.0, 0.0, []
    for k in range(count):
        far = 60.0 if k % 17 == 0 else 1.5
        x, y = (max(min(at + source.uniform(-far, far), 80.0), -80.0) for at in (x, y))
        z += 0.2 if k % 23 == 0 else 0.0
        e += 0.05
        path.append((x, y, z, e, source.uniform(20.0, 250.0)))
    return path


class Alike(SynchronousTestCase):
    timeout = 120

    def print(self, solve: Solve, change: Callable[[Machine, int], None]) -> list[Any]:
        """Print in instalments; C{change} does something in between, at rest."""
        made, source = machine(), random.Random(8)
        for part in range(5):
            for target in scribble(source, 60):
                made.lookahead.move(*target)
                if source.random() < 0.05:
                    made.print_time = made.lookahead.flush(made.print_time, lazy=True)
                    # Not more than is planned, and not always as much.
                    solve(made, made.print_time - source.uniform(0.0, 0.1))
            made.print_time = made.lookahead.flush(made.print_time)
            # Past what shaping makes of the end; sometimes nobody has looked at it yet.
            made.print_time += 0.3
            if part % 2:
                solve(made, made.print_time)
            change(made, part)
            made.lookahead.set_position(0.0, 0.0, 10.0, 0.0)
            made.queue.set_position(made.print_time, (0.0, 0.0, 10.0))
            made.extrusion.set_position(made.print_time, (0.0, 0.0, 0.0))
        made.finish()
        solve(made, made.print_time + 1.0)
        return [(motor.sink.take(), motor.log.steps, motor.stepper.mcu_position) for motor in made.motors]

    def assert_same(self, change: Callable[[Machine, int], None]) -> None:
        first, second = self.print(alone, change), self.print(together, change)
        self.assertGreater(sum(len(log) for _, log, _ in first), 10000)
        for one, other in zip(first, second, strict=True):
            self.assertEqual(one, other)

    def test_positions_change(self) -> None:
        """Whatever towers have ahead of them when coordinates change means something else to each."""
        self.assert_same(lambda made, part: None)

    def test_shapers_change(self) -> None:
        """Of all, of one (which goes its own way then), and of all again."""

        def change(made: Machine, part: int) -> None:
            made.print_time += 0.5
            for motor in made.motors:
                motor.stepper.generate(made.print_time - 0.1)
            towers = [made.motors[0], made.motors[1], made.motors[3]]
            wanted: Sequence[Any] = ((ZV, ZV, ()), (MZV, ZV, MZV), (MZV, MZV, ()))[part % 3]
            for tower in towers[: 1 if part == 1 else 3]:
                tower.stepper.set_shapers(*wanted)

        self.assert_same(change)

    def test_one_is_halted(self) -> None:
        """A tower that was stopped is where it is until positions are set."""

        def change(made: Machine, part: int) -> None:
            if part in (1, 3):
                made.print_time += 0.5
                for motor in made.motors:
                    motor.stepper.generate(made.print_time - 0.1)
                stepper = made.motors[3].stepper
                stepper.halted(stepper.mcu_position)

        self.assert_same(change)

    def test_same_with_threads(self) -> None:
        """Threads share nothing; the commands are the same."""
        found = []
        for count in (None, 0, 1, 3):
            made, source = machine(), random.Random(4)
            workers = Workers(count or 0)
            self.addCleanup(workers.stop)
            if count is not None:
                for motor in made.motors:
                    workers.add(motor.stepper)
            for k, target in enumerate(scribble(source, 300)):
                made.lookahead.move(*target)
                if k % 30 == 0:
                    made.print_time = made.lookahead.flush(made.print_time, lazy=True)
                    self.solve(made, workers if count is not None else None, made.print_time)
            made.print_time = made.lookahead.flush(made.print_time)
            self.solve(made, workers if count is not None else None, made.print_time + 0.5)
            workers.finish()
            found.append([motor.sink.take() for motor in made.motors])
        self.assertGreater(min(len(log) for log in found[0]), 50)
        for other in found[1:]:
            self.assertEqual(found[0], other)

    def solve(self, made: Machine, workers: Workers | None, until: float) -> None:
        if workers is None:
            together(made, until)
        else:
            workers.start(until, until - 0.1)
