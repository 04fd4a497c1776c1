"""G-code to trapezoids, by the stream that needs no object a line: against a plain interpreter."""

import math
import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.gcode.coordinates import GcodeCoordinates
from klipperd.gcode.lexer import parse_line
from klipperd.gcode.stream import NEED_DATA, GcodeStream
from klipperd.motion.transform import PlannerLink

from .cases import check_motion, extruder, line
from .machine import Machine
from .oracle import Limits, make_move, plan
from .reference.gcode import Arc, Interpreter, Straight
from .reference.motion import Motion, Trapezoid
from .sliced import SAMPLE, sliced_lines
from .test_agreement_nasty import nasty

START = (0.0, 0.0, 0.0, 0.0)
LIMITS = Limits(max_velocity=300.0, max_accel=3000.0, pressure_advance=0.03)
MOTORS = [line(1, 0, 0, 0.0125), line(0, 1, 0, 0.0125), line(0, 0, 1, 0.0025), extruder(0.002, 0.04)]


class Chords:
    """Takes moves and writes them down."""

    def __init__(self) -> None:
        self.position: tuple[float, ...] = START
        self.moves: list[tuple[tuple[float, ...], float]] = []

    def admit(self) -> None:
        pass

    def moved(self) -> None:
        pass

    def move(self, position, speed: float) -> None:
        self.position = tuple(position)
        self.moves.append((self.position, speed))


def by_objects(lines: list[str]) -> list[list[tuple[tuple[float, ...], float]]]:
    """The straight moves of each line that moves, as the coordinates make them of parsed lines."""
    chords = Chords()
    coordinates = GcodeCoordinates(PlannerLink(None, chords))
    found = []
    for text in lines:
        chords.moves = []
        parsed = parse_line(text.encode())
        if parsed.name in ("G0", "G1"):
            coordinates.linear(parsed)
        elif parsed.name in ("G2", "G3"):
            coordinates.circular(parsed, parsed.name == "G2")
        else:
            execute(coordinates, text)
            continue
        found.append(chords.moves)
    return found


def execute(coordinates: GcodeCoordinates, text: str) -> None:
    name = text.partition(" ")[0]
    if name in ("G17", "G18", "G19"):
        coordinates.plane = int(name[1:]) - 17
    elif name in ("G90", "G91"):
        coordinates.absolute = name == "G90"


class Streams(SynchronousTestCase):
    timeout = 120

    def run_stream(self, machine: Machine, data: bytes, block: int) -> None:
        coordinates = GcodeCoordinates(PlannerLink(machine.lookahead))
        stream = GcodeStream(coordinates, machine.lookahead)
        for at in range(0, len(data), block):
            stream.feed(data[at : at + block])
            result = stream.run(machine.print_time, rest_until=0.0, most=10**9)
            self.assertEqual(result, NEED_DATA, stream.line_number)
            machine.print_time = stream.print_time
            machine.generate(machine.print_time - 0.05)
        machine.finish()

    def check(self, lines: list[str], block: int = 4096) -> None:
        self.check_path(
            lines, [(tuple(move.end), move.speed, move.accel) for move in Interpreter().moves(lines)], block
        )

    def check_path(self, lines: list[str], path, block: int = 4096, limits: Limits = LIMITS) -> None:
        """C{path}: position, speed and acceleration of each straight move."""
        machine = Machine(limits, START)
        machine.add_drives(MOTORS)
        self.run_stream(machine, ("\n".join(lines) + "\n").encode(), block)
        moves, here = [], START
        for end, speed, accel in path:
            limits = replace(limits, max_accel=accel or limits.max_accel)
            made = make_move(here, end, speed, limits)
            if made is not None:
                moves.append(made)
                here = made.end
        motion = Motion.along(map(Trapezoid.of, plan(moves, limits, 0.5)))
        check_motion(self, machine, MOTORS, motion)

    def test_sliced(self) -> None:
        self.check(sliced_lines(8, layers=2))

    def test_blocks_of_any_size(self) -> None:
        lines = sliced_lines(9, size=4.0)
        for block in (1, 7, 100):
            self.check(lines, block)

    def test_sample(self) -> None:
        lines = SAMPLE.read_text("utf-8").splitlines()[9:500]
        self.check([text for text in lines if text[:2] in ("G1", "G9", "M8", "G2") or text[:1] == ";"])

    def test_modes(self) -> None:
        """Inches, relative moves, shifted origins, factors and accelerations, comments and checksums."""
        for seed in range(4):
            self.check(list(modal_lines(seed, 150)))

    def test_arcs(self) -> None:
        """The stream goes along the same chords."""
        lines = ["G1 X20 F6000"]
        for i in range(12):
            lines += [
                f"G{2 + i % 2} I-1.5 J{i / 4} E{i / 2}",
                f"G1 X{21 - i} F{1500 + 700 * i}",
            ]
            lines.append(f"G{3 - i % 2} X{19 - i} Y{i + 1} R{1.25 + i / 3:.2f}")
        chords = [(place, speed, None) for moves in by_objects(lines) for place, speed in moves]
        # Corners of any speed: only the chords' error and length count then, as without limits.
        self.check_path(lines, chords, limits=replace(LIMITS, square_corner_velocity=1e4))


