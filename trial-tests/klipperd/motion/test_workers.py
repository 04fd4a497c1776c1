"""Steps solved by threads: the same whatever their number, and nothing is changed under their hands."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.errors import StepsLost
from klipperd.motion.shapers import pulses
from klipperd.motion.workers import Workers

from .machine import Machine, make_motor
from .oracle import Limits
from .paths import vase_path, zigzag_path
from .test_toolhead import Printer

MOTORS = [((1.0, 0.0, 0.0, 0.0), 0.0125), ((0.0, 1.0, 0.0, 0.0), 0.0125), ((1.0, 1.0, 0.0, 0.0), 0.01)]
MZV = pulses("mzv", 50.0, 0.1)


class Crew(SynchronousTestCase):
    timeout = 120

    def machine(self) -> Machine:
        machine = Machine(Limits(pressure_advance=0.04))
        for weights, distance in MOTORS:
            machine.add(weights, distance).stepper.set_shapers(MZV, MZV)
        machine.add((0.0, 0.0, 0.0, 1.0), 0.002).stepper.follow_extruder(machine.extrusion, 0.04)
        return machine

    def print(self, path: Any, workers: Workers) -> list[Any]:
        """Plan while the workers work, and read what they sent when all is done."""
        machine = self.machine()
        for motor in machine.motors:
            workers.add(motor.stepper)
        for i, target in enumerate(path):
            machine.lookahead.move(*target)
            if i % 40 == 0:
                machine.print_time = machine.lookahead.flush(machine.print_time, lazy=True)
                workers.start(machine.print_time, machine.print_time - 0.1)
        machine.print_time = machine.lookahead.flush(machine.print_time)
        workers.start(machine.print_time + 0.5, machine.print_time + 0.5)
        workers.finish()
        return [motor.sink.take() for motor in machine.motors]

    def test_same_whatever_their_number(self) -> None:
        path = [*vase_path(1.0), *zigzag_path(200)]
        logs = []
        for count in (0, 1, 3):
            workers = Workers(count)
            logs.append(self.print(path, workers))
            workers.stop()
        self.assertGreater(min(len(log) for log in logs[0]), 100)
        self.assertEqual(logs[0], logs[1])
        self.assertEqual(logs[0], logs[2])

    def test_same_as_without(self) -> None:
        machine, workers = self.machine(), Workers(2)
        path = zigzag_path(100)
        for target in path:
            machine.lookahead.move(*target)
        end = machine.lookahead.flush(machine.print_time) + 0.5
        for motor in machine.motors:
            motor.stepper.generate(end - motor.stepper.scan_time, end)
        other = self.machine()
        for motor in other.motors:
            workers.add(motor.stepper)
        for target in path:
            other.lookahead.move(*target)
        other.lookahead.flush(other.print_time)
        workers.start(end, end)
        for one, two in zip(machine.motors, other.motors, strict=True):
            # A look at a motor waits for the workers.
            self.assertEqual(one.stepper.steps, two.stepper.steps)
            self.assertEqual(len(one.sink.take()), len(two.sink.take()))
        workers.stop()

    def test_errors_are_told(self) -> None:
        workers, machine = Workers(1), self.machine()
        motor = machine.motors[1]
        workers.add(motor.stepper)
        motor.sink.close()
        machine.lookahead.move(100, 150, 10, 0, 100)
        end = machine.lookahead.flush(1.0)
        workers.start(end, end)
        self.assertIn("link is closed", str(self.assertRaises(StepsLost, workers.finish)))
        workers.finish()
        workers.stop()

    def test_stopped(self) -> None:
        """Work after the end is done by who asks for it."""
        workers, machine = Workers(2), self.machine()
        workers.add(machine.motors[0].stepper)
        workers.stop()
        machine.lookahead.move(110, 100, 10, 0, 100)
        end = machine.lookahead.flush(1.0) + 0.1
        workers.start(end, end)
        self.assertFalse(workers.busy)
        self.assertEqual(machine.motors[0].stepper.steps, 800)

    def test_too_many(self) -> None:
        self.assertRaises(ValueError, Workers, 9)
        self.assertRaises(ValueError, Workers, -1)

    def test_dropped(self) -> None:
        """Parts may be let go in any order."""
        for keep in (0, 1):
            workers = Workers(2)
            motor = make_motor(self.machine().queue, (1, 0, 0, 0), 0.01)
            workers.add(motor.stepper)
            workers.start(5.0, 5.0)
            if keep:
                stepper = motor.stepper
                del workers, motor
                self.assertEqual(stepper.steps, 0)


class Live(SynchronousTestCase):
    timeout = 60

    def test_tool_head(self) -> None:
        """A print with workers makes the steps of one without."""
        places = []
        for count in (None, 2):
            printer = Printer().homed()
            toolhead = printer.toolhead
            workers = Workers(count) if count is not None else None
            if workers is not None:
                toolhead.generation.employ(workers)
            for i in range(60):
                toolhead.move([100 + 20 * (i % 2), 50 + i, 1 + i / 10, i * 0.2], 150)
                if toolhead.busy:
                    printer.pass_time(0.2)
            printer.pass_time(30.0, 0.05)
            toolhead.generation.close()
            places.append([motor.motion.steps for motor in toolhead.generation.motors])
            self.assertEqual(printer.faults, [])
        self.assertEqual(places[0], places[1])
        self.assertNotIn(0, places[0])
