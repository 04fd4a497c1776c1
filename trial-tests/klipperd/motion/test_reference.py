"""The reference itself: against definitions, other digits, and machines put together from its answers."""

import math
import random

import numpy as np
from twisted.trial.unittest import SynchronousTestCase

from .machine import START
from .oracle import Extruder, Limits, Move, linear_steps, make_moves, plan
from .paths import random_path, zigzag_path
from .reference import geometry
from .reference.agreement import expected_steps, misfit
from .reference.motion import LD, Array, Motion, Trapezoid
from .reference.pulses import FORMULAS, pulses, residual
from .reference.signals import Inverse, Smoothed

FREQ = 20e6


def planned(path, **limits: float) -> tuple[list[Move], Motion]:
    chosen = Limits(**limits)
    moves = plan(make_moves(START, path, chosen), chosen, 0.5)
    return moves, Motion.along(map(Trapezoid.of, moves))


def times_in(motion: Motion, count: int) -> Array:
    draw = random.Random(1)
    first, last = float(motion.breaks[1]), float(motion.breaks[-2])
    return np.array(sorted(draw.uniform(first - 0.1, last + 0.1) for _ in range(count)), LD)


class Steps(SynchronousTestCase):
    timeout = 60

    def setUp(self) -> None:
        self.moves, self.motion = planned(random_path(7, 60))

    def test_agrees_with_fifty_digits(self) -> None:
        """Another program, written for linear kinematics alone, finds the same steps."""
        for weights, distance in (((1, 0, 0, 0), 0.0125), ((1, -1, 0, 0), 0.01), ((0, 0, 0, 1), 0.002)):
            expected = linear_steps(self.moves, weights, distance)
            found = expected_steps(
                Inverse(self.motion, geometry.linear(*weights), slice(0, 4)),
                distance,
                [d for _, d in expected],
            )
            self.assertEqual([d for _, d in expected], found.directions.tolist())
            due = np.array([float(when) for when, _ in expected])
            inside = (due > found.earliest - 1e-9) & (due < found.latest + 1e-9)
            self.assertEqual(np.flatnonzero(~inside).tolist(), [])

    def test_every_fault_is_found(self) -> None:
        expected = expected_steps(Inverse(self.motion, geometry.linear(1, 0, 0)), 0.0125)
        clocks = np.floor(expected.due * FREQ).astype(np.int64).tolist()
        directions = expected.directions.tolist()

        def verdict(clocks, directions) -> str | None:
            return misfit(expected, clocks, directions, FREQ, 0.0, 25e-6)

        self.assertIsNone(verdict(clocks, directions))
        middle = len(clocks) // 2
        later, earlier = clocks.copy(), clocks.copy()
        later[middle] += 2
        earlier[middle] -= 502
        twice = clocks[:middle] + clocks[middle - 1 :]
        turned = directions.copy()
        turned[middle] = -turned[middle]
        for wrong in (
            (later, directions),
            (earlier, directions),
            (twice, directions[:middle] + directions[middle - 1 :]),
            (clocks[:middle] + clocks[middle + 1 :], directions[:middle] + directions[middle + 1 :]),
            (clocks[:-1], directions[:-1]),
            (clocks, turned),
        ):
            self.assertIsNotNone(verdict(*wrong))

    def test_turning_points(self) -> None:
        """A throw straight up: ten steps and back, the last threshold only touched."""
        top = 0.105 + 0.5e-9
        v = math.sqrt(2 * 10.0 * top)
        there = Trapezoid(1.0, (0.0,), (top,), top, (v, v, 0.0), (0.0, 0.0, v / 10), 10.0)
        back = Trapezoid(1.0 + v / 10, (top,), (0.0,), top, (0.0, v, v), (v / 10, 0.0, 0.0), 10.0)
        signal = Inverse(Motion.along([there, back]), geometry.linear(1.0), slice(0, 1))
        self.assertEqual(expected_steps(signal, 0.01).directions.tolist(), [1] * 10 + [-1] * 10)
        both = expected_steps(Inverse(signal.motion, geometry.linear(1 + 1e-8), slice(0, 1)), 0.01)
        self.assertEqual(both.directions.tolist(), [1] * 11 + [-1] * 11)


