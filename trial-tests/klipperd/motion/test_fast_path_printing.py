"""A print file on a real tool head and a simulated clock: back-pressure, positions, pauses, errors."""

import math
import os

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.gcode.dispatch import Dispatcher
from klipperd.gcode.filerun import Ended, FileRun
from klipperd.gcode.lexer import parse_line
from klipperd.gcode.moves import GcodeMove
from klipperd.gcode.printfile import PrintFile
from klipperd.motion.corrections import TiltTransform
from klipperd.printer.get_position import GetPosition
from klipperd.printer.toolhead import ToolheadCommands
from klipperd.workers import SameThread

from .test_toolhead import Printer


def dense(count: int, start: float = 0.0) -> str:
    """A spiral of short moves."""
    lines = ["G90\nM83\nG1 X150 Y90 Z.3 F9000"]
    for i in range(count):
        angle, radius = start + i * 0.02, 50.0 - i * 0.002
        lines.append(f"G1 X{100 + radius * math.cos(angle):.3f} Y{90 + radius * math.sin(angle):.3f} E.02")
    return "\n".join(lines) + "\n"


class PrintCase(SynchronousTestCase):
    timeout = 60

    def setUp(self) -> None:
        self.printer = Printer()
        self.printer.homed()
        self.toolhead = self.printer.toolhead
        self.moves = GcodeMove(self.toolhead, self.toolhead)
        self.dispatcher = Dispatcher(self.printer.clock)
        for server in (self.moves, ToolheadCommands(self.toolhead)):
            self.dispatcher.add(server)
        self.output: list[str] = []
        self.dispatcher.listen(self.output.append)

    def begin(self, text: str) -> None:
        folder = self.mktemp()
        os.mkdir(folder)
        with open(os.path.join(folder, "a.gcode"), "w") as target:
            target.write(text)
        opening = Deferred.fromCoroutine(PrintFile.open(folder, "a.gcode", SameThread()))
        self.file = self.successResultOf(opening)
        self.addCleanup(self.file.close)
        self.run_ = FileRun(self.file, 0, self.dispatcher, self.moves)
        self.work = Deferred.fromCoroutine(self.run_.run())

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            self.printer.clock.advance(0.02)

    def finish(self) -> None:
        for _ in range(500):
            if self.work.called:
                return
            self.advance(0.2)
        self.fail("the print doesn't end")


class Positions(PrintCase):
    """GET_POSITION in all systems of coordinates."""

    def test_all(self) -> None:
        self.moves.add_transform(lambda after: TiltTransform(after, z_adjust=0.5))
        self.dispatcher.add(GetPosition(self.toolhead, self.moves))
        self.begin("G1 X10 Y20 Z1 E2 F6000\nG92 X1 E0\nSET_GCODE_OFFSET Y=3\nG1 Y20\nM400\nGET_POSITION\n")
        self.finish()
        lines = dict(line[3:].split(": ", 1) for line in self.output)
        self.assertEqual(lines["toolhead"], "X:10.000000 Y:23.000000 Z:1.500000 E:2.000000")
        self.assertEqual(lines["gcode"], "X:10.000000 Y:23.000000 Z:1.000000 E:2.000000")
        self.assertEqual(lines["gcode base"], "X:9.000000 Y:3.000000 Z:0.000000 E:2.000000")
        self.assertEqual(lines["gcode homing"], "X:0.000000 Y:3.000000 Z:0.000000")
        self.assertRegex(lines["mcu"], r"^stepper_x:800 stepper_y:1840 stepper_z:600")
        self.assertRegex(lines["stepper"], r"^stepper_x:10\.0\d+ stepper_y:2[23]\.\d+ stepper_z:1\.5")
        self.assertRegex(lines["kinematic"], r"^X:10\.0\d+ Y:23\.0\d+ Z:1\.5")


