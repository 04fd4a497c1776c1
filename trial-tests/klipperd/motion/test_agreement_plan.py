"""Planned speeds and times against the reference's plan, and the limits of each move."""

from twisted.trial.unittest import SynchronousTestCase

from .machine import START, Machine
from .oracle import Limits, Move, make_moves, plan
from .paths import random_path, vase_path, zigzag_path
from .sliced import sliced_lines, targets

INFINITE = float("inf")
PRINTER = Limits(
    axis_velocity=(INFINITE, INFINITE, 15.0), axis_accel=(INFINITE, INFINITE, 100.0), instant_velocity=2.0
)
ROUNDING = 1e-9


class Plan(SynchronousTestCase):
    timeout = 120

    def check(self, path, limits: Limits = PRINTER, lazy: bool = True) -> None:
        machine = Machine(limits)
        machine.print(path, lazy=lazy)
        moves = plan(make_moves(START, path, limits), limits, 0.5)
        self.assertAlmostEqual(machine.print_time, float(moves[-1].begins + moves[-1].duration()), places=9)
        self.check_queue(machine.queue.dump(0.25, 1e9, 10**6), [move for move in moves if move.in_space], 1.0)
        pushing = [move for move in moves if move.e_ratio]
        self.check_queue(machine.extrusion.dump(0.25, 1e9, 10**6), pushing, None)
        self.check_limits(machine.queue.dump(0.25, 1e9, 10**6), limits)

    def check_queue(self, phases, moves: list[Move], share: float | None) -> None:
        """Each phase of each move begins when, where and as fast as it must."""
        expected = []
        for move in moves:
            ratio = share or abs(float(move.e_ratio))
            begin, speed = move.begins, move.entry.sqrt()
            for span, change in zip(move.phases(), (move.accel, 0, -move.accel), strict=True):
                # What is shorter may be left out.
                if span > 1e-9:
                    expected.append((float(begin), float(span), ratio * float(speed), ratio * float(change)))
                begin += span
                speed += span * change
        found = [phase[:4] for phase in phases if phase[1] > 1e-9]
        self.assertEqual(len(found), len(expected))
        for one, other in zip(found, expected, strict=True):
            for value, wanted, most in zip(one, other, (1e-9, 1e-9, 1e-6, 1e-6), strict=True):
                self.assertLessEqual(abs(value - wanted), most * max(abs(wanted), 1))

    def check_limits(self, phases, limits: Limits) -> None:
        for _, duration, speed, accel, _, direction in phases:
            top = max(speed, speed + accel * duration)
            self.assertLessEqual(top, limits.max_velocity * (1 + ROUNDING))
            self.assertLessEqual(abs(accel), limits.max_accel * (1 + ROUNDING))
            for axis, share in enumerate(map(abs, direction)):
                self.assertLessEqual(top * share, limits.axis_velocity[axis] * (1 + ROUNDING))
                self.assertLessEqual(abs(accel) * share, limits.axis_accel[axis] * (1 + ROUNDING))

    def test_random(self) -> None:
        for seed in range(6):
            self.check(random_path(seed, 200))

    def test_curves(self) -> None:
        for speed in (20.0, 80.0, 400.0):
            self.check(vase_path(3.0, speed=speed))

    def test_corners(self) -> None:
        for velocity in (0.0, 5.0, 20.0):
            for ratio in (0.0, 0.5, 0.95):
                limits = Limits(500.0, 8000.0, square_corner_velocity=velocity, minimum_cruise_ratio=ratio)
                self.check(zigzag_path(80), limits)
                self.check(random_path(11, 60), limits)

    def test_lazy_is_full(self) -> None:
        """What is planned of a path doesn't depend on when."""
        for seed in (3, 21, 46, 52):
            for ratio in (0.5, 0.95):
                limits = Limits(500.0, 8000.0, minimum_cruise_ratio=ratio)
                for lazy in (False, True):
                    self.check(random_path(seed, 60), limits, lazy=lazy)

    def test_sliced(self) -> None:
        for seed in range(3):
            path = list(targets(sliced_lines(seed, layers=2), START))
            for lazy in (False, True):
                self.check(path, lazy=lazy)
