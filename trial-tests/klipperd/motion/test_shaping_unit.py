"""Shaped motors against the sum that defines shaping, evaluated from the queue itself."""

import math

from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.geometry import Geometry
from klipperd.motion.shapers import NAMES, ShaperProblem, pulses
from klipperd.motion.trapq import MotionQueue

from .machine import FREQ, MAX_ERROR, OFFSET, Machine, make_motor
from .oracle import Limits
from .paths import random_path, vase_path, zigzag_path
from .reference.pulses import residual

LIMITS = Limits(max_accel=6000.0)
MZV = pulses("mzv", 50.0, 0.1)
EI = pulses("ei", 37.0, 0.05)


class Shaped:
    """x, y, z over time, after shaping."""

    def __init__(self, queue: MotionQueue, shapers) -> None:
        self.queue = queue
        self.shapers = []
        for shaper in shapers:
            found = list(shaper) or [(0.0, 1.0)]
            mean = sum(time * amplitude for time, amplitude in found)
            self.shapers.append([(time - mean, amplitude) for time, amplitude in found])

    def place(self, t: float) -> list[float]:
        return [
            sum(amplitude * self.queue.position_at(t - shift)[axis] for shift, amplitude in shaper)
            for axis, shaper in enumerate(self.shapers)
        ]


