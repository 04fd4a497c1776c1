"""Input shaping of linear kinematics against the reference: every step, in its window."""

from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion import shapers

from .cases import Drive, Pulses, check_drives, curved, extruder
from .machine import START
from .oracle import Limits
from .paths import random_path, vase_path, zigzag_path
from .reference.pulses import FORMULAS, pulses, residual
from .sliced import sliced_lines, snippets, targets

LIMITS = Limits(max_velocity=300.0, max_accel=5000.0)
HUMPS = ("2hump_ei", "3hump_ei")
MOST_LEFT = 0.06
"""5 % is what they are made for; fits are not exact."""


def motors(*axes: Pulses) -> list[Drive]:
    """Cartesian, corexy and corexz."""
    weights = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, -1, 0), (1, 0, -1))
    return [
        curved("linear", *w, distance=0.0125 if w[:2] != (0, 0) else 0.004, shapers=axes) for w in weights
    ]


class Shapers(SynchronousTestCase):
    """What klipperd makes of a name, a frequency and a damping ratio."""

    timeout = 30

    def test_formulas(self) -> None:
        for name in FORMULAS:
            for frequency, damping in ((50.0, 0.1), (31.7, 0.0), (120.0, 0.3)):
                made, wanted = shapers.pulses(name, frequency, damping), pulses(name, frequency, damping)
                self.assertEqual(len(made), len(wanted))
                for (time, amplitude), (other_time, other) in zip(made, wanted, strict=True):
                    self.assertAlmostEqual(time, other_time, places=12)
                    self.assertAlmostEqual(amplitude / sum(a for _, a in made), other, places=12)

    def test_humps(self) -> None:
        """Little vibration is left over a band of frequencies, which is wider the more humps there are."""
        bands = []
        for name in ("ei", *HUMPS):
            for damping in (0.0, 0.05, 0.1, 0.2):
                made = shapers.pulses(name, 50.0, damping)
                self.assertTrue(all(amplitude > 0 for _, amplitude in made))
                self.assertAlmostEqual(sum(amplitude for _, amplitude in made), 1.0)
                inside = [f for f in range(20, 90) if residual(made, f, damping) <= MOST_LEFT]
                self.assertIn(50, inside)
                self.assertEqual(inside, list(range(inside[0], inside[-1] + 1)), (name, damping))
                bands.append((damping, len(inside)))
        for damping in (0.0, 0.1):
            wide = [width for at, width in bands if at == damping]
            self.assertEqual(wide, sorted(set(wide)))


class Shaped(SynchronousTestCase):
    timeout = 120

    def check(self, path, *axes: Pulses, start=START) -> None:
        check_drives(self, path, motors(*axes), LIMITS, start)

    def test_every_shaper(self) -> None:
        path = list(targets(sliced_lines(1, size=4.0), START))
        for name in (*FORMULAS, *HUMPS):
            with self.subTest(name):
                self.check(path, *(shapers.pulses(name, frequency, 0.1) for frequency in (50.0, 37.0, 90.0)))

    def test_one_axis(self) -> None:
        for axis in range(3):
            shaped: list[Pulses] = [(), (), ()]
            shaped[axis] = pulses("mzv", 40.0, 0.1)
            self.check(random_path(20 + axis, 50), *shaped)

    def test_user_pulses(self) -> None:
        """Any amplitudes and times, unevenly spaced; one pulse alone changes nothing."""
        self.check(random_path(31, 50), [(0.0, 0.2), (0.001, 0.5), (0.0123, 0.1), (0.07, 0.2)])
        self.check(random_path(32, 50), [(0.5, 1.0)], [(0.0, 0.3), (0.2, 0.7)])

    def test_random(self) -> None:
        for seed in range(3):
            self.check(random_path(seed, 100), pulses("mzv", 50.0, 0.1), pulses("ei", 35.0, 0.1))

    def test_vase(self) -> None:
        self.check(vase_path(2.0), pulses("mzv", 50.0, 0.1), pulses("mzv", 50.0, 0.1))

    def test_zigzag(self) -> None:
        self.check(zigzag_path(60), pulses("mzv", 50.0, 0.1), pulses("zvd", 20.0, 0.1))

    def test_files(self) -> None:
        for name, path in snippets(1, 250):
            with self.subTest(name):
                axes = pulses("mzv", 52.0, 0.1), pulses("ei", 45.0, 0.1)
                self.check(path, *axes, start=path[0][:4])


class ShapedExtruders(SynchronousTestCase):
    """What is extruded along x and y is shaped as these are, then smoothed."""

    timeout = 120
    shapers = (pulses("mzv", 50.0, 0.1), pulses("ei", 37.0, 0.1))

    def check(self, path, start=START) -> None:
        limits = Limits(max_velocity=300.0, max_accel=5000.0, pressure_advance=0.04)
        drives = [
            extruder(0.002, 0.0, 1.0, self.shapers),
            extruder(0.002, 0.04, 1.0, self.shapers),
            extruder(0.002, 0.03, 0.5, self.shapers),
            extruder(0.002, 0.04),
            extruder(0.002),
        ]
        check_drives(self, path, drives, limits, start)

    def test_random(self) -> None:
        for seed in (41, 42):
            self.check(random_path(seed, 60))

    def test_sliced(self) -> None:
        self.check(list(targets(sliced_lines(7), START)))

    def test_vase(self) -> None:
        self.check(vase_path(1.0))

    def test_zigzag(self) -> None:
        self.check(zigzag_path(40))
