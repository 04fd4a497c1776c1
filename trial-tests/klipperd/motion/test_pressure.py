"""Smoothed pressure advance against the integral that defines it."""

from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.trapq import MotionQueue

from .machine import FREQ, MAX_ERROR, OFFSET, START, Machine, make_motor
from .oracle import Extruder, Limits, make_moves, plan
from .paths import random_path, vase_path, zigzag_path

DISTANCE = 0.002


class SmoothedExtruder(SynchronousTestCase):
    timeout = 120

    def check(self, path, advance: float, smooth_time: float, stride: int = 1) -> None:
        limits = Limits(pressure_advance=advance, max_accel=5000.0)
        machine = Machine(limits)
        motor = machine.add((0.0, 0.0, 0.0, 1.0), DISTANCE)
        motor.stepper.follow_extruder(machine.extrusion, smooth_time)
        machine.print(path)
        extruder = Extruder(plan(make_moves(START, path, limits), limits, 0.5), smooth_time)
        steps, direction = 0, 0
        self.assertGreater(len(motor.log.steps), 100)
        for i, step in enumerate(motor.log.steps):
            threshold = (steps + 0.5 * step.direction) * DISTANCE
            if direction == -step.direction:
                threshold += step.direction * DISTANCE / 16
            steps, direction = steps + step.direction, step.direction
            if i % stride == 0:
                self.check_step(extruder, step, threshold)
        self.check_rest(motor, path[-1][3])
        self.check_between(extruder, motor.log.steps)

    def check_step(self, extruder: Extruder, step, threshold: float) -> None:
        """The threshold is crossed after the step, within the largest error (2 ticks of slack)."""
        when = step.clock / FREQ - OFFSET
        early = (extruder.position(when - 2 / FREQ) - threshold) * step.direction
        late = (extruder.position(when + MAX_ERROR + 2 / FREQ) - threshold) * step.direction
        self.assertLessEqual(early, 1e-8)
        self.assertGreaterEqual(late, -1e-8)

    def check_rest(self, motor, e: float) -> None:
        self.assertLessEqual(abs(motor.stepper.steps * DISTANCE - e), DISTANCE * 0.5625 + 1e-9)
        self.assertAlmostEqual(motor.stepper.commanded, e, places=9)

    def check_between(self, extruder: Extruder, steps) -> None:
        """No step is missing: the position is never further from the motor than the convention allows."""
        count, k = 0, 0
        first, last = steps[0].clock, steps[-1].clock
        for j in range(400):
            clock = first + (last - first) * j // 399
            while k < len(steps) and steps[k].clock <= clock:
                count += steps[k].direction
                k += 1
            when = clock / FREQ - OFFSET
            # A step may come MAX_ERROR early.
            times = (when, when + MAX_ERROR / 2, when + MAX_ERROR)
            off = min(abs(extruder.position(time) / DISTANCE - count) for time in times)
            self.assertLessEqual(off, 0.5625 + 0.01)

    def test_random(self) -> None:
        for seed in (1, 2):
            self.check(random_path(seed, 60), 0.04, 0.04, stride=7)

    def test_vase(self) -> None:
        self.check(vase_path(0.7), 0.06, 0.04, stride=3)

    def test_zigzag(self) -> None:
        self.check(zigzag_path(40, speed=150.0), 0.05, 0.02, stride=3)
        self.check(zigzag_path(40, speed=150.0), 0.05, 0.2, stride=7)

    def test_smoothing_without_advance(self) -> None:
        self.check(zigzag_path(30), 0.0, 0.04, stride=3)

    def test_rests_in_between(self) -> None:
        """Pauses much longer than the window, and lines long enough to cruise."""
        path = [(150, 100, 10, 2, 20), (150, 100, 10, 1, 20), (50, 100, 10, 6, 40), (50, 100, 10, 5.5, 0.5)]
        self.check(path, 0.08, 0.04)


class LongRest(SynchronousTestCase):
    timeout = 60

    def test_idle_for_a_day(self) -> None:
        """After a day at rest steps are as exact as at the start."""
        queue = MotionQueue()
        motor = make_motor(queue, (0, 0, 0, 1), 0.01)
        motor.stepper.follow_extruder(queue, 0.04)
        queue.append(86400.0, (0, 0, 0), (1, 0, 0), (0, 10, 0), (0.05, 0.05, 0.05), 200.0, 0.05)
        motor.stepper.generate(86399.0)
        self.assertEqual(motor.sink.take(), [])
        motor.stepper.generate(86401.0)
        steps = motor.log.feed(motor.sink.take()).steps
        self.assertEqual(sum(step.direction for step in steps), 100)
        self.assertAlmostEqual(motor.stepper.commanded, 1.0, places=9)
