"""Hypothesis looks for moves that the core gets wrong: tiny, none, reversing, long, and of extreme speeds."""

import math
from itertools import pairwise

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.errors import InvalidMove
from klipperd.motion.lookahead import Lookahead
from klipperd.motion.trapq import MotionQueue

from .cases import check_drives, extruder, line
from .machine import START
from .oracle import Limits
from .paths import Target

coordinates = st.one_of(
    st.floats(0, 200, allow_subnormal=False),
    st.sampled_from([100.0, 100.00625, 100.0125, 100 + 1e-10, 100 + 1e-8, 100.001, 99.999, 0.0, 200.0]),
)
extrusions = st.one_of(st.just(0.0), st.floats(-3, 3), st.sampled_from([1e-12, 1e-8, 0.001]))
speeds = st.one_of(st.floats(0.5, 600), st.sampled_from([1.0, 5.0, 300.0, 1e6]))


def can_be(path: list[Target]) -> bool:
    """Not metres of filament on a nanometre of path: no MCU has ticks enough for that."""
    steps = pairwise([START, *path])
    return all(abs(b[3] - a[3]) < 1e3 * math.dist(a[:3], b[:3]) for a, b in steps if a[:3] != b[:3])


targets = st.lists(
    st.tuples(coordinates, coordinates, st.one_of(st.just(10.0), st.floats(9, 11)), extrusions, speeds),
    min_size=1,
    max_size=8,
).filter(can_be)
limit_sets = st.builds(
    Limits,
    max_velocity=st.floats(10, 1000),
    max_accel=st.floats(100, 50000),
    square_corner_velocity=st.floats(0, 20),
    minimum_cruise_ratio=st.one_of(st.just(0.5), st.floats(0, 0.99)),
    instant_velocity=st.floats(0.01, 10),
    pressure_advance=st.floats(0, 0.2),
)
COARSE = [line(1, 0, 0, 0.05), line(0, 0, 1, 0.02), line(1, -1, 0, 0.05), extruder(0.01)]
numbers = st.floats(allow_nan=True, allow_infinity=True)
broken = st.sampled_from([math.nan, math.inf, -math.inf])
nasty = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


class NastyMoves(SynchronousTestCase):
    timeout = 300

    @settings(nasty, max_examples=60)
    @given(targets, limit_sets, st.booleans())
    def test_agreement(self, path, limits, lazy) -> None:
        check_drives(self, path, COARSE, limits, lazy=lazy)

    @settings(nasty, max_examples=25)
    @given(targets, limit_sets, st.floats(0.001, 0.2))
    def test_pressure_advance(self, path, limits, smooth_time) -> None:
        check_drives(self, path, [extruder(0.01, smooth_time)], limits)


class NotNumbers(SynchronousTestCase):
    """NaN and infinities are refused, and leave nothing behind."""

    timeout = 60

    def lookahead(self) -> Lookahead:
        made = Lookahead(MotionQueue(), 300.0, 3000.0)
        for axis in range(3):
            made.set_unbounded(axis)
        made.set_extruder(MotionQueue())
        made.set_position(1.0, 2.0, 3.0, 4.0)
        made.move(5.0, 2.0, 3.0, 4.0, 50.0)
        return made

    @settings(nasty, max_examples=100)
    @given(st.lists(numbers, min_size=5, max_size=5), broken, st.integers(0, 4))
    @example([0.0] * 5, math.nan, 4)
    def test_moves(self, words, wrong, where) -> None:
        lookahead = self.lookahead()
        words[where] = wrong
        self.assertRaises(InvalidMove, lookahead.move, *words)
        self.assertEqual((len(lookahead), lookahead.position), (1, (5.0, 2.0, 3.0, 4.0)))

    @settings(nasty, max_examples=30)
    @given(broken, st.integers(0, 3))
    def test_positions(self, wrong, where) -> None:
        lookahead = self.lookahead()
        position = [0.0] * 4
        position[where] = wrong
        self.assertRaises(InvalidMove, lookahead.set_position, *position)
        self.assertEqual(lookahead.position, (5.0, 2.0, 3.0, 4.0))

    @settings(nasty, max_examples=100)
    @given(broken, st.integers(0, 13))
    def test_trapezoids(self, wrong, where) -> None:
        queue = MotionQueue()
        words = [1.0, 0.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0, 5.0, 0.0, 1.0, 1.0, 1.0, 5.0]
        words[where] = wrong
        arguments = (words[0], words[1:4], words[4:7], words[7:10], words[10:13], words[13])
        as_tuples = (tuple(word) if isinstance(word, list) else word for word in arguments)
        self.assertRaises(ValueError, queue.append, *as_tuples)
        self.assertEqual(len(queue), 0)