class ShapedMotors(SynchronousTestCase):
    timeout = 120

    def check(self, path, shapers, weights, distance=0.0125, shape: Geometry | None = None, stride=1) -> None:
        machine = Machine(LIMITS)
        motor = machine.add((*weights, 0.0), distance)
        if shape is not None:
            motor.stepper.follow_geometry(machine.queue, shape)
        motor.stepper.set_shapers(*shapers)
        machine.print(path)
        shaped = Shaped(machine.queue, shapers)

        def coordinate(t: float) -> float:
            place = shaped.place(t)
            if shape is not None:
                return shape.position(*place, motor.stepper.commanded)
            return sum(where * weight for where, weight in zip(place, weights, strict=True))

        offset = motor.stepper.coordinate_of(0)
        self.check_steps(motor.log.steps, coordinate, offset, distance, stride)
        end = coordinate(machine.print_time + 5.0)
        self.assertAlmostEqual(motor.stepper.commanded, end, places=9)
        self.assertLessEqual(abs(motor.stepper.coordinate_of(motor.stepper.steps) - end), 0.5626 * distance)

    def check_steps(self, steps, coordinate, offset: float, distance: float, stride: int) -> None:
        self.assertGreater(len(steps), 100)
        count, direction = 0, 0
        for i, step in enumerate(steps):
            threshold = offset + (count + 0.5 * step.direction) * distance
            if direction == -step.direction:
                threshold += step.direction * distance / 16
            count, direction = count + step.direction, step.direction
            if i % stride:
                continue
            when = step.clock / FREQ - OFFSET
            early = (coordinate(when - 2 / FREQ) - threshold) * step.direction
            late = (coordinate(when + MAX_ERROR + 2 / FREQ) - threshold) * step.direction
            self.assertLessEqual(early, 1e-8, f"step {i} is late")
            self.assertGreaterEqual(late, -1e-8, f"step {i} is too early")

    def test_every_shaper(self) -> None:
        for name in NAMES:
            shaper = pulses(name, 45.0, 0.1)
            self.check(zigzag_path(30), (shaper, shaper, ()), (1.0, 0.0, 0.0), stride=3)

    def test_corexy_with_two_shapers(self) -> None:
        for weights in ((1.0, 1.0, 0.0), (1.0, -1.0, 0.0)):
            self.check(random_path(3, 40), (MZV, EI, ()), weights, 0.04)

    def test_shaper_on_z(self) -> None:
        self.check(random_path(5, 40), ((), (), MZV), (0.0, 0.0, 1.0), 0.0025)
        self.check(random_path(5, 40), (EI, (), MZV), (1.0, 0.0, -1.0), 0.04)

    def test_dense_curve(self) -> None:
        self.check(vase_path(0.6), (MZV, MZV, ()), (1.0, 0.0, 0.0), stride=5)

    def test_own_pulses(self) -> None:
        own = [(0.0, 0.5), (0.004, 0.8), (0.011, -0.3)]
        self.check(zigzag_path(20), (own, (), ()), (1.0, 0.0, 0.0))

    def test_delta(self) -> None:
        path = [
            (x * 0.3 + 10, y * 0.3 + 10, z, e, min(speed, 200)) for x, y, z, e, speed in random_path(8, 25)
        ]
        tower = Geometry("delta", 150.0, -80.0, 300.0)
        self.check(path, (MZV, MZV, ()), (1, 1, 1), 0.02, tower, stride=3)
        self.check(path, (MZV, EI, EI), (1, 1, 1), 0.02, tower, stride=3)

    def test_other_axes_cost_nothing(self) -> None:
        queue = MotionQueue()
        motor = make_motor(queue, (0, 1, 0, 0), 0.01).stepper
        motor.set_shapers(x=MZV, z=EI)
        self.assertEqual(motor.scan_time, 0.0)
        motor.set_shapers(y=MZV)
        self.assertGreater(motor.scan_time, 0.007)

    def test_jump_at_rest(self) -> None:
        """A set_position moves nothing, however near to the last move."""
        for shape in (None, Geometry("delta", 150.0, 0.0, 400.0)):
            queue = MotionQueue()
            queue.set_position(0.0, (0.0, 0.0, 0.0))
            motor = make_motor(queue, (1, 0, 0, 0), 0.01)
            if shape is not None:
                motor.stepper.follow_geometry(queue, shape)
            motor.stepper.set_shapers(MZV, MZV)
            queue.append(0.5, (0, 0, 0), (10, 0, 0), (0, 100, 0), (0.05, 0.05, 0.05), 2000.0)
            motor.stepper.generate(0.66)
            before = motor.stepper.steps
            queue.set_position(0.7, (-30.0, 5.0, 7.0))
            motor.stepper.generate(2.0)
            self.assertEqual(motor.stepper.steps, before)
            queue.append(2.0, (-30, 5, 7), (-20, 5, 7), (0, 100, 0), (0.05, 0.05, 0.05), 2000.0)
            motor.stepper.generate(3.0)
            there = -20.0 if shape is None else shape.position(-20, 5, 7)
            self.assertAlmostEqual(motor.stepper.commanded, there, places=9)
            self.assertLess(abs(motor.stepper.coordinate_of(motor.stepper.steps) - there), 0.00563)

    def test_halt_in_a_shaped_move(self) -> None:
        queue = MotionQueue()
        queue.set_position(0.0, (0.0, 0.0, 0.0))
        motor = make_motor(queue, (1, 0, 0, 0), 0.01).stepper
        motor.set_shapers(MZV)
        queue.append(0.5, (0, 0, 0), (10, 0, 0), (0, 100, 0), (0.05, 0.05, 0.05), 2000.0)
        motor.generate(0.55)
        self.assertAlmostEqual(motor.halted(37), 0.37)
        queue.set_position(0.6, (250.0, 0.0, 0.0))
        queue.append(1.0, (250, 0, 0), (249, 0, 0), (0, 10, 0), (0.05, 0.05, 0.05), 200.0)
        motor.generate(2.0)
        self.assertEqual(motor.steps, 37 - 100)
        self.assertAlmostEqual(motor.coordinate_of(motor.steps), 249.0)

    def test_another_axis_after_a_move_that_was_given_up(self) -> None:
        """Homing x ends long before its planned end; y, which has looked ahead, moves at its time anyway."""
        queue = MotionQueue()
        queue.set_position(0.0, (0.0, 0.0, 0.0))
        motor = make_motor(queue, (0, 1, 0, 0), 0.01)
        motor.stepper.set_shapers(y=MZV)
        queue.append(0.5, (0, 0, 0), (-330, 0, 0), (0, 50, 0), (0.05, 6.55, 0.05), 1000.0)
        motor.stepper.generate(0.9)
        queue.set_position(0.8, (-20.0, 7.0, 0.0))
        queue.append(1.5, (-20, 7, 0), (-20, 17, 0), (0, 100, 0), (0.05, 0.05, 0.05), 2000.0)
        motor.stepper.generate(2.5)
        motor.log.feed(motor.sink.take())
        self.assertEqual(motor.stepper.steps, 1000)
        first, last = (motor.log.steps[at].clock / FREQ - OFFSET for at in (0, -1))
        self.assertTrue(1.49 < first < 1.52, first)
        self.assertTrue(1.64 < last < 1.67, last)

    def test_shaped_only_at_rest_and_whole(self) -> None:
        motor = make_motor(MotionQueue(), (1, 0, 0, 0), 0.01).stepper
        self.assertRaises(ValueError, motor.set_shapers, [(0.0, 0.4), (0.01, 0.4)])
        self.assertRaises(ValueError, motor.set_shapers, [(0.0, math.nan)])
        self.assertRaises(ValueError, motor.set_shapers, [(0.0, 0.5), (2.0, 0.5)])


