"""A line means the same whether it passes the stream or runs as a command."""

import numpy
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.gcode.lexer import parse_line
from klipperd.gcode.stream import FULL, LEAVES, SLICE, GcodeStream
from klipperd.motion.corrections import SkewTransform, TiltTransform
from klipperd.motion.exclusion import Exclusion
from klipperd.motion.mesh import MeshTransform
from klipperd.motion.trapq import RECORD, MotionQueue

from .gcode_machine import GcodeMachine

HEIGHTS = [[0.0, 0.1, -0.2], [0.3, 0.0, 0.1], [-0.1, 0.2, 0.4]]
RECORD_TYPE = numpy.dtype(RECORD)
LIMIT_AXIS = 3
TIMES = ("accel_t", "cruise_t", "decel_t")


def mesh(after):
    made = MeshTransform(after, 5.0, 0.02)
    made.set_surface(HEIGHTS, (-100.0, -100.0), (100.0, 100.0))
    made.set_fade(1.0, 10.0, 0.05)
    return made


def skew(after):
    made = SkewTransform(after)
    made.xy, made.xz, made.yz = 0.01, -0.02, 0.005
    return made


class InPython:
    """A transform that isn't compiled; refuses a place of its own."""

    def __init__(self, after) -> None:
        self.next = after

    @property
    def position(self):
        x, y, z, e, *_ = self.next.position
        return [x, y + 2.0, z, e]

    def move(self, position, speed) -> None:
        self.next.move([position[0], position[1] - 2.0, *position[2:4]], speed)


CHAINS = ((), (mesh,), (Exclusion, skew), (mesh, skew, Exclusion), (TiltTransform, InPython, skew))

small = st.floats(-60, 60).map(lambda v: f"{v:.3f}")
nasty = st.sampled_from(
    ["0", "-0", "1e5", "nan", "inf", "", "99999999", "-350", "301", "9" * 70, "1.2.3", "0.0000001"]
)
value = st.one_of(small, small, small, nasty)
feed = st.one_of(st.integers(60, 18000).map(str), st.sampled_from(["0", "-5", "1e9", "99999999999"]))


def words(letters: str, most: int = 4):
    one = st.one_of(
        st.tuples(st.sampled_from(list(letters)), value).map("".join), feed.map(lambda text: "F" + text)
    )
    return st.lists(one, max_size=most)


def line_of(names: list[str], letters: str):
    return st.builds(
        lambda name, parts, gap: name + gap + gap.join(parts),
        st.sampled_from(names),
        words(letters),
        st.sampled_from([" ", " ", " ", ""]),
    )


def numbered(line: str, number: int, wrong: bool) -> str:
    text = f"N{number} {line}"
    checksum = 0
    for byte in text.encode():
        checksum ^= byte
    return f"{text}*{checksum ^ wrong}"


lines = st.one_of(
    line_of(["G1", "G1", "G0", "g1", "G01", "G1.1"], "XYZE"),
    line_of(["G2", "G3"], "XYZEIJKR"),
    st.builds(
        lambda way, x, y, i, j: f"{way} X{x} Y{y} I{i} J{j}",
        st.sampled_from(["G2", "G3"]),
        small,
        small,
        small,
        small,
    ),
    st.sampled_from(
        [
            *("G17", "G18", "G19", "G20", "G21", "G90", "G91", "M82", "M83", "G92", "M204", "M220", "M221"),
            *("; a comment", "", "  ", "G1 X5 ; away", "G1 (here) Y5", "M117 hello", "NO_SUCH A=1"),
            *("G1 E200", "G1 Z1 E5"),
        ]
    ),
    st.builds(lambda v: f"M204 S{v}", st.sampled_from(["500", "0", "-1", "5000", "x", "1e3", "nan"])),
    st.builds(lambda p, t: f"M204 P{p} T{t}", value, value),
    st.builds(
        lambda name, v: f"{name} S{v}",
        st.sampled_from(["M220", "M221"]),
        st.sampled_from(["50", "0", "150", "-3", "", "x"]),
    ),
    line_of(["G92"], "XYZE"),
    st.builds(numbered, line_of(["G1", "G92", "M83"], "XYZE"), st.integers(0, 99), st.booleans()),
    st.builds(lambda z: f"SET_GCODE_OFFSET Z={z}", st.sampled_from(["0.5", "-1", "0"])),
    st.sampled_from(["SAVE_GCODE_STATE", "RESTORE_GCODE_STATE", "RESTORE_GCODE_STATE MOVE=1"]),
)