def modal_lines(seed: int, count: int):
    draw = random.Random(seed)
    inches = absolute = False
    for number in range(count):
        kind = draw.random()
        if kind < 0.03:
            inches = not inches
            text = "G20" if inches else "G21"
        elif kind < 0.08:
            absolute = not absolute
            text = "G90" if absolute else "G91"
        elif kind < 0.12:
            text = draw.choice(("M82", "M83"))
        elif kind < 0.16:
            text = draw.choice(("G92 E0", "G92 X1.5 Y-2", "G92", "G92 Z0.2 E-3.25"))
        elif kind < 0.2:
            text = draw.choice(("M220 S50", "M220 S130", "M220 S100", "M221 S95", "M221 S110.5", "M221"))
        elif kind < 0.24:
            text = draw.choice(("M204 S1000", "M204 P2000 T1500", "M204 S5000"))
        else:
            text = draw.choice(("G0", "G1", "G1"))
            for letter, size in (("X", 10), ("Y", 10), ("Z", 0.5), ("E", 0.5)):
                if draw.random() < (0.7 if size > 1 else 0.3):
                    value = draw.uniform(-size, size) / (INCHES if inches else 1)
                    text += f" {letter}{value:.{draw.choice((0, 1, 3, 5))}f}"
            if draw.random() < 0.3:
                text += f" F{draw.uniform(200, 9000) / (INCHES if inches else 1):.1f}"
        if draw.random() < 0.1:
            text = f"N{number} {text}"
            sum_ = 0
            for byte in text.encode():
                sum_ ^= byte
            text += f"*{sum_}"
        elif draw.random() < 0.2:
            text += draw.choice((" ; a comment X5", ";", " "))
        yield text


INCHES = 25.4