class Averages(SynchronousTestCase):
    timeout = 60

    def test_smoothing_is_the_integral_that_defines_it(self) -> None:
        moves, motion = planned(zigzag_path(30), pressure_advance=0.05)
        for smooth_time in (0.02, 0.04, 0.2):
            signal, integral = Smoothed(motion.pressed(), 3, smooth_time), Extruder(moves, smooth_time)
            times = times_in(motion, 200)
            values = signal.at(times, np.zeros(len(times), int))[0]
            worst = max(
                abs(float(v) - integral.position(float(t))) for t, v in zip(times, values, strict=True)
            )
            self.assertLess(worst, 1e-9)

    def test_slopes(self) -> None:
        _, motion = planned(random_path(3, 30), pressure_advance=0.05)
        shaped = motion.shaped(pulses("mzv", 50.0, 0.1), pulses("zvd", 31.0, 0.0))
        signals = (
            Smoothed(motion.pressed(), 3, 0.04),
            Inverse(shaped, geometry.linear(1, 1, 0)),
            Inverse(shaped, geometry.delta(-80.0, -50.0, 400.0)),
        )
        for signal in signals:
            piece = np.arange(len(signal.breaks) - 1)
            times, near = (signal.breaks[:-1] + signal.breaks[1:]) / 2, np.diff(signal.breaks) / 1000
            slopes = signal.at(times, piece)[1]
            found = (signal.at(times + near, piece)[0] - signal.at(times - near, piece)[0]) / (2 * near)
            wide = near > 1e-7
            self.assertLess(abs(found - slopes)[wide].max(), 1e-3)

    def test_shaping_is_the_sum_that_defines_it(self) -> None:
        _, motion = planned(random_path(4, 40))
        shapers = (pulses("mzv", 50.0, 0.1), [], [(0.0, 3.0), (0.013, 1.0)])
        shaped, times = motion.shaped(*shapers), times_in(motion, 500)
        where = shaped.axes(times)[0]
        for axis, shaper in enumerate(shapers):
            total = sum(a for _, a in shaper) or 1.0
            mean = sum(t * a for t, a in shaper) / total
            summed = sum(
                a / total * motion.axes(times - (t - mean))[0][:, axis] for t, a in shaper or [(0, 1)]
            )
            self.assertLess(abs(summed - where[:, axis]).max(), 1e-12)
        self.assertLess(abs(where[:, 3] - motion.axes(times)[0][:, 3]).max(), 1e-12)

    def test_parts_of_extrusion(self) -> None:
        """Parts sum up to all of it, and each grows by the share of its axis."""
        moves, motion = planned(random_path(9, 40))
        parts, times = motion.parted(), times_in(motion, 300)
        whole = motion.axes(times)[0][:, 3]
        self.assertLess(abs(parts.summed().axes(times)[0][:, 0] - whole).max(), 1e-12)
        for move in moves:
            ends = np.array([float(move.begins), float(move.begins + move.duration())], LD)
            gained = np.diff(parts.axes(ends)[0], axis=0)[0]
            extruded = move.end[3] - move.start[3]
            for axis in range(2):
                self.assertAlmostEqual(float(gained[axis]), extruded * float(move.unit[axis]) ** 2, places=9)

    def test_shapers_leave_no_vibration(self) -> None:
        for name in FORMULAS:
            for damping in (0.0, 0.1, 0.2):
                shaper = pulses(name, 50.0, damping)
                self.assertAlmostEqual(sum(a for _, a in shaper), 1.0)
                left = residual(shaper, 50.0, damping)
                self.assertLess(
                    left, 0.051 if name == "ei" else 0.02 if name == "mzv" else 1e-9, (name, damping)
                )
                self.assertGreater(residual(shaper, 25.0, damping), 0.2)


class Machines(SynchronousTestCase):
    """Coordinates put the parts of a machine where they meet."""

    timeout = 30

    def setUp(self) -> None:
        draw = random.Random(2)
        self.places = np.array(
            [[draw.uniform(-70, 70), draw.uniform(-70, 70), draw.uniform(0, 60)] for _ in range(50)], LD
        )

    def check(self, kind: str, *parameters: float) -> Array:
        """Gradients are those of the values; the values."""
        coordinate = geometry.KINDS[kind](*parameters)
        gradient = coordinate.gradient(self.places)
        for axis in range(3):
            step = np.zeros(3, LD)
            step[axis] = 1e-5
            change = coordinate.value(self.places + step) - coordinate.value(self.places - step)
            self.assertLess(abs(change / LD(2e-5) - gradient[:, axis]).max(), 1e-8)
        self.assertGreater(coordinate.clearance(self.places).min(), 0)
        return coordinate.value(self.places)

    def check_distance(self, points: Array, length: float) -> None:
        away = np.sqrt(((points - self.places) ** 2).sum(axis=1))
        self.assertLess(abs(away - length).max(), 1e-15 * length)

    def test_delta(self) -> None:
        heights = self.check("delta", -80.0, -50.0, 300.0)
        self.assertTrue((heights > self.places[:, 2]).all())
        self.check_distance(np.array([[-80.0, -50.0, h] for h in heights], LD), 300.0)

    def test_deltesian(self) -> None:
        heights = self.check("deltesian", 120.0, 250.0)
        self.check_distance(np.column_stack([np.full(50, LD(120)), self.places[:, 1], heights]), 250.0)

    def test_rotary_delta(self) -> None:
        turn = 2.1
        angles = self.check("rotary_delta", 90.0, 210.0, 120.0, 250.0, turn)
        out = 90 + 120 * np.cos(angles)
        across = LD(turn)
        knees = np.column_stack([out * np.cos(across), out * np.sin(across), 210 + 120 * np.sin(angles)])
        self.check_distance(knees, 250.0)
        self.assertTrue((abs(angles) < math.pi / 2).all(), "the knee points outwards")

    def test_polar(self) -> None:
        radius, angle = self.check("polar_radius"), self.check("polar_angle")
        there = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), self.places[:, 2]])
        self.assertLess(abs(there - self.places).max(), 1e-15)

    def test_winch(self) -> None:
        anchor = np.array([300.0, -200.0, 500.0], LD)
        self.assertEqual(
            self.check("winch", *map(float, anchor)).tolist(),
            np.sqrt(((self.places - anchor) ** 2).sum(axis=1)).tolist(),
        )