TOKENS = [
    b"G",
    b"G1 ",
    b"G2 ",
    b"N1 ",
    b"M204 S",
    b"G92 ",
    b"X1",
    b"Y2.5",
    b"E.1",
    b"I1",
    b"F600",
    b"R2",
    b"*",
    b"70",
    b".",
    b"-",
]
TOKENS += [
    b"\n",
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b";",
    b"(",
    b")",
    b'"',
    b"\xef\xbb\xbf",
    b"\x00",
    b"_",
    b"=",
    b"1",
    b"0",
]


def trapezoids(queue) -> numpy.ndarray:
    data, _ = queue.records(0, 1 << 30)
    found = numpy.frombuffer(data, RECORD_TYPE).copy()
    found["source"] = 0
    return found


class Equivalence(SynchronousTestCase):
    """Identical trapezoids, states and errors."""

    def check(self, script: list[str], chain: int, block: int) -> None:
        self.check_bytes("\n".join(script).encode(), chain, block)

    def check_bytes(self, text: bytes, chain: int, block: int) -> None:
        slow, fast = GcodeMachine(CHAINS[chain]), GcodeMachine(CHAINS[chain])
        slow.run_slowly(self, text)
        fast.run_fast(self, text, block)
        self.assertEqual(fast.errors, slow.errors)
        self.assertEqual(fast.output, slow.output)
        self.assertEqual(fast.moves.status(0.0), slow.moves.status(0.0))
        self.assertEqual(fast.lookahead.position, slow.lookahead.position)
        self.assertEqual(fast.lookahead.limits, slow.lookahead.limits)
        slow.end()
        fast.end()
        for queue in ("path", "extrusion"):
            ours, theirs = trapezoids(getattr(fast, queue)), trapezoids(getattr(slow, queue))
            self.assertEqual(len(ours), len(theirs))
            self.assertTrue((ours == theirs).all(), queue)

    @given(st.lists(lines, max_size=30), st.integers(0, len(CHAINS) - 1), st.sampled_from([7, 100, 1 << 16]))
    @settings(max_examples=150, deadline=None)
    @example(["G1 X10 F6000", "G2 X10 Y0 I5 J0", "G1 X400", "G3 X5 R2", "G1 X1"], 3, 16)
    @example(["G1 X50 Y50 F6000", "G1 X299 Z0.2", "G1 X-299", "G1 Y310", "G91", "G1 Y-5"], 1, 1 << 16)
    @example(["M83", "G1 X1 E1 F0", "M221 S50", "G92 E5", "G1 X2 E-1"], 4, 1 << 16)
    def test_scripts(self, script: list[str], chain: int, block: int) -> None:
        self.check(script, chain, block)

    @given(st.lists(st.sampled_from(TOKENS) | st.binary(max_size=3), max_size=60), st.sampled_from([3, 50]))
    @settings(max_examples=150, deadline=None)
    def test_any_bytes(self, tokens: list[bytes], block: int) -> None:
        self.check_bytes(b"".join(tokens), 3, block)

    def test_a_dense_path(self) -> None:
        script = ["G90", "M83", "G1 X50 Y0 Z.3 F9000"]
        script += [f"G1 X{50 - i * 0.17:.3f} Y{i * i * 0.0007:.3f} E.01" for i in range(500)]
        for chain in range(len(CHAINS)):
            self.check(script, chain, 1000)


