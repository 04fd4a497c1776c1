"""Tilt, skew, thermal growth and bed mesh against what they mean, alone and chained."""

import math
import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.corrections import SkewTransform, ThermalTransform, TiltTransform
from klipperd.motion.exclusion import Exclusion
from klipperd.motion.mesh import MeshTransform
from klipperd.motion.skew import Measured
from klipperd.motion.surface import finer
from klipperd.motion.transform import PlannerLink, Transform

from .test_agreement_nasty import nasty

GRID_MIN, GRID_MAX = (10.0, 20.0), (190.0, 170.0)


class Moves:
    """The end of a chain."""

    def __init__(self) -> None:
        self.position: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
        self.seen: list[tuple[float, ...]] = []

    def admit(self) -> None:
        pass

    def moved(self) -> None:
        pass

    def move(self, position, speed: float) -> None:
        self.position = tuple(position)
        self.seen.append(self.position)


def places(seed: int, count: int) -> list[list[float]]:
    draw = random.Random(seed)
    return [
        [draw.uniform(-5, 205), draw.uniform(-5, 205), draw.uniform(0, 12), draw.uniform(0, 9)]
        for _ in range(count)
    ]


def bumps(columns: int, rows: int, seed: int = 1) -> list[list[float]]:
    draw = random.Random(seed)
    return [[draw.uniform(-0.3, 0.3) for _ in range(columns)] for _ in range(rows)]


class Surface:
    """z on a grid: bilinear, level outside."""

    def __init__(self, heights: list[list[float]]) -> None:
        self.heights = np.array(heights)
        rows, columns = self.heights.shape
        self.x = np.linspace(GRID_MIN[0], GRID_MAX[0], columns)
        self.y = np.linspace(GRID_MIN[1], GRID_MAX[1], rows)

    def __call__(self, x: float, y: float) -> float:
        along_x = np.array([np.interp(x, self.x, row) for row in self.heights])
        return float(np.interp(y, self.y, along_x))


class Links(SynchronousTestCase):
    timeout = 60

    def assert_near(self, found, wanted, most: float = 1e-9) -> None:
        self.assertEqual(len(found), len(wanted))
        for one, other in zip(found, wanted, strict=True):
            self.assertLessEqual(max(abs(a - b) for a, b in zip(one, other, strict=True)), most, (one, other))

    def check(self, link: Transform, end: Moves, formula) -> None:
        """Moves come out as the formula says, and the machine's place is read back as where it was sent."""
        for place in places(1, 50):
            end.seen = []
            link.move(place, 50.0)
            self.assert_near(end.seen[-1:], [formula(*place)])
            self.assert_near([link.position], [place], 1e-6)


class Formulas(Links):
    def test_tilt(self) -> None:
        end = Moves()
        link = TiltTransform(PlannerLink(None, end), 0.002, -0.003, 0.05)
        self.check(link, end, lambda x, y, z, e: (x, y, z + 0.002 * x - 0.003 * y + 0.05, e))

    def test_skew(self) -> None:
        """A machine whose axes lean ends up where it should."""
        end = Moves()
        link = SkewTransform(PlannerLink(None, end))
        link.xy, link.xz, link.yz = 0.02, -0.013, 0.007
        for place in places(2, 50):
            link.move(place, 50.0)
            x, y, z, e = end.position
            real = (x + 0.02 * y - 0.013 * z, y + 0.007 * z, z, e)
            self.assert_near([real], [place])
            self.assert_near([link.position], [place])

    @settings(nasty, max_examples=50)
    @given(st.floats(20, 200), st.floats(20, 200), st.floats(-0.3, 0.3))
    def test_measured_skew(self, ad, ab, skew) -> None:
        """Diagonals of a parallelogram tell how far it leans."""
        b = ab * math.sin(skew), ab * math.cos(skew)
        measured = Measured(math.hypot(ad + b[0], b[1]), math.hypot(ad - b[0], b[1]), ad)
        self.assertLessEqual(abs(measured.factor - math.tan(skew)), 1e-9)

    def test_thermal(self) -> None:
        end = Moves()
        link = ThermalTransform(PlannerLink(None, end), 5.0)
        link.wanted = 0.03
        link.move([1.0, 2.0, 6.0, 0.0], 50.0)
        self.assertEqual(end.position, (1.0, 2.0, 6.0, 0.0), "not above the limit")
        link.move([1.0, 2.0, 4.0, 0.0], 50.0)
        self.assert_near([end.position], [(1.0, 2.0, 4.03, 0.0)])
        self.assert_near([link.position], [(1.0, 2.0, 4.0, 0.0)])

    def test_exclusion(self) -> None:
        """What isn't printed is not made up for later."""
        end = Moves()
        link = Exclusion(PlannerLink(None, end))
        link.move([1.0, 0.0, 0.0, 1.0], 50.0)
        link.begin()
        link.move([2.0, 0.0, 0.0, 3.0], 50.0)
        link.end()
        link.move([3.0, 0.0, 0.0, 4.0], 50.0)
        self.assert_near(end.seen, [(1.0, 0.0, 0.0, 1.0), (3.0, 0.0, 0.0, 2.0)])


