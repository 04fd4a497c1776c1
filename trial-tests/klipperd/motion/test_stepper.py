"""One motor's commands: windows, gaps, history, halts, clock updates, closed links."""

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.errors import StepsLost
from klipperd.motion.stepper import StepperGroup
from klipperd.motion.trapq import MotionQueue

from .machine import FREQ, OFFSET, Motor, make_motor
from .wirelog import QUEUE_STEP, RESET_CLOCK, SET_DIR, read_words

X = (1.0, 0.0, 0.0, 0.0)


def cruise(queue: MotionQueue, begin: float, start: float, end: float, speed: float) -> float:
    """A move at constant speed."""
    time = abs(end - start) / speed
    return queue.append(begin, (start, 0, 0), (end, 0, 0), (speed, speed, speed), (0, time, 0), 0.0)


class Commands(SynchronousTestCase):
    timeout = 60

    def motor(self, distance: float = 0.01, **options: object) -> tuple[MotionQueue, Motor]:
        queue = MotionQueue()
        return queue, make_motor(queue, X, distance, **options)

    def finish(self, motor: Motor, until: float) -> Motor:
        motor.stepper.generate(until)
        motor.log.feed(motor.sink.take())
        return motor

    def test_constant_speed_is_one_command(self) -> None:
        queue, motor = self.motor()
        end = cruise(queue, 1.0, 0.0, 10.0, 20.0)
        self.finish(motor, end)
        self.assertEqual(motor.log.batches, [(10000, 1000, 0)])
        self.assertEqual(motor.log.resets, 1)

    def test_order_of_first_commands(self) -> None:
        queue, motor = self.motor()
        motor.stepper.generate(cruise(queue, 1.0, 0.0, -1.0, 20.0))
        ids = [read_words(payload)[0] for _, payload, _, _ in motor.sink.take()]
        self.assertEqual(ids, [RESET_CLOCK, SET_DIR, QUEUE_STEP])

    def test_inverted_direction(self) -> None:
        queue, motor = self.motor(invert_dir=True)
        self.finish(motor, cruise(queue, 1.0, 0.0, 1.0, 20.0))
        self.assertEqual(motor.log.position(), -100)
        self.assertEqual(motor.stepper.steps, 100)
        self.assertEqual(motor.stepper.mcu_position, -100)

    def test_long_rests_reset_the_clock(self) -> None:
        """Intervals stay well below 2^31 ticks, and within short pauses no reset is needed."""
        queue, motor = self.motor()
        at, where = 1.0, 0.0
        for pause in (0.5, 2.0, 4.0, 1000.0, 100000.0):
            at = cruise(queue, at, where, where + 1.0, 10.0) + pause
            where += 1.0
            self.finish(motor, at - pause / 2)
        self.assertEqual(motor.log.resets, 3)
        self.assertEqual(motor.log.position(), 500)

    def test_very_slow_motion(self) -> None:
        queue, motor = self.motor()
        end = cruise(queue, 1.0, 0.0, 0.1, 0.001)
        for i in range(200):
            self.finish(motor, 1.0 + i)
        self.finish(motor, end)
        self.assertEqual(motor.log.position(), 10)
        for k, step in enumerate(motor.log.steps):
            due = (1.0 + (k + 0.5) * 10.0 + OFFSET) * FREQ
            self.assertTrue(due - 25e-6 * FREQ - 1 <= step.clock <= due + 1)

    def test_many_generates_lose_nothing(self) -> None:
        """Steps are the same in number and order however the time is cut."""
        draw = random.Random(5)
        queue, motor = self.motor()
        at, where, ends = 1.0, 0.0, []
        for _ in range(300):
            there = where + draw.uniform(-1, 1)
            at = cruise(queue, at, where, there, draw.uniform(1, 200))
            where = there
            ends.append(at)
        t = 0.0
        while t < at:
            t += draw.expovariate(50)
            motor.stepper.generate(t, t - draw.uniform(0, 0.05))
            motor.log.feed(motor.sink.take())
        self.finish(motor, at)
        other = self.finish(make_motor(queue, X, 0.01), 0.0)
        self.assertEqual(other.log.steps, [])
        self.assertLessEqual(abs(motor.log.position() * 0.01 - where), 0.005 * 1.125 + 1e-9)
        due = [step.clock for step in motor.log.steps]
        self.assertEqual(due, sorted(set(due)))

    def test_no_bunching(self) -> None:
        """No step comes nearer to the one before it than half the time between them."""
        draw = random.Random(6)
        queue, motor = self.motor()
        at, where = 1.0, 0.0
        for _ in range(200):
            there = where + draw.uniform(0.001, 0.3)
            at = cruise(queue, at, where, there, draw.uniform(1, 2000))
            where = there
        self.finish(motor, at)
        gaps = [b.clock - a.clock for a, b in zip(motor.log.steps, motor.log.steps[1:], strict=False)]
        self.assertGreaterEqual(min(gaps), 0.01 / 2000 * FREQ / 2 - 1)

    def test_closed_link(self) -> None:
        queue, motor = self.motor()
        end = cruise(queue, 1.0, 0.0, 10.0, 20.0)
        motor.sink.close()
        error = self.assertRaises(StepsLost, motor.stepper.generate, end)
        self.assertIn("link is closed", str(error))

    def test_clock_update_keeps_order(self) -> None:
        """The MCU's clock is re-estimated while steps wait: none goes back in time."""
        queue, motor = self.motor()
        end = cruise(queue, 1.0, 0.0, 20.0, 100.0)
        t, freq = 1.0, FREQ
        while t < end:
            motor.stepper.generate(t, t - 0.01)
            t += 0.003
            freq *= 1 + random.Random(round(t * 1e4)).uniform(-2e-6, 2e-6)
            motor.stepper.set_clock(freq, OFFSET)
        self.finish(motor, end)
        due = [step.clock for step in motor.log.steps]
        self.assertEqual(due, sorted(set(due)))
        self.assertEqual(len(due), 2000)

    def test_broken_queue(self) -> None:
        queue, motor = self.motor()
        cruise(queue, 1.0, 0.0, 1.0, 10.0)
        end = cruise(queue, 2.0, 3.0, 4.0, 10.0)
        error = self.assertRaises(StepsLost, motor.stepper.generate, end)
        self.assertIn("set_position", str(error))

    def test_group_gives_the_same(self) -> None:
        queue, alone = self.motor()
        grouped = [make_motor(queue, X, 0.01), make_motor(queue, X, 0.02)]
        group = StepperGroup([motor.stepper for motor in grouped])
        end = cruise(queue, 1.0, 0.0, 5.0, 40.0)
        self.finish(alone, end)
        self.assertEqual(group.generate(end), 750)
        for motor in grouped:
            motor.log.feed(motor.sink.take())
        self.assertEqual(grouped[0].log.steps, alone.log.steps)
        self.assertEqual(len(grouped[1].log.steps), 250)

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-2, 3.3), st.floats(0, 0.3)), max_size=30))
    def test_any_speeds(self, moves: list[tuple[float, float, float]]) -> None:
        """Whatever the sequence of speeds: steps in order, the end right, every batch within its format."""
        queue, motor = self.motor()
        at, where = 1.0, 0.0
        for distance, exponent, pause in moves:
            if distance:
                at = cruise(queue, at, where, where + distance, 10**exponent) + pause
                where = where + distance
        self.finish(motor, at + 0.001)
        self.assertLessEqual(abs(motor.log.position() * 0.01 - where), 0.005 * 1.125 + 1e-9)