class Refusals(SynchronousTestCase):
    """A refused line leaves everything as it was, and says which line it is."""

    REFUSED = (
        ("G1 X400", "x = 400.000, allowed -300.000 to 300.000"),
        ("G1 X10 Y-301 F1200", "y = -301.000, allowed -300.000 to 300.000"),
        ("G1 X20 E100", "max_extrude_cross_section"),
        ("G1 E-60", ": 60.020, limit 50.000 (max_extrude_only_distance)"),
        ("G1 X1 F0", "Invalid speed: F0"),
        ("G1 X1 F1,3", "Malformed word 'F1,3'"),
        ("G1 X1 F99999999999", "at most 6e+07"),
        ("G1 X" + "9" * 65, "Malformed word"),
        ("G1 X99999999", "Invalid move: X = 99999999.0, allowed -1e+07 to 1e+07 mm"),
        ("G2 X10 Y10", "the centre is missing: I J or R"),
        ("G3 X10 Y10 I1 R4", "both I J and R are given"),
        ("G2 X40 R3", "R = 3.000, but its ends need"),
        ("G2 R3", "a full circle's centre"),
        ("G2 X10 Y10 I30 J0", "from its centre but ends"),
        ("G2 I0 J0", "its centre is where it begins"),
        ("G2 I290 J0", "x = "),
    )

    def test_state_is_as_before(self) -> None:
        chains = ((), (mesh, Exclusion))
        for number, (line, text) in enumerate(self.REFUSED):
            machine = GcodeMachine(chains[number % 2])
            begin = b"G1 X5 Y6 Z1 F3000\nG1 X8 Y7 E.02\n"
            machine.run_fast(self, begin)
            before = machine.moves.status(0.0), machine.lookahead.position, len(machine.lookahead)
            stream = machine.run_fast(self, begin + b";\n" + line.encode() + b"\n")
            self.assertEqual(len(machine.errors), 1, line)
            at, offset, said = machine.errors[0]
            self.assertIn(text, said)
            self.assertEqual((at, offset), (4, len(begin) + 2), line)
            self.assertEqual(stream.end, len(begin) + 3 + len(line))
            # The same two moves once more, and nothing of the refused line.
            again = GcodeMachine(chains[number % 2])
            again.run_fast(self, begin)
            again.run_fast(self, begin)
            self.assertEqual(machine.moves.status(0.0), again.moves.status(0.0))
            self.assertEqual(machine.lookahead.position, again.lookahead.position)
            self.assertEqual(len(machine.lookahead), again.lookahead.__len__())
            self.assertEqual(before[0].speed, machine.moves.status(0.0).speed)

    def test_not_homed(self) -> None:
        machine = GcodeMachine()
        machine.lookahead.clear_range(1)
        machine.run_fast(self, b"G1 X1\nG1 Y1\nG1 X2\n")
        self.assertEqual(machine.errors, [(2, 6, "Must home axis first: y")])
        self.assertEqual(machine.lookahead.position[:2], (2.0, 0.0))

    def test_too_cold(self) -> None:
        machine = GcodeMachine()
        machine.lookahead.set_extruder_enabled(False, 24.5, 170.0)
        machine.run_fast(self, b"G1 X1 E1\nG1 X2")
        self.assertEqual(
            machine.errors, [(1, 0, "Extrude below minimum temp: 24.500, limit 170.000 (min_extrude_temp)")]
        )


class Annotations(SynchronousTestCase):
    """Each trapezoid knows its line, and what bounded it."""

    def test_source(self) -> None:
        machine = GcodeMachine()
        text = b"G1 X10 F6000\n;\nG1 Y10\nG2 X20 Y0 I0 J-10\nG1 X0\n"
        machine.run_fast(self, text, 9)
        machine.end()
        found = numpy.frombuffer(machine.path.records(0)[0], RECORD_TYPE)["source"]
        places = [text.index(line) for line in (b"G1 X10", b"G1 Y10", b"G2", b"G1 X0")]
        self.assertEqual(sorted(set(found)), places)
        self.assertEqual(list(found), sorted(found))

    def test_limits(self) -> None:
        machine = GcodeMachine()
        machine.run_fast(self, b"G1 X100 F3000\nG1 X200 F60000\nG1 X200 Y1\nG1 Z5\nG1 E5 F60000\n")
        machine.end()
        limits = numpy.frombuffer(machine.path.records(0)[0], RECORD_TYPE)["limits"]
        peaks, corners = limits & 15, limits >> 8 & 15
        self.assertEqual(list(peaks), [1, 2, 6, 3])  # asked, max_velocity, minimum_cruise_ratio, axis
        self.assertEqual(list(corners), [9, 0, 7, 7])  # from rest, straight on, two corners


