"""Motors of kinematics that aren't weighted sums, against the reference: every step, in its window."""

import math

from twisted.trial.unittest import SynchronousTestCase

from .cases import Drive, Pulses, check_drives, curved
from .oracle import Limits
from .paths import Target, random_path, vase_path
from .reference.pulses import pulses
from .sliced import sliced_lines, targets

CENTRE = (0.0, 0.0, 10.0, 0.0)
ASIDE = (60.0, 20.0, 10.0, 0.0)
ANGLES = [math.radians(angle) for angle in (210, 330, 90)]
LIMITS = Limits(max_velocity=300.0, max_accel=3000.0)
MZV = (pulses("mzv", 47.0, 0.1), pulses("mzv", 39.0, 0.1))
EVERY = (pulses("zv", 50.0, 0.1), pulses("ei", 40.0, 0.05), pulses("zvd", 33.0, 0.1))


def deltas(*shapers: Pulses) -> list[Drive]:
    at = [(140 * math.cos(angle), 140 * math.sin(angle)) for angle in ANGLES]
    return [curved("delta", x, y, 300.0, distance=0.0125, shapers=shapers) for x, y in at]


def rotary_deltas(*shapers: Pulses) -> list[Drive]:
    return [
        curved("rotary_delta", 90.0, 210.0, 120.0, 250.0, angle, distance=6e-4, shapers=shapers)
        for angle in ANGLES
    ]


def deltesians(*shapers: Pulses) -> list[Drive]:
    return [curved("deltesian", side * 120.0, 250.0, distance=0.0125, shapers=shapers) for side in (-1, 1)]


def polars(*shapers: Pulses) -> list[Drive]:
    return [
        curved("polar_radius", distance=0.0125, shapers=shapers),
        curved("polar_angle", distance=5e-4, shapers=shapers),
    ]


def winches(*shapers: Pulses) -> list[Drive]:
    anchors = ((0.0, -200.0, -20.0), (190.0, 110.0, -20.0), (-190.0, 110.0, -20.0), (0.0, 0.0, 500.0))
    return [curved("winch", *anchor, distance=0.0125, shapers=shapers) for anchor in anchors]


def scaled(path: list[Target], size: float, x: float, y: float) -> list[Target]:
    """A path within 0..200 brought to x, y, C{size} times as large, low above the bed."""
    return [
        (x + size * (tx - 100), y + size * (ty - 100), 5 + tz / 20, e, speed) for tx, ty, tz, e, speed in path
    ]


class Curved(SynchronousTestCase):
    timeout = 120

    def check(self, makes, *shapers: Pulses) -> None:
        start = ASIDE if makes is polars else CENTRE
        x, y, size = start[0], start[1], 0.38 if makes is polars else 0.6
        for seed in (1, 2):
            check_drives(self, scaled(random_path(seed, 60), size, x, y), makes(*shapers), LIMITS, start)
        for path in (vase_path(1.5), list(targets(sliced_lines(3), (100.0, 100.0, 0.0, 0.0)))):
            moved = [(tx - 100 + x, ty - 100 + y, tz, e, speed) for tx, ty, tz, e, speed in path]
            check_drives(self, moved, makes(*shapers), LIMITS, start)
        # Straight through the middle, out and back, and slower than a step a second.
        far = [
            (x + 30, y, 10, 0, 300),
            (x - 30, y, 10, 0, 300),
            (x, y + 30, 0, 0, 300),
            (x, y + 30.1, 0, 0, 0.02),
        ]
        check_drives(self, far, makes(*shapers), LIMITS, start)


def check_of(makes, *shapers: Pulses):
    def test(self: Curved) -> None:
        self.check(makes, *shapers)

    return test


for make in (deltas, rotary_deltas, deltesians, polars, winches):
    setattr(Curved, f"test_{make.__name__}", check_of(make))
    setattr(Curved, f"test_{make.__name__}_shaped", check_of(make, *MZV))
    setattr(Curved, f"test_{make.__name__}_shaped_on_every_axis", check_of(make, *EVERY))


class Turning(SynchronousTestCase):
    """The polar bed goes round and round, both ways."""

    timeout = 60

    def check(self, *shapers: Pulses) -> None:
        there = [(x - 100, y - 100, z, e, speed) for x, y, z, e, speed in vase_path(2.5)]
        back = [(x, -y, z, e + there[-1][3], speed) for x, y, z, e, speed in there[1:]]
        check_drives(self, there + back, polars(*shapers), LIMITS, (20.0, 0.0, 0.2, 0.0))
        # Close by the centre.
        by = [(20.0, 0.5, 0.2, 0.0, 100.0), (-20.0, 0.5, 0.2, 0.0, 100.0), (-20.0, -0.05, 0.2, 0.0, 100.0)]
        by.append((20.0, -0.05, 0.2, 0.0, 50.0))
        check_drives(self, by, polars(*shapers), LIMITS, (20.0, 0.0, 0.2, 0.0))

    def test_unshaped(self) -> None:
        self.check()

    def test_shaped(self) -> None:
        self.check(*MZV)