class Printing(PrintCase):
    """Short moves as fast as they are wanted."""

    def test_back_pressure_and_position(self) -> None:
        text = dense(3000)
        self.begin(text)
        seen = []
        while not self.work.called:
            self.advance(0.1)
            ahead = self.toolhead.print_time - self.printer.clock.seconds()
            self.assertLess(ahead, 1.6)
            seen.append(self.run_.position)
        self.assertEqual(self.successResultOf(self.work), Ended.COMPLETE)
        self.assertEqual(seen, sorted(seen))
        self.assertGreater(len(set(seen)), 10)
        self.assertEqual((seen[-1], self.run_.line_number), (len(text), text.count("\n")))
        self.advance(5.0)
        self.assertEqual(self.toolhead.stalls, 0)
        self.assertAlmostEqual(self.toolhead.position[3], 3000 * 0.02)

    def test_same_speeds_as_line_by_line(self) -> None:
        """The stream and single commands give one motion, whatever the clock did."""
        text = dense(400) + "M204 S800\n" + dense(400, 0.3) + "G1 E-2 F1800\nG1 Z5 F600\n" + dense(100)
        self.begin(text)
        self.finish()
        self.advance(3.0)
        other = Printer()
        other.homed()
        moves = GcodeMove(other.toolhead, other.toolhead)
        for number, line in enumerate(text.encode().split(b"\n")):
            if line.startswith(b"G1"):
                moves.coordinates.linear(parse_line(line, number))
            elif line == b"M83":
                moves.coordinates.absolute_extrude = False
            elif line == b"M204 S800":
                other.toolhead.lookahead.set_limits(max_accel=800.0)
        other.toolhead.last_move_time()
        mine, theirs = (p.queue.dump(0.0, 1e9, 1 << 20) for p in (self.toolhead, other.toolhead))
        self.assertEqual(len(mine), len(theirs))
        for a, b in zip(mine, theirs, strict=True):
            self.assertAlmostEqual(a[1], b[1], places=9)
            self.assertAlmostEqual(a[2], b[2], places=6)

    def test_pause_and_go_on(self) -> None:
        text = dense(2000)
        self.begin(text)
        self.advance(1.0)
        self.run_.stop()
        self.advance(3.0)
        self.assertEqual(self.successResultOf(self.work), Ended.STOPPED)
        at = self.run_.position
        self.assertTrue(0 < at < len(text))
        self.assertEqual(text[at - 1], "\n")
        e = self.toolhead.position[3]
        self.assertAlmostEqual(e, 0.02 * (text[:at].count("\n") - 3))
        self.work = Deferred.fromCoroutine(self.run_.run())
        self.finish()
        self.assertAlmostEqual(self.toolhead.position[3], 2000 * 0.02)

    def test_error_names_the_line(self) -> None:
        good = dense(300)
        self.begin(good + "G1 X500\n" + dense(10))
        self.finish()
        failure = self.failureResultOf(self.work, CommandError)
        self.assertIn("x = 500.000, allowed 0.000 to 200.000", str(failure.value))
        self.assertEqual(self.run_.line_number, good.count("\n") + 1)
        self.assertEqual(self.run_.position, len(good) + len("G1 X500\n"))
        self.assertAlmostEqual(self.toolhead.position[3], 300 * 0.02)

    def test_cold_in_the_middle(self) -> None:
        self.begin(dense(3000))
        self.advance(2.0)
        self.assertFalse(self.work.called)
        self.printer.extruder.gate.temperature = 100.0
        self.finish()
        text = str(self.failureResultOf(self.work, CommandError).value)
        self.assertEqual(text, "Extrude below minimum temp: 100.000, limit 170.000 (min_extrude_temp)")

    def test_macro_in_the_place_of_a_command(self) -> None:
        seen = []

        async def instead(call) -> None:
            seen.append(call.line.offset)
            await call.run(call.raw.replace("G1", "G1.1").replace("M204 S", "M204.1 S1"))

        self.dispatcher.add_dynamic("G1", instead, "", "G1.1")
        self.dispatcher.add_dynamic("M204", instead, "", "M204.1")
        self.begin("G90\nG1 X50 F6000\nG0 X60\nM204 S500\nG1 X70\n")
        self.finish()
        self.assertEqual(seen, [4, 24, 34])
        self.assertEqual(self.toolhead.position[0], 70.0)
        self.assertEqual(self.toolhead.lookahead.limits[1], 1500.0)

    def test_callbacks_at_print_times(self) -> None:
        """What waits for its place among moves gets it while the stream plans."""
        times: list[float] = []

        async def note(call) -> None:
            self.toolhead.on_print_time(times.append)

        self.dispatcher.add_dynamic("NOTE", note, "")
        text = dense(500).splitlines()
        self.begin("\n".join([*text[:100], "NOTE", *text[100:300], "NOTE", *text[300:]]) + "\n")
        self.finish()
        self.advance(3.0)
        ends = [phase[0] + phase[1] for phase in self.toolhead.queue.dump(0.0, 1e9, 1 << 20)]
        self.assertEqual(len(times), 2)
        self.assertLess(times[0], times[1])
        for time in times:
            self.assertLess(min(abs(end - time) for end in ends), 1e-9)