class Streams(SynchronousTestCase):
    """What a run ends for."""

    def test_a_line_in_pieces(self) -> None:
        text = "".join(f"G1 X{i % 50}.5 Y{i % 7} F{1000 + i}\n" for i in range(200)).encode() + b"G1 X1"
        whole, parts = GcodeMachine(), GcodeMachine()
        whole.run_fast(self, text)
        parts.run_fast(self, text, 1)
        self.assertEqual(whole.lookahead.position, parts.lookahead.position)
        self.assertEqual(whole.planner.print_time, parts.planner.print_time)

    def test_horizon_slices_and_waiting(self) -> None:
        machine = GcodeMachine()
        stream = GcodeStream(machine.moves.coordinates, machine.lookahead)
        stream.feed(b"".join(b"G1 X%d F6000\n" % (i % 2 * 100) for i in range(1, 500)))
        self.assertEqual(stream.run(0.0, rest_until=float("-inf"), most=3), SLICE)
        self.assertEqual(stream.line_number, 3)
        self.assertEqual(stream.run(stream.print_time, 5.0, float("-inf")), FULL)
        self.assertTrue(5.0 < stream.print_time < 7.0)
        at = stream.end
        self.assertEqual(stream.run(stream.print_time, 5.0, float("-inf")), FULL)
        self.assertEqual(stream.end, at)

    def test_waiting(self) -> None:
        """Moves that can't be planned yet count too."""
        machine = GcodeMachine()
        stream = GcodeStream(machine.moves.coordinates, machine.lookahead)
        stream.feed(b"".join(b"G1 X%.1f F600\n" % (i * 0.1) for i in range(1, 50)))
        self.assertEqual(stream.run(waiting=0.055), FULL)
        self.assertEqual((stream.line_number, len(machine.lookahead)), (6, 6))

    def test_commands_that_someone_else_serves(self) -> None:
        machine = GcodeMachine()
        stream = GcodeStream(machine.moves.coordinates, machine.lookahead)
        stream.serve(["G1", "G90"])
        stream.feed(b"G90\nG1 X1\nG0 X2\nM83\nG1 X3\nG2 X1 I1\n")
        left = []
        while stream.run(rest_until=float("-inf")) == LEAVES:
            left.append(stream.line().name)
        self.assertEqual(left, ["G0", "M83", "G2"])

    def test_few_moves_wait(self) -> None:
        """However long the path, the lookahead keeps what it takes to stop."""
        machine = GcodeMachine()
        text = b"".join(b"G1 X%.2f F12000\n" % (i * 0.02 - 200.0) for i in range(20000))
        machine.run_fast(self, text)
        self.assertLess(len(machine.lookahead), 2000)


