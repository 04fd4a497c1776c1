"""G2 and G3 against circles, and moves through transforms against their formulas."""

import math

import numpy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.gcode.lexer import parse_line
from klipperd.motion.corrections import SkewTransform, ThermalTransform, TiltTransform
from klipperd.motion.exclusion import Exclusion
from klipperd.motion.lookahead import Lookahead
from klipperd.motion.mesh import MeshTransform
from klipperd.motion.surface import finer, usable_algorithm
from klipperd.motion.transform import PlannerLink
from klipperd.motion.trapq import RECORD, MotionQueue

from .gcode_machine import GcodeMachine

RECORD_TYPE = numpy.dtype(RECORD)
PLANES = {"G17": (0, 1, 2, "IJ"), "G18": (2, 0, 1, "KI"), "G19": (1, 2, 0, "JK")}
near = st.floats(-40, 40).map(lambda v: round(v, 3))
angles = st.floats(0.02, 2 * math.pi - 0.02)


def drawn(machine: GcodeMachine) -> numpy.ndarray:
    machine.end()
    return numpy.frombuffer(machine.path.records(0, 1 << 30)[0], RECORD_TYPE)


class Arcs(SynchronousTestCase):
    """Every point of the path is on the circle, as far as chords go."""

    def draw(self, *lines: str) -> tuple[GcodeMachine, numpy.ndarray]:
        machine = GcodeMachine()
        machine.run_fast(self, "\n".join(lines).encode())
        self.assertEqual(machine.errors, [])
        return machine, drawn(machine)

    def check_circle(self, path, plane: str, centre, radius: float, sweep: float) -> None:
        """C{path} turns by C{sweep} (signed, rad) round C{centre} (of the plane's two axes)."""
        a, b, _, _ = PLANES[plane]
        points = numpy.vstack([path["start"][:1], path["end"]])
        offset = points[:, [a, b]] - centre
        self.assertTrue(numpy.allclose(numpy.hypot(*offset.T), radius, atol=2e-9))
        turns = numpy.diff(numpy.unwrap(numpy.arctan2(offset[:, 1], offset[:, 0])))
        self.assertAlmostEqual(turns.sum(), sweep, places=7)
        self.assertTrue((turns * sweep > 0).all())
        middle = 0.5 * (points[1:] + points[:-1])[:, [a, b]] - centre
        self.assertLessEqual(radius - numpy.hypot(*middle.T).min(), 0.005 + 1e-9)
        self.assertLessEqual(numpy.hypot(*numpy.diff(offset, axis=0).T).max(), 1.0 + 1e-9)

    @given(
        st.sampled_from(sorted(PLANES)),
        st.booleans(),
        near,
        near,
        st.floats(0.05, 40),
        st.floats(-3, 3),
        angles,
    )
    @settings(max_examples=80, deadline=None)
    def test_offsets(self, plane, clockwise, x, y, radius, start, sweep) -> None:
        a, b, c, letters = PLANES[plane]
        centre = numpy.array([x, y])
        first = centre + radius * numpy.array([math.cos(start), math.sin(start)])
        turned = start - sweep if clockwise else start + sweep
        last = centre + radius * numpy.array([math.cos(turned), math.sin(turned)])
        names = "XYZ"
        way = f"G{2 if clockwise else 3} {names[a]}{last[0]:.12f} {names[b]}{last[1]:.12f} {names[c]}7.5 E1"
        offsets = " ".join(f"{n}{v:.12f}" for n, v in zip(letters, centre - first, strict=True))
        machine, path = self.draw(
            f"G1 {names[a]}{first[0]:.12f} {names[b]}{first[1]:.12f} {names[c]}1 F6000",
            plane,
            f"{way} {offsets}",
        )
        path = path[path["source"] > 0]
        self.check_circle(path, plane, centre, radius, -sweep if clockwise else sweep)
        # Helix and filament go on evenly.
        done = numpy.arange(1, len(path) + 1) / len(path)
        self.assertTrue(numpy.allclose(path["end"][:, c], 1.0 + 6.5 * done))
        data = numpy.frombuffer(machine.extrusion.records(0)[0], RECORD_TYPE)
        self.assertTrue(numpy.allclose(data["end"][:, 0], done))

    @given(st.booleans(), st.booleans(), near, near, st.floats(1.0, 30.0))
    @settings(max_examples=60, deadline=None)
    def test_radius(self, clockwise, long, x, y, factor) -> None:
        distance = math.hypot(x, y)
        assume(distance > 0.5 and distance * factor < 400)
        radius = round(0.5 * distance * factor, 6) + 1e-6
        assume(radius < 60)
        _, path = self.draw(
            "G1 F3000", f"G{2 if clockwise else 3} X{x} Y{y} R{'-' if long else ''}{radius:.6f}"
        )
        half = math.asin(min(0.5 * distance / radius, 1.0))
        sweep = 2 * math.pi - 2 * half if long else 2 * half
        height = math.sqrt(max(radius**2 - 0.25 * distance**2, 0.0))
        side = -1.0 if clockwise != long else 1.0
        centre = numpy.array([0.5 * x - side * height * y / distance, 0.5 * y + side * height * x / distance])
        self.check_circle(path, "G17", centre, radius, -sweep if clockwise else sweep)

    def test_full_circle(self) -> None:
        _, path = self.draw("G1 X10 F6000", "G2 I-10 J0")
        path = path[path["source"] > 0]
        self.check_circle(path, "G17", (0.0, 0.0), 10.0, -2 * math.pi)
        self.assertTrue(numpy.array_equal(path["end"][-1], [10.0, 0.0, 0.0]))

    def test_relative_and_inches(self) -> None:
        machine, path = self.draw("G20", "G91", "G3 X1 Y1 J1 F60")
        self.check_circle(path, "G17", (0.0, 25.4), 25.4, math.pi / 2)
        self.assertEqual([round(v, 9) for v in machine.lookahead.position[:2]], [25.4, 25.4])

    def test_rounded_words_end_where_they_say(self) -> None:
        """A spiral that nobody sees takes up what rounding does to the two radii."""
        _, path = self.draw("G1 X10 F6000", "G3 X0.01 Y10.02 I-10 J0")
        self.assertTrue(numpy.allclose(path["end"][-1], [0.01, 10.02, 0.0]))
        self.assertLess(numpy.abs(numpy.hypot(*path["end"][1:, :2].T) - 10.0).max(), 0.0201)

    def test_no_slower_than_the_circle_itself(self) -> None:
        """Corners between chords don't slow it: it keeps the asked speed, or that of the circle's radius."""
        for radius, feedrate in ((20.0, 100.0), (5.0, 300.0), (0.5, 300.0), (40.0, 300.0)):
            _, path = self.draw("M204 S3000", f"G3 I{radius} J0 F{feedrate * 60}", f"G3 I{radius} J0")
            wanted = min(feedrate, math.sqrt(3000.0 * radius))
            # Of two rounds the middle, where nothing is left of speeding up and of the stop.
            quarter = len(path) // 4
            slowest = path["start_v"][len(path) // 2 - quarter // 2 : len(path) // 2 + quarter // 2].min()
            reached = min(wanted, math.sqrt(3000.0 * 2 * math.pi * radius))
            self.assertGreater(slowest, 0.98 * reached, (radius, feedrate))

    def test_resolution(self) -> None:
        machine = GcodeMachine()
        machine.moves.coordinates.arc_resolution = 0.1
        machine.moves.coordinates.linear(parse_line(b"G1 F600"))
        machine.moves.coordinates.circular(parse_line(b"G2 X20 I10"), True)
        path = drawn(machine)
        self.assertLessEqual(path["distance"].max(), 0.1)
        self.assertGreater(path["distance"].max(), 0.099)

    def test_absurd_resolution(self) -> None:
        machine = GcodeMachine()
        machine.moves.coordinates.arc_resolution = 1e-6
        with self.assertRaisesRegex(CommandError, "pieces, at most 20000"):
            machine.moves.coordinates.circular(parse_line(b"G2 X20 I10"), True)


HEIGHTS = [[0.1, 0.3, -0.2, 0.0], [0.25, -0.1, 0.15, 0.05], [-0.3, 0.2, 0.35, 0.1]]
LOW, HIGH = (10.0, 20.0), (100.0, 120.0)


def height_at(x: float, y: float) -> float:
    """Bilinear, level outside; written for clarity."""
    xs, ys = numpy.linspace(LOW[0], HIGH[0], 4), numpy.linspace(LOW[1], HIGH[1], 3)
    along = [numpy.interp(x, xs, row) for row in HEIGHTS]
    return float(numpy.interp(y, ys, along))


def corrected(x: float, y: float, z: float, fade: tuple[float, float, float] | None) -> float:
    if fade is None:
        return z + height_at(x, y)
    start, end, target = fade
    share = min(max((end - z) / (end - start), 0.0), 1.0)
    return z + target + share * (height_at(x, y) - target)


places = st.tuples(st.floats(-20, 150), st.floats(-20, 150), st.floats(0, 15))
fades = st.sampled_from([None, (1.0, 10.0, 0.0), (0.5, 6.0, 0.1)])


class Transforms(SynchronousTestCase):
    """Formulas, there and back."""

    def setUp(self) -> None:
        self.queue = MotionQueue()
        self.lookahead = Lookahead(self.queue, 300.0, 3000.0)
        for axis in range(3):
            self.lookahead.set_unbounded(axis)
        self.lookahead.set_extruder(MotionQueue(), max_ratio=1e9)
        self.end = PlannerLink(self.lookahead)

    def path(self) -> numpy.ndarray:
        self.lookahead.flush(self.queue.end_time)
        return numpy.frombuffer(self.queue.records(0)[0], RECORD_TYPE)

    def check_round_trip(self, head, place) -> None:
        self.assertTrue(numpy.allclose(head.position, [*place, 0.0], atol=1e-9), (head.position, place))

    @given(places)
    @settings(max_examples=30, deadline=None)
    def test_tilt(self, place) -> None:
        self.setUp()
        head = TiltTransform(self.end, 0.01, -0.02, 0.3)
        head.move([*place, 0.0], 50.0)
        x, y, z = place
        self.assertAlmostEqual(self.lookahead.position[2], z + 0.01 * x - 0.02 * y + 0.3)
        self.check_round_trip(head, place)

    @given(places)
    @settings(max_examples=30, deadline=None)
    def test_skew(self, place) -> None:
        """A machine whose axes lean puts the corrected place where the G-code wants it."""
        self.setUp()
        head = SkewTransform(self.end)
        head.xy, head.xz, head.yz = 0.02, -0.01, 0.03
        head.move([*place, 0.0], 50.0)
        x, y, z, _ = self.lookahead.position
        self.assertTrue(numpy.allclose([x + y * 0.02 - z * 0.01, y + z * 0.03, z], place))
        self.check_round_trip(head, place)

    def test_thermal(self) -> None:
        head = ThermalTransform(self.end, 10.0)
        head.wanted = -0.05
        head.move([0.0, 0.0, 5.0, 0.0], 50.0)
        self.assertAlmostEqual(self.lookahead.position[2], 4.95)
        head.wanted = -0.2
        head.move([0.0, 0.0, 12.0, 0.0], 50.0)
        self.assertAlmostEqual(self.lookahead.position[2], 11.95)
        self.assertAlmostEqual(head.position[2], 12.0)
        head.move([0.0, 0.0, 9.0, 0.0], 50.0)
        self.assertAlmostEqual(self.lookahead.position[2], 8.8)

    def test_exclusion(self) -> None:
        head = Exclusion(self.end)
        head.move([1.0, 0.0, 0.0, 1.0], 50.0)
        head.begin()
        head.move([50.0, 0.0, 0.0, 4.0], 50.0)
        self.assertEqual(head.position, [50.0, 0.0, 0.0, 4.0])
        head.end()
        head.move([2.0, 0.0, 0.0, 5.0], 50.0)
        self.assertEqual(self.lookahead.position, (2.0, 0.0, 0.0, 2.0))
        self.assertEqual(head.position, [2.0, 0.0, 0.0, 5.0])

    def mesh(self, fade) -> MeshTransform:
        head = MeshTransform(self.end, 5.0, 0.02)
        head.set_surface(HEIGHTS, LOW, HIGH)
        if fade is not None:
            head.set_fade(*fade)
        head.position  # noqa: B018 - where it is, with this surface
        return head

    @given(places, places, fades)
    @settings(max_examples=150, deadline=None)
    def test_mesh(self, start, goal, fade) -> None:
        assume(start == goal or math.dist(start, goal) > 1e-3)  # 5 mm of filament are too much for less
        self.setUp()
        head = self.mesh(fade)
        head.move([*start, 0.0], 50.0)
        self.check_round_trip(head, start)
        before = self.queue.next + len(self.lookahead)
        head.move([*goal, 5.0], 50.0)
        self.assertTrue(numpy.allclose(self.lookahead.position[2], corrected(*goal, fade), atol=1e-9))
        self.assertTrue(numpy.allclose(head.position, [*goal, 5.0], atol=1e-9))
        if start == goal:
            return
        path = self.path()[before:]
        # Along the way the nozzle is as high above the bed as splitting promises.
        wrong = 0.0
        for piece in path:
            for share in (0.0, 0.25, 0.5, 0.75, 1.0):
                x, y, z = piece["start"] + share * (piece["end"] - piece["start"])
                done = math.dist((x, y), start[:2]) / max(math.dist(goal[:2], start[:2]), 1e-9)
                nominal = start[2] + min(done, 1.0) * (goal[2] - start[2])
                if math.dist(goal[:2], start[:2]) > 1.0:
                    wrong = max(wrong, abs(z - corrected(x, y, nominal, fade)))
        steepest = 5.0 * 0.02  # mm that the surface may rise between two looks
        self.assertLess(wrong, 0.02 + steepest)
        if math.dist(start, goal) <= 5.0:
            self.assertEqual(len(path), 1)

    def test_mesh_offset(self) -> None:
        head = self.mesh((1.0, 10.0, 0.0))
        head.set_offset(10.0, -5.0, 2.0)
        head.move([40.0, 60.0, 3.0, 0.0], 50.0)
        share = (10.0 - 5.0) / 9.0
        self.assertAlmostEqual(self.lookahead.position[2], 3.0 + share * height_at(50.0, 55.0))
        self.assertAlmostEqual(head.position[2], 3.0)

    def test_no_mesh(self) -> None:
        head = self.mesh(None)
        head.set_surface(None, (0.0, 0.0), (0.0, 0.0))
        head.move([50.0, 50.0, 1.0, 0.0], 50.0)
        self.assertEqual(self.lookahead.position[2], 1.0)


class Surfaces(SynchronousTestCase):
    """The finer grid of a mesh."""

    def test_sizes_and_probed_points(self) -> None:
        points = [[0.0, 0.1, 0.4, 0.2, 0.3], [0.1, 0.0, 0.2, 0.3, 0.1], [0.2, 0.2, 0.1, 0.0, -0.1]]
        for algorithm in ("lagrange", "bicubic"):
            made = finer(points, (2, 3), algorithm)
            self.assertEqual((len(made), len(made[0])), (9, 13))
            self.assertEqual([row[::3] for row in made[::4]], points)

    def test_lagrange_is_exact_for_polynomials(self) -> None:
        points = [[float(x**3 - 2 * x * y * y + y**3) for x in range(4)] for y in range(5)]
        made = finer(points, (1, 1), "lagrange")
        for j, row in enumerate(made):
            for i, z in enumerate(row):
                x, y = i / 2, j / 2
                self.assertAlmostEqual(z, x**3 - 2 * x * y * y + y**3)

    def test_bicubic_with_half_tension_is_exact_for_planes(self) -> None:
        points = [[0.5 * x - 0.25 * y for x in range(6)] for y in range(6)]
        made = finer(points, (3, 3), "bicubic", 0.5)
        for j in range(4, 17):
            for i in range(4, 17):
                self.assertAlmostEqual(made[j][i], 0.5 * i / 4 - 0.25 * j / 4)

    def test_choice(self) -> None:
        self.assertEqual(usable_algorithm("bicubic", (3, 5), (2, 2)), "lagrange")
        self.assertEqual(usable_algorithm("bicubic", (9, 5), (2, 2)), "bicubic")
        self.assertEqual(usable_algorithm("lagrange", (9, 5), (0, 0)), "direct")
        for wanted, counts in (("lagrange", (7, 3)), ("bicubic", (3, 7))):
            self.assertRaises(ValueError, usable_algorithm, wanted, counts, (2, 2))