class History(SynchronousTestCase):
    timeout = 60

    def setUp(self) -> None:
        self.queue = MotionQueue()
        self.motor = make_motor(self.queue, X, 0.01)
        self.end = cruise(self.queue, 1.0, 0.0, 5.0, 20.0)
        self.end = cruise(self.queue, self.end, 5.0, 3.0, 7.0)
        self.motor.stepper.generate(self.end)
        self.motor.log.feed(self.motor.sink.take())

    def test_position_at_clock(self) -> None:
        count = 0
        stepper = self.motor.stepper
        self.assertEqual(stepper.position_at_clock(0), 0)
        for step in self.motor.log.steps:
            self.assertEqual(stepper.position_at_clock(step.clock - 1), count)
            count += step.direction
            self.assertEqual(stepper.position_at_clock(step.clock), count)
        self.assertEqual(stepper.position_at_clock(2**60), 300)

    def test_dump(self) -> None:
        batches = self.motor.stepper.dump(0, 2**60)
        self.assertEqual([(b[3], abs(b[4]), b[5]) for b in batches], self.motor.log.batches)
        self.assertEqual(batches[0][2], 0)
        last = batches[-1]
        self.assertEqual(last[2] + last[4], 300)
        self.assertEqual(self.motor.stepper.dump(last[1] + 1, 2**60), [])

    def test_halt(self) -> None:
        """An endstop stopped the motor: coordinates continue from where it stands."""
        stepper = self.motor.stepper
        clock = self.motor.log.steps[350].clock
        there = stepper.position_at_clock(clock)
        self.assertAlmostEqual(stepper.halted(there), there * 0.01)
        self.assertEqual(stepper.position_at_clock(2**60), there)
        self.assertEqual(stepper.position_at_clock(clock - 1), there - 1)
        self.queue.set_position(self.end, (100.0, 0, 0))
        at = cruise(self.queue, self.end + 1, 100.0, 101.0, 10.0)
        stepper.generate(at)
        self.assertEqual(stepper.steps, there + 100)
        self.assertAlmostEqual(stepper.coordinate_of(there), 100.0)
        ids = [read_words(payload)[0] for _, payload, _, _ in self.motor.sink.take()]
        self.assertEqual(ids[:2], [RESET_CLOCK, SET_DIR])

    def test_halt_of_an_inverted_motor(self) -> None:
        queue = MotionQueue()
        motor = make_motor(queue, X, 0.01, invert_dir=True)
        motor.stepper.generate(cruise(queue, 1.0, 0.0, 5.0, 20.0))
        self.assertAlmostEqual(motor.stepper.halted(-123), 1.23)
        self.assertEqual(motor.stepper.steps, 123)

    def test_expire(self) -> None:
        batches = self.motor.stepper.dump(0, 2**60)
        self.motor.stepper.expire_history(batches[0][1] + 1)
        self.assertEqual(self.motor.stepper.dump(0, 2**60), batches[1:])


class Jumps(SynchronousTestCase):
    timeout = 60

    def test_set_position_moves_nothing_and_keeps_fractions(self) -> None:
        """After many jumps the motor's coordinate is still exact: no fraction of a step is lost."""
        queue = MotionQueue()
        motor = make_motor(queue, X, 0.01)
        at, moved = 1.0, 0.0
        draw = random.Random(1)
        for _ in range(200):
            where, distance = draw.uniform(-50, 50), draw.uniform(-1, 1)
            queue.set_position(at, (where, 0, 0))
            at = cruise(queue, at + 0.01, where, where + distance, 30.0)
            moved += distance
            motor.stepper.generate(at)
        self.assertLessEqual(abs(motor.stepper.steps * 0.01 - moved), 0.005 * 1.125 + 1e-9)

    def test_refused_numbers(self) -> None:
        queue = MotionQueue()
        for bad in (math.nan, math.inf):
            self.assertRaises(ValueError, queue.set_position, 1.0, (bad, 0, 0))
            self.assertRaises(ValueError, cruise, queue, 1.0, 0.0, bad, 1.0)
            self.assertRaises(ValueError, make_motor, queue, X, bad)
