"""Motors of linear kinematics and extruders against the reference: every step, in its window."""

from twisted.trial.unittest import SynchronousTestCase

from .cases import check_drives, extruder, line
from .machine import START
from .oracle import Limits
from .paths import random_path, vase_path, zigzag_path
from .sliced import sliced_lines, snippets, targets

INFINITE = float("inf")
PRINTER = Limits(
    axis_velocity=(INFINITE, INFINITE, 15.0), axis_accel=(INFINITE, INFINITE, 100.0), pressure_advance=0.04
)
CARTESIAN = [line(1, 0, 0, 0.0125), line(0, 1, 0, 0.0125), line(0, 0, 1, 0.0025)]
CROSSED = [
    line(1, 1, 0, 0.01),  # corexy
    line(1, -1, 0, 0.01),  # corexy, hybrid_corexy
    line(1, 0, 1, 0.0125),  # corexz
    line(1, 0, -1, 0.0125),  # corexz, hybrid_corexz
    line(0.3, -0.7, 0.2, 0.007),  # generic_cartesian
]
EXTRUDERS = [extruder(0.00237), extruder(0.00237, 0.04)]


class Paths(SynchronousTestCase):
    timeout = 120

    def test_random(self) -> None:
        for seed in range(3):
            check_drives(self, random_path(seed, 120), CARTESIAN + CROSSED + EXTRUDERS, PRINTER)

    def test_all_at_once_is_the_same(self) -> None:
        for lazy in (False, True):
            check_drives(self, random_path(99, 80), CARTESIAN + EXTRUDERS, PRINTER, lazy=lazy)

    def test_vase(self) -> None:
        check_drives(self, vase_path(3.0), CARTESIAN + CROSSED + EXTRUDERS, PRINTER)

    def test_zigzag(self) -> None:
        for ratio in (0.0, 0.5, 0.9):
            limits = Limits(max_velocity=500.0, max_accel=10000.0, minimum_cruise_ratio=ratio)
            check_drives(self, zigzag_path(60), CARTESIAN + CROSSED + EXTRUDERS, limits)

    def test_sliced(self) -> None:
        for seed in range(2):
            path = list(targets(sliced_lines(seed), START))
            check_drives(self, path, CARTESIAN + CROSSED + EXTRUDERS, PRINTER)

    def test_files(self) -> None:
        for name, path in snippets(2, 250):
            with self.subTest(name):
                check_drives(self, path, [*CARTESIAN, CROSSED[0], *EXTRUDERS], PRINTER, start=path[0][:4])

    def test_slow_and_far(self) -> None:
        path = [(100.5, 100, 10, 0, 0.05), (0, 100, 10, 0, 1000), (200, 0, 10, -2, 1000)]
        check_drives(self, path, CARTESIAN + CROSSED + EXTRUDERS, PRINTER)

    def test_half_step_ends(self) -> None:
        """Moves that end where a step is just due, again and again."""
        path = []
        for i in range(40):
            path.append((100 + (0.00625 if i % 2 else 0.0), 100 + 0.01875 * (i % 3), 10, 0, 20))
        check_drives(self, path, CARTESIAN + CROSSED, PRINTER)


class Advance(SynchronousTestCase):
    """Pressure advance: how much, and over how long it is smoothed."""

    timeout = 120

    def check(self, path, advance: float, *smooth_times: float) -> None:
        limits = Limits(pressure_advance=advance, max_accel=5000.0)
        drives = [extruder(0.002, smooth_time) for smooth_time in smooth_times]
        self.assertGreater(check_drives(self, path, drives, limits), 100 * len(drives))

    def test_random(self) -> None:
        for seed in (1, 2):
            self.check(random_path(seed, 60), 0.04, 0.005, 0.04, 0.2)

    def test_vase(self) -> None:
        self.check(vase_path(1.0), 0.06, 0.04)

    def test_zigzag(self) -> None:
        self.check(zigzag_path(40, speed=150.0), 0.05, 0.02, 0.2)
        self.check(zigzag_path(40, speed=150.0), 1.0, 0.04)

    def test_sliced(self) -> None:
        for advance in (0.02, 0.08, 0.8):
            self.check(list(targets(sliced_lines(5), START)), advance, 0.02, 0.04)

    def test_shares(self) -> None:
        """Motors that follow one extruder make a part of its pressure advance each."""
        limits = Limits(pressure_advance=0.08)
        drives = [extruder(0.002, 0.04, share) for share in (0.0, 0.25, 1.0)]
        check_drives(self, list(targets(sliced_lines(6), START)), drives, limits)

    def test_smoothing_without_advance(self) -> None:
        self.check(zigzag_path(30), 0.0, 0.04)

    def test_rests_in_between(self) -> None:
        """Pauses much longer than the window, and lines long enough to cruise."""
        path = [(150, 100, 10, 2, 20), (150, 100, 10, 1, 20), (50, 100, 10, 6, 40), (50, 100, 10, 5.5, 0.5)]
        self.check(path, 0.08, 0.04)