class ShapedExtruder(SynchronousTestCase):
    timeout = 60

    def machine(self, advance: float = 0.0) -> Machine:
        machine = Machine(Limits(max_accel=6000.0, pressure_advance=advance))
        machine.extrusion.split = True
        return machine

    def test_in_step_with_x(self) -> None:
        """Along one axis the extruder makes its steps exactly when the axis has moved their share."""
        machine = self.machine()
        x, e = machine.add((1.0, 0.0, 0.0, 0.0), 0.01), machine.add((0.0, 0.0, 0.0, 1.0), 0.01)
        for motor in (x, e):
            motor.stepper.set_shapers(MZV, EI)
        machine.print(
            [(120.0 + (10.0 if i % 2 else -15.0), 100.0, 10.0, 4.0 * i, 200.0) for i in range(1, 8)]
        )
        shaped = Shaped(machine.queue, (MZV, (), ()))
        begin, count = shaped.place(0.0)[0], 0
        self.assertGreater(len(e.log.steps), 2000)
        # The first move is one way, so x alone tells what was extruded until it turns.
        for step in e.log.steps:
            count += step.direction
            if count * 0.01 > 3.5:
                break
            t = step.clock / FREQ - OFFSET + MAX_ERROR / 2
            gone = abs(shaped.place(t)[0] - begin) / 30.0 * 4.0
            self.assertLess(abs(gone - (count - 0.5) * 0.01), 0.01 * 0.05 + MAX_ERROR * 100.0)

    def test_shares(self) -> None:
        """e is shared among x, y and the rest by the squares of the path's direction."""
        machine = self.machine(0.03)
        motor = machine.add((0.0, 0.0, 0.0, 1.0), 0.005)
        motor.stepper.set_shapers(MZV, EI)
        machine.print(
            [(130, 140, 10, 5, 100), (130, 140, 10, 4, 30), (130, 90, 10, 6, 100), (100, 90, 40, 9, 50)]
        )
        self.assertEqual(
            [round(where, 9) for where in machine.extrusion.position_at(60.0)], [9.0, 1.8 + 1.5, 3.2 + 2.0]
        )
        shaped = Shaped(machine.extrusion, ((), MZV, EI))

        def coordinate(t: float) -> float:
            e, along_x, along_y = machine.extrusion.position_at(t)
            _, shaped_x, shaped_y = shaped.place(t)
            return e - along_x - along_y + shaped_x + shaped_y

        offset = motor.stepper.coordinate_of(0)
        # Its advance is not smoothed here, and jumps with the speed: look where it is at rest.
        self.assertAlmostEqual(motor.stepper.commanded, coordinate(60.0), places=9)
        self.assertLessEqual(abs(motor.stepper.steps * 0.005 + offset - 9.0), 0.0029)

    def test_steps(self) -> None:
        machine = self.machine()
        motor = machine.add((0.0, 0.0, 0.0, 1.0), 0.005)
        motor.stepper.set_shapers(MZV, EI)
        machine.print(random_path(12, 40))
        shaped = Shaped(machine.extrusion, ((), MZV, EI))

        def coordinate(t: float) -> float:
            e, along_x, along_y = machine.extrusion.position_at(t)
            _, shaped_x, shaped_y = shaped.place(t)
            return e - along_x - along_y + shaped_x + shaped_y

        offset = motor.stepper.coordinate_of(0)
        ShapedMotors.check_steps(self, motor.log.steps, coordinate, offset, 0.005, 3)  # type: ignore[arg-type]

    def test_smoothed_too(self) -> None:
        """Shaped and smoothed it still ends where it should, at rest and after a jump."""
        machine = self.machine(0.04)
        motor = machine.add((0.0, 0.0, 0.0, 1.0), 0.005)
        motor.stepper.follow_extruder(machine.extrusion, 0.04)
        motor.stepper.set_shapers(MZV, EI)
        self.assertGreater(motor.stepper.scan_time, 0.027)
        path = vase_path(0.5)
        machine.print(path)
        self.assertAlmostEqual(motor.stepper.commanded, path[-1][3], places=9)
        self.assertLessEqual(abs(motor.stepper.coordinate_of(motor.stepper.steps) - path[-1][3]), 0.0029)
        machine.extrusion.set_position(machine.print_time + 0.5, (1.0, 0.0, 0.0))
        machine.lookahead.set_position(*path[-1][:3], 1.0)
        machine.print_time += 0.6
        steps = motor.stepper.steps
        machine.print([(*path[-1][:3], 3.0, 20.0)])
        self.assertAlmostEqual(motor.stepper.commanded, 3.0, places=9)
        self.assertLessEqual(abs(motor.stepper.steps - steps - 400), 1)