class Mesh(Links):
    def make(self, split_delta: float = 1e9, seed: int = 1) -> tuple[MeshTransform, Moves, Surface]:
        heights, end = bumps(7, 5, seed), Moves()
        link = MeshTransform(PlannerLink(None, end), 5.0, split_delta)
        link.set_surface(heights, GRID_MIN, GRID_MAX)
        return link, end, Surface(heights)

    def test_heights(self) -> None:
        link, end, surface = self.make()
        for x, y, _, _ in places(3, 200):
            self.assertAlmostEqual(link.height(x, y), surface(x, y), places=12)
        self.check(link, end, lambda x, y, z, e: (x, y, z + surface(x, y), e))

    def test_fade(self) -> None:
        link, end, surface = self.make()
        link.set_fade(1.0, 10.0, 0.05)

        def formula(x: float, y: float, z: float, e: float) -> tuple[float, ...]:
            share = min(max((10.0 - z) / 9.0, 0.0), 1.0)
            return (x, y, z + share * (surface(x, y) - 0.05) + 0.05, e)

        self.check(link, end, formula)

    def test_splits(self) -> None:
        """Looked at each 5 mm, and split where the correction has changed by 0.025 mm."""
        link, end, surface = self.make(split_delta=0.025)
        link.set_fade(2.0, 9.0, 0.0)

        def correction(place) -> float:
            return min(max((9.0 - place[2]) / 7.0, 0.0), 1.0) * surface(place[0], place[1])

        here = [100.0, 100.0, 3.0, 0.0]
        link.move(here, 50.0)
        for there in places(4, 60):
            end.seen = []
            link.move(there, 50.0)
            length, last, wanted = math.dist(here[:3], there[:3]), correction(here), []
            for i in range(1, math.ceil(length / 5.0)):
                place = [a + (b - a) * i * 5.0 / length for a, b in zip(here, there, strict=True)]
                if abs(correction(place) - last) >= 0.025:
                    last = correction(place)
                    wanted.append((*place[:2], place[2] + last, place[3]))
            wanted.append((*there[:2], there[2] + correction(there), there[3]))
            self.assert_near(end.seen, wanted)
            here = there

    def test_finer(self) -> None:
        """Interpolated meshes against NumPy's polynomials and Hermite's basis."""
        points = bumps(5, 4, 9)
        for algorithm, along in (("lagrange", lagrange), ("bicubic", hermite)):
            rows = [along(np.array(row), 2) for row in points]
            wanted = np.array([along(column, 3) for column in np.array(rows).T]).T
            found = np.array(finer(points, (2, 3), algorithm, 0.2))  # type: ignore[arg-type]
            self.assertEqual(found.shape, (13, 13))
            self.assertLess(abs(found - wanted).max(), 1e-9)
            self.assertLess(abs(found[::4, ::3] - np.array(points)).max(), 1e-12)


def lagrange(heights: np.ndarray, more: int) -> np.ndarray:
    stations = np.arange(len(heights))
    fitted = np.polynomial.Polynomial.fit(stations, heights, len(heights) - 1)
    return fitted(np.linspace(0, stations[-1], (len(heights) - 1) * (more + 1) + 1))


def hermite(heights: np.ndarray, more: int, tension: float = 0.2) -> np.ndarray:
    padded = np.concatenate([heights[:1], heights, heights[-1:]])
    slopes = tension * (padded[2:] - padded[:-2])
    found = []
    for k in range(len(heights) - 1):
        for t in np.arange(more + 1) / (more + 1):
            basis = (2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, 3 * t**2 - 2 * t**3, t**3 - t**2)
            found.append(np.dot(basis, (heights[k], slopes[k], heights[k + 1], slopes[k + 1])))
    return np.array([*found, heights[-1]])


class Chains(Links):
    def test_all_of_them(self) -> None:
        end = Moves()
        tilt = TiltTransform(PlannerLink(None, end), 0.001, 0.002, -0.1)
        skew = SkewTransform(tilt)
        skew.xy, skew.yz = 0.01, -0.004
        mesh = MeshTransform(skew, 5.0, 1e9)
        heights = bumps(4, 4, 5)
        mesh.set_surface(heights, GRID_MIN, GRID_MAX)
        surface = Surface(heights)

        def formula(x: float, y: float, z: float, e: float) -> tuple[float, ...]:
            z += surface(x, y)
            y += 0.004 * z
            x -= 0.01 * y
            return (x, y, z + 0.001 * x + 0.002 * y - 0.1, e)

        self.check(mesh, end, formula)