class FurtherAxes(SynchronousTestCase):
    """Axes that a letter of their own moves together with the others."""

    def make(self, chain: int = 0) -> tuple[GcodeMachine, MotionQueue, MotionQueue]:
        machine = GcodeMachine(CHAINS[chain])
        first, second = MotionQueue(), MotionQueue()
        first.set_position(0.0, (5.0, 0.0, 0.0))
        self.assertEqual(machine.moves.add_axis("A", first, 1.0, 50.0, 1000.0), 4)
        self.assertEqual(machine.moves.add_axis("C", second), 5)
        return machine, first, second

    def test_in_step_with_the_path(self) -> None:
        machine, first, second = self.make()
        machine.run_fast(self, b"G1 X100 A25 F6000\nG91\nG1 Y50 C-10 A0\nG90\nG1 C-20 F600\nG1 Z1 A25\n")
        self.assertEqual(machine.errors, [])
        self.assertEqual(machine.lookahead.position, (100.0, 50.0, 1.0, 0.0, 25.0, -20.0))
        machine.end()
        path, a, c = trapezoids(machine.path), trapezoids(first)[1:], trapezoids(second)
        self.assertEqual([len(q) for q in (path, a, c)], [3, 1, 2])
        for field in ("print_time", "accel_t", "cruise_t", "decel_t"):
            self.assertEqual(a[field][0], path[field][0])
            self.assertEqual(c[field][0], path[field][1])
        self.assertAlmostEqual(a["cruise_v"][0], 0.2 * path["cruise_v"][0])
        self.assertEqual((a["start"][0][0], a["end"][0][0]), (5.0, 25.0))
        # Alone it sets the pace.
        self.assertAlmostEqual(c["cruise_v"][1], 10.0)
        self.assertAlmostEqual(c["print_time"][1], path["print_time"][1] + sum(c[f][0] for f in TIMES))

    def test_transforms_that_know_nothing_of_it(self) -> None:
        machine, _, _ = self.make(4)
        machine.run_fast(self, b"G1 X10 A7 F3000\nG1 X20\n")
        self.assertEqual((machine.errors, machine.lookahead.position[4:]), ([], (5.0, 0.0)))
        machine.moves.head.next.move([30.0, 0.0, 0.0, 0.0], 50.0)
        self.assertEqual(machine.moves.coordinates.head.position[4:], [5.0, 0.0])
        direct, _, _ = self.make(3)
        direct.run_fast(self, b"G1 X10 A7 C2 F3000\n")
        direct.moves.head.move([30.0, 0.0, 0.0, 0.0], 50.0)
        self.assertEqual(direct.lookahead.position[4:], (7.0, 2.0))

    def test_limits(self) -> None:
        """Its own speed, acceleration and jump at corners hold."""
        machine, first, _ = self.make()
        machine.run_fast(self, b"G1 X100 A105 F18000\nG1 X200 A105\nG1 X210\n")
        machine.end()
        path, a = trapezoids(machine.path), trapezoids(first)[1:]
        self.assertLessEqual(a["cruise_v"].max(), 50.0 + 1e-9)
        self.assertLessEqual(a["accel"].max(), 1000.0 + 1e-9)
        self.assertAlmostEqual(a["end_v"][0], 1.0)
        self.assertEqual(path["limits"][1] >> 8, LIMIT_AXIS)

    def test_refused_and_removed(self) -> None:
        machine, first, second = self.make(1)
        machine.run_fast(self, b"G1 X10 A6 F3000\nG1 X60 A9 Y400\n")
        self.assertEqual(len(machine.errors), 1)
        self.assertEqual(machine.lookahead.position[4:], (6.0, 0.0))
        self.assertIn(
            "while moves wait", str(self.assertRaises(CommandError, machine.moves.remove_axis, "A"))
        )
        machine.end()
        machine.run_fast(self, b"G1 C3\n")
        machine.end()
        machine.moves.remove_axis("A")
        machine.run_fast(self, b"G1 X11 A9\nG1 C4\n")
        self.assertEqual(machine.moves.status(0.0).axis_map["C"], 4)
        self.assertEqual(machine.lookahead.position[4:], (4.0,))
        machine.end()
        self.assertEqual(trapezoids(second)["end"][-1][0], 4.0)
        for letter in ("X", "C", "AB", "1"):
            self.assertRaises(CommandError, machine.moves.add_axis, letter, first)
        self.assertRaises(CommandError, machine.moves.remove_axis, "A")


class NoNumbers(SynchronousTestCase):
    """What is no number gets to no transform, by whatever way it comes."""

    def test_all(self) -> None:
        for text in ("nan", "inf", "-Infinity"):
            machine = GcodeMachine((mesh,))
            for line in (f"G1_OLD X={text}", f"G1_OLD X=1 F={text}", f"G2_OLD X=1 I={text} J=0"):
                parsed = parse_line(line.encode())
                move = machine.moves.coordinates.linear if "G1" in line else self.circle(machine)
                self.assertIn("is not a number", str(self.assertRaises(CommandError, move, parsed)))
            for axis in range(4):
                place = [1.0, 1.0, 1.0, 0.0]
                place[axis] = float(text)
                self.assertRaises(CommandError, machine.moves.head.move, place, 50.0)
            self.assertRaises(CommandError, machine.moves.head.move, [1.0] * 4, float(text))
            self.assertEqual((machine.lookahead.position, len(machine.lookahead)), ((0.0,) * 4, 0))

    @staticmethod
    def circle(machine: GcodeMachine):
        return lambda line: machine.moves.coordinates.circular(line, True)


class Faces(SynchronousTestCase):
    """Python code that moves through the chain."""

    def test_refused_in_the_middle(self) -> None:
        machine = GcodeMachine((mesh,))
        with self.assertRaisesRegex(Exception, "out of range"):
            machine.moves.head.move([400.0, 0.0, 1.0, 0.0], 50.0)
        self.assertEqual(len(machine.lookahead), 0)
        machine.moves.coordinates.linear(parse_line(b"G1 X60 F600"))
        machine.end()
        self.assertEqual([round(z, 6) for z in trapezoids(machine.path)["end"][:, 2]], [0.025, 0.05, 0.06])
