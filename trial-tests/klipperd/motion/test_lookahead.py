"""Lookahead: limits and refusals, marks, lazy flushes; the oracle checks its speeds elsewhere."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.errors import ExtrusionRefused, InvalidMove, MoveOutOfRange, NotHomed
from klipperd.motion.lookahead import Lookahead
from klipperd.motion.trapq import MotionQueue

from .paths import random_path, vase_path


def make(**limits: float) -> tuple[MotionQueue, Lookahead]:
    queue = MotionQueue()
    made = Lookahead(queue, limits.pop("velocity", 200.0), limits.pop("accel", 2000.0), **limits)
    for axis in range(3):
        made.set_range(axis, 0.0, 200.0)
    return queue, made


class Refusals(SynchronousTestCase):
    timeout = 60

    def check_unchanged(self, lookahead: Lookahead, error: type[Exception], *move: float) -> str:
        before = lookahead.position, len(lookahead), lookahead.pending_time
        raised = self.assertRaises(error, lookahead.move, *move)
        self.assertEqual((lookahead.position, len(lookahead), lookahead.pending_time), before)
        return str(raised)

    def test_numbers(self) -> None:
        _, lookahead = make()
        for bad in (math.nan, math.inf, -math.inf, 1e8):
            for index in range(5):
                move = [1.0, 1.0, 1.0, 1.0, 50.0]
                move[index] = bad
                if not (index == 4 and bad == 1e8):
                    text = self.check_unchanged(lookahead, InvalidMove, *move)
                    self.assertIn("XYZEF"[index], text)
        for speed in (0.0, -5.0, 1e-9):
            self.check_unchanged(lookahead, InvalidMove, 1, 1, 1, 0, speed)

    def test_range_and_homing(self) -> None:
        _, lookahead = make()
        text = self.check_unchanged(lookahead, MoveOutOfRange, 10, 200.1, 0, 0, 50)
        self.assertIn("y = 200.100, allowed 0.000 to 200.000", text)
        lookahead.clear_range(2)
        self.assertEqual(self.check_unchanged(lookahead, NotHomed, 0, 0, 1, 0, 50), "Must home axis first: z")
        lookahead.move(10, 0, 0, 0, 50)
        self.assertIsNone(lookahead.get_range(2))

    def test_extruder(self) -> None:
        _, lookahead = make()
        text = self.check_unchanged(lookahead, ExtrusionRefused, 1, 0, 0, 1, 50)
        self.assertIn("No extruder", text)
        queue = MotionQueue()
        lookahead.set_extruder(queue, max_only_distance=50.0, max_ratio=0.25, free_distance=0.1)
        lookahead.set_extruder_enabled(False)
        self.assertIn("minimum temp", self.check_unchanged(lookahead, ExtrusionRefused, 0, 0, 0, 1, 50))
        lookahead.set_extruder_enabled(True)
        self.assertIn("50.000", self.check_unchanged(lookahead, ExtrusionRefused, 0, 0, 0, -50.1, 50))
        text = self.check_unchanged(lookahead, ExtrusionRefused, 1, 0, 0, 0.26, 50)
        self.assertIn("max_extrude_cross", text)
        lookahead.move(0.1, 0, 0, 0.09, 50)
        lookahead.move(10, 0, 0, 0.09 + 9.9 * 0.25, 50)

    def test_limits(self) -> None:
        _, lookahead = make()
        for bad in ({"max_velocity": 0.0}, {"max_accel": math.nan}, {"minimum_cruise_ratio": 1.0}):
            self.assertRaises(ValueError, lookahead.set_limits, **bad)
        lookahead.set_limits(max_accel=500.0)
        self.assertEqual(lookahead.limits, (200.0, 500.0, 5.0, 0.5))


class Profiles(SynchronousTestCase):
    timeout = 60

    def test_square_corner_velocity(self) -> None:
        queue, lookahead = make(square_corner_velocity=7.0)
        for x, y in ((50, 0), (50, 50), (100, 50)):
            lookahead.move(x, y, 0, 0, 100)
        lookahead.flush(1.0)
        corner = [p[2] for p in queue.dump(0, 100) if p[4][:2] in ((50.0, 0.0), (50.0, 50.0))]
        self.assertEqual(len(corner), 2)
        for speed in corner:
            self.assertAlmostEqual(speed, 7.0, places=9)

    def test_minimum_cruise_ratio(self) -> None:
        """A move by itself cruises for the given share of its length."""
        for ratio in (0.0, 0.3, 0.5, 0.8):
            queue, lookahead = make(minimum_cruise_ratio=ratio)
            lookahead.move(1.5, 0, 0, 0, 200)
            lookahead.flush(1.0)
            cruised = sum(p[1] * p[2] for p in queue.dump(0, 100) if p[3] == 0)
            self.assertAlmostEqual(cruised, 1.5 * ratio, places=9)

    def test_z_caps(self) -> None:
        queue, lookahead = make()
        lookahead.set_axis_limits(2, 10.0, 100.0)
        lookahead.move(30, 0, 40, 0, 200)
        lookahead.flush(1.0)
        phases = queue.dump(0, 100)
        self.assertAlmostEqual(max(p[2] for p in phases), 10 / 0.8)
        self.assertAlmostEqual(max(p[3] for p in phases), 100 / 0.8)

    def test_extruder_corner(self) -> None:
        """Where a travel meets a printing move in the same direction, only the extruder limits the speed."""
        queue, lookahead = make()
        lookahead.set_extruder(MotionQueue(), instant_velocity=1.0)
        lookahead.move(50, 0, 0, 0, 100)
        lookahead.move(100, 0, 0, 50 * 0.04, 100)
        lookahead.flush(1.0)
        junction = next(p[2] for p in queue.dump(0, 100) if p[4][0] == 50.0)
        self.assertAlmostEqual(junction, 1.0 / 0.04)

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 10**6), st.integers(1, 60))
    def test_continuity(self, seed: int, size: int) -> None:
        """Speed never jumps within a move or at a junction, whatever was flushed when."""
        queue, lookahead = make()
        lookahead.set_extruder(MotionQueue())
        lookahead.set_position(100, 100, 10, 0)
        time = 1.0
        for i, move in enumerate(random_path(seed, 60)):
            if lookahead.move(*move) or i % size == 0:
                time = lookahead.flush(time, lazy=True)
        lookahead.flush(time)
        phases = queue.dump(0, 1e9, 10**6)
        speed, at = 0.0, 0.0
        for begin, duration, start, accel, _, _ in phases:
            if begin - at > 1e-6:
                self.assertAlmostEqual(speed, 0.0, places=6)
                speed = 0.0
            self.assertLessEqual(abs(start - speed), 1e-6 * max(speed, 1))
            speed, at = start + accel * duration, begin + duration
        self.assertAlmostEqual(speed, 0.0, places=6)

    def test_lazy_is_full(self) -> None:
        """However often it is flushed lazily, the plan is that of one flush."""
        ends, dumps = [], []
        for stride in (1, 7, 10**9):
            queue, lookahead = make()
            lookahead.set_extruder(MotionQueue())
            lookahead.set_position(120, 100, 0.2, 0)
            time = 1.0
            for i, move in enumerate(vase_path(0.5)):
                lookahead.move(*move)
                if i % stride == stride - 1:
                    time = lookahead.flush(time, lazy=True)
            self.assertLess(len(lookahead), 300 if stride < 10 else 10**9)
            ends.append(round(lookahead.flush(time), 9))
            dumps.append([tuple(round(v, 7) for v in phase[:4]) for phase in queue.dump(0, 1e9, 10**6)])
        self.assertEqual(len(set(ends)), 1)
        self.assertEqual(dumps[0], dumps[2])
        self.assertEqual(dumps[1], dumps[2])

    def test_tiny_moves_add_up(self) -> None:
        """Moves too short to plan are not lost."""
        _, lookahead = make()
        for i in range(1, 100001):
            lookahead.move(i * 1e-10, 0, 0, 0, 100)
        self.assertLessEqual(abs(lookahead.position[0] - 1e-5), 2e-9)


class Marks(SynchronousTestCase):
    timeout = 60

    def test_marks(self) -> None:
        queue, lookahead = make()
        first = lookahead.mark()
        lookahead.move(50, 0, 0, 0, 100)
        second = lookahead.mark()
        lookahead.move(50, 50, 0, 0, 100)
        lookahead.move(100, 50, 0, 0, 100)
        third = lookahead.mark()
        time = lookahead.flush(1.0, lazy=True)
        end = lookahead.flush(time)
        marks = dict(lookahead.take_marks())
        self.assertEqual(marks[first], 1.0)
        self.assertAlmostEqual(queue.position_at(marks[second])[0], 50.0)
        self.assertLess(queue.position_at(marks[second] - 1e-3)[0], 50.0)
        self.assertAlmostEqual(marks[third], end)
        self.assertEqual(lookahead.take_marks(), [])

    def test_discard(self) -> None:
        _, lookahead = make()
        lookahead.move(50, 0, 0, 0, 100)
        lookahead.flush(1.0)
        lookahead.move(60, 0, 0, 0, 100)
        lookahead.discard()
        self.assertEqual(lookahead.position, (50, 0, 0, 0))
        self.assertEqual((len(lookahead), lookahead.pending_time), (0, 0.0))