class Arcs(SynchronousTestCase):
    """Each chord's ends lie on the arc, and the chord near it."""

    timeout = 120

    def check(self, lines: list[str]) -> None:
        exact = list(Interpreter().moves(lines))
        made = by_objects(lines)
        self.assertEqual(len(exact), len(made))
        for arc, chords in zip(exact, made, strict=True):
            if isinstance(arc, Arc):
                self.check_arc(arc, chords)
            else:
                self.assert_near([list(chords[0][0])], [arc.end])

    def assert_near(self, found, wanted, most: float = 1e-9) -> None:
        for one, other in zip(found, wanted, strict=True):
            for a, b in zip(one, other, strict=True):
                self.assertLessEqual(abs(a - b), most, (one, other))

    def check_arc(self, arc: Arc, chords) -> None:
        coordinates = GcodeCoordinates(PlannerLink(None, Chords()))
        count, (first, second) = len(chords), arc.axes
        start = arc.start[first] - arc.centre[0], arc.start[second] - arc.centre[1]
        end = arc.end[first] - arc.centre[0], arc.end[second] - arc.centre[1]
        begin, radius, last = math.atan2(start[1], start[0]), math.hypot(*start), math.hypot(*end)
        # Rounding of the words puts start and end on different radii.
        expected = []
        for i in range(1, count + 1):
            share = i / count
            place = [a + (b - a) * share for a, b in zip(arc.start, arc.end, strict=True)]
            here = radius + (last - radius) * share
            place[first] = arc.centre[0] + here * math.cos(begin + arc.sweep * share)
            place[second] = arc.centre[1] + here * math.sin(begin + arc.sweep * share)
            expected.append(place)
        self.assertEqual(tuple(chords[-1][0]), tuple(arc.end))
        self.assert_near([place for place, _ in chords], expected, 1e-9 * max(1.0, radius))
        turn = abs(arc.sweep) / count
        self.assertLessEqual(max(radius, last) * (1 - math.cos(turn / 2)), coordinates.arc_error * (1 + 1e-6))
        self.assertLessEqual(2 * radius * math.sin(turn / 2), coordinates.arc_resolution * (1 + 1e-6))

    def test_quarters(self) -> None:
        for plane, axes, offset in (("G17", "XY", "IJ"), ("G18", "ZX", "KI"), ("G19", "YZ", "JK")):
            for command in ("G2", "G3"):
                sign = 1 if command == "G3" else -1
                self.check(
                    [
                        plane,
                        f"G1 {axes[0]}10 {axes[1]}0 F3000",
                        f"{command} {axes[0]}0 {axes[1]}{10 * sign} {offset[0]}-10 E1",
                        f"{command} {axes[0]}10 {axes[1]}0 {offset[1]}{-10 * sign}",
                        f"{command} {offset[0]}-3",
                    ]
                )

    def test_radii(self) -> None:
        self.check(
            ["G1 X5 Y5", "G2 X15 Y5 R5", "G3 X5 Y5 R-7 E3", "G2 X5.5 Y5.25 R100 F500", "G3 X0 Y0 R-40"]
        )

    def test_helix(self) -> None:
        self.check(
            ["G1 X5 Y0", "G2 X-5 Y0 Z3 I-5 E2", "G18", "G3 X0 Z8 Y2 R20", "G91", "G17", "G2 X1 Y1 I1 Z.5"]
        )

    @settings(nasty, max_examples=60)
    @given(
        st.sampled_from(["G2", "G3"]),
        st.floats(0.05, 300).map(lambda r: round(r, 3)),
        st.floats(-math.pi, math.pi),
        st.floats(0.01, math.tau - 0.01),
        st.integers(3, 5),
    )
    def test_any(self, command, radius, begin, sweep, digits) -> None:
        """As slicers write them: rounded ends, so that the radii differ a little."""
        if command == "G2":
            sweep = -sweep
        x, y = round(50 + radius * math.cos(begin), digits), round(50 + radius * math.sin(begin), digits)
        i, j = round(50 - x, digits), round(50 - y, digits)
        u = round(50 + radius * math.cos(begin + sweep), digits)
        v = round(50 + radius * math.sin(begin + sweep), digits)
        if math.dist((x, y), (u, v)) > 0.01:
            self.check([f"G1 X{x} Y{y}", f"{command} X{u} Y{v} I{i} J{j} E1.5"])


class Kept(SynchronousTestCase):
    """A straight line of a Straight is what it says."""

    def test_reference_words(self) -> None:
        moves = list(
            Interpreter().moves(["G20", "G1 X1 F60 ; to the right", "M83", "N3 G1 E.5*7", "G91", "G0Y-2"])
        )
        self.assertEqual(
            [move.end for move in moves], [[25.4, 0, 0, 0], [25.4, 0, 0, 12.7], [25.4, -50.8, 0, 12.7]]
        )
        self.assertIsInstance(moves[0], Straight)
        self.assertAlmostEqual(moves[0].speed, 25.4)