class Pulses(SynchronousTestCase):
    timeout = 60

    def test_vibration_left(self) -> None:
        """Little is left at its frequency, and near it as far as it is insensitive."""
        reach = {"zv": 0.05, "mzv": 0.04, "zvd": 0.14, "ei": 0.19, "2hump_ei": 0.36, "3hump_ei": 0.46}
        for name, near in reach.items():
            for damping in (0.0, 0.05, 0.1, 0.2):
                shaper = pulses(name, 50.0, damping)
                self.assertAlmostEqual(sum(amplitude for _, amplitude in shaper), 1.0, places=12)
                for k in range(-8, 9):
                    left = residual(shaper, 50.0 * (1 + near * k / 8), damping)
                    self.assertLess(
                        left, 0.095 if name in ("zv", "mzv", "zvd") else 0.056, (name, damping, k)
                    )

    def test_parameters(self) -> None:
        self.assertEqual(
            pulses("mzv(t=0.5)", 40.0, 0.1)[1][1], 0.0 + pulses("mzv(n=3,t=0.5)", 40.0, 0.1)[1][1]
        )
        zvd = [amplitude for _, amplitude in pulses("zvd", 40.0, 0.1)]
        for one, other in zip(pulses("MZV(t=1)", 40.0, 0.1), zvd, strict=True):
            self.assertAlmostEqual(one[1], other)
        self.assertEqual(pulses("ei", 40.0, 0.1), pulses("ei(v_tol=0.05)", 40.0, 0.1))
        self.assertEqual(pulses("custom(0=1,0.01=3)", 0.0, 0.0), [(0.0, 0.25), (0.01, 0.75)])
        self.assertEqual(pulses("mzv", 0.0, 0.1), [])

    def test_refused(self) -> None:
        for name in (
            "zz",
            "mzv(n=4)",
            "mzv(t=2)",
            "ei(v=1)",
            "ei(v_tol=x)",
            "custom",
            "custom(0=-1)",
            "custom(9=1)",
        ):
            self.assertRaises(ShaperProblem, pulses, name, 50.0, 0.1)
        self.assertRaises(ShaperProblem, pulses, "mzv", -5.0, 0.1)
        self.assertRaises(ShaperProblem, pulses, "mzv", 50.0, 0.9)
