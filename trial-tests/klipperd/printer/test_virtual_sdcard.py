"""Print files run to their end, pause and go on without losing or repeating a line, and fail in order."""

import os
import signal
import subprocess
import sys

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

import klipperd
from klipperd.errors import CommandError
from klipperd.objects.services import HostState

from .bench import Bench

ROOT = os.path.dirname(os.path.dirname(klipperd.__file__))
CONFIG = """
[virtual_sdcard]
path: {folder}/gcodes
on_error_gcode: M117 failed
[pause_resume]
[display_status]
[exclude_object]
[sdcard_loop]
[gcode_macro PARK]
gcode:
  G91
  G1 Z5
  G90
"""


class SdcardCase(SynchronousTestCase):
    """A bench with a card."""

    def setUp(self) -> None:
        self.bench = self.make_bench()

    def make_bench(self, config: str = CONFIG, folder: str | None = None) -> Bench:
        folder = folder or self.mktemp()
        bench = Bench(folder, config.replace("{folder}", os.path.abspath(folder)))
        self.successResultOf(Deferred.fromCoroutine(bench.start()))
        return bench

    def say(self, script: str) -> None:
        self.successResultOf(self.bench.begin(script))

    def refused(self, script: str) -> str:
        return str(self.failureResultOf(self.bench.begin(script), CommandError).value)

    def print_text(self, text: str, room: int | None = None) -> None:
        self.bench.put_file("a.gcode", text)
        if room is not None:
            self.bench.planner.room = room
        self.say("SDCARD_PRINT_FILE FILENAME=a.gcode")

    def run_out(self) -> None:
        """Let the planner take everything."""
        self.bench.planner.room = 1 << 60
        self.bench.planner.make_room()
        for _ in range(50):
            self.bench.clock.advance(0)

    def stats(self) -> tuple[str, str]:
        status = self.bench.status("print_stats")
        return status.state, status.message


class Printing(SdcardCase):
    """The straight way."""

    def test_to_the_end(self) -> None:
        self.print_text("; made by hand\nM83\nG1 X1 E2 F600\n\nG1 X2 E1\nM117 hi ; there\nG1 X3")
        self.assertEqual(self.bench.x_moves(), [1, 2, 3])
        self.assertEqual(self.stats(), ("complete", ""))
        status = self.bench.status("print_stats")
        self.assertEqual((status.filename, status.filament_used), ("a.gcode", 3.0))
        self.assertEqual(self.bench.status("display_status").message, "hi ; there")
        self.assertEqual(self.bench.output, ["Done printing file"])
        self.assertFalse(self.bench.status("virtual_sdcard").is_active)

    def test_status_while_printing(self) -> None:
        text = "G1 X1\nG1 X2\nG1 X3\n" * 10
        self.print_text(text, room=15)
        card = self.bench.status("virtual_sdcard")
        self.assertTrue(card.is_active)
        self.assertTrue(card.file_path.endswith("/gcodes/a.gcode"))
        self.assertEqual(card.file_size, len(text))
        self.assertEqual(card.file_position, len(self.bench.planner.moves) * 6)
        self.assertEqual(card.progress, card.file_position / len(text))
        self.assertEqual(self.bench.status("display_status").progress, card.progress)
        self.say("M27")
        self.assertEqual(self.bench.output[-1], f"SD printing byte {card.file_position}/{len(text)}")
        self.assertIn("SD busy", self.refused("SDCARD_PRINT_FILE FILENAME=a.gcode"))
        self.run_out()
        self.assertEqual(len(self.bench.planner.moves), 30)
        self.assertEqual(self.stats()[0], "complete")

    def test_others_get_their_turn(self) -> None:
        self.print_text("G1 X1\nG1 X2\n" * 100, room=16)
        self.say("M117 between")
        self.assertEqual(self.bench.status("display_status").message, "between")
        self.assertEqual(self.stats()[0], "printing")
        self.run_out()

    def test_reactor_gets_its_turn(self) -> None:
        clock, moves = self.bench.clock, self.bench.planner.moves
        planner_move = self.bench.planner.move

        def slow(position: list[float], speed: float) -> None:
            clock.rightNow += 0.001
            planner_move(position, speed)

        self.bench.planner.move = slow  # type: ignore[method-assign]
        self.print_text("G1 X1\nG1 X2\n" * 20)
        self.assertLess(len(moves), 20)
        self.run_out()
        self.assertEqual(len(moves), 40)

    def test_old_style_commands(self) -> None:
        self.bench.put_file("sub/B.GCODE", "G1 X1")
        self.say("M21\nM20\nM27\nM23 sub/b.gcode\nM24")
        self.assertEqual(
            self.bench.output,
            [
                "SD card ok",
                "Begin file list",
                "sub/B.GCODE 5",
                "End file list",
                "Not SD printing.",
                "File opened:sub/B.GCODE Size:5",
                "File selected",
                "Done printing file",
            ],
        )
        self.assertIn("not supported", self.refused("M28 x"))

    def test_file_position(self) -> None:
        self.bench.put_file("a.gcode", "G1 X1\nG1 X2\nG1 X3\n")
        self.say("M23 a.gcode\nM26 S6\nM24")
        self.assertEqual(self.bench.x_moves(), [2, 3])

    def test_files_that_are_not_there(self) -> None:
        self.bench.put_file("a.gcode", "G1 X1")
        for name in ("b.gcode", "../printer.cfg", "", "/etc/passwd", "sub/../../printer.cfg"):
            self.assertIn("Unable to open file", self.refused(f'SDCARD_PRINT_FILE FILENAME="{name}"'))
        self.assertIn("no file is selected", self.refused("M24"))

    def test_macro_in_the_place_of_g1(self) -> None:
        config = CONFIG + "[gcode_macro G1]\nrename_existing: G1.1\ngcode:\n  G1.1 X{params.X|int + 100}\n"
        self.bench = self.make_bench(config)
        self.print_text("G1 X1\nG1 X2")
        self.assertEqual(self.bench.x_moves(), [101, 102])

    def test_loops(self) -> None:
        self.print_text(
            "SDCARD_LOOP_BEGIN COUNT=2\nG1 X1\nSDCARD_LOOP_BEGIN COUNT=3\nG1 X2\nSDCARD_LOOP_END\n"
            "G1 X3\nSDCARD_LOOP_END\nG1 X4\n"
        )
        # Repeated G1s to the same place queue nothing: X2 counts once a round.
        self.assertEqual(self.bench.x_moves(), [1, 2, 3, 1, 2, 3, 4])
        self.assertIn("Only permitted in SD file", self.refused("SDCARD_LOOP_BEGIN COUNT=1"))


class Pausing(SdcardCase):
    """Stopping between two lines, and going on with the next."""

    @given(st.lists(st.sampled_from(["PAUSE", "RESUME", "M25", "M24", "room"]), max_size=12))
    @settings(deadline=None, max_examples=60)
    def test_no_line_is_lost_or_repeated(self, steps: list[str]) -> None:
        self.bench = self.make_bench()
        self.print_text("".join(f"G1 X{i}\nM117 {i}\n" for i in range(1, 41)), room=3)
        for step in steps:
            if step == "room":
                self.bench.planner.make_room()
                self.bench.clock.advance(0.1)
            else:
                self.bench.begin(step).addErrback(lambda f: f.trap(CommandError))
        self.bench.planner.room = 1 << 60
        self.run_out()
        for script in ("RESUME", "M24"):
            self.bench.begin(script).addErrback(lambda f: f.trap(CommandError))
            self.run_out()
        self.assertEqual(self.stats()[0], "complete")
        self.assertEqual(self.bench.x_moves(), list(range(1, 41)))

    def test_pause_in_the_file(self) -> None:
        self.print_text("G1 X1\nPAUSE\nG1 X2\n")
        self.assertEqual(self.stats()[0], "paused")
        self.assertTrue(self.bench.status("pause_resume").is_paused)
        self.assertEqual(self.bench.status("virtual_sdcard").file_position, len("G1 X1\nPAUSE\n"))
        self.say("PARK\nPAUSE")
        self.assertIn("// Print already paused", self.bench.output)
        self.say("RESUME VELOCITY=9")
        back, speed = self.bench.planner.moves[-2]
        self.assertEqual((back[:3], speed), ([1, 0, 0], 9))
        self.assertEqual(self.bench.x_moves()[-1], 2)
        self.assertEqual(self.stats()[0], "complete")

    def test_pause_and_resume_within_one_command_of_the_file(self) -> None:
        config = CONFIG + "[gcode_macro CHANGE]\ngcode:\n  PAUSE\n  G1 Z9\n  RESUME\n"
        self.bench = self.make_bench(config)
        self.print_text("G1 X1\nCHANGE\nG1 X2\n")
        self.assertEqual((self.stats()[0], self.bench.x_moves()[-1]), ("complete", 2))

    def test_durations(self) -> None:
        self.print_text("M83\nG1 X1\nPAUSE\nG1 X2 E1\nM25\nG1 X3 E1\n")
        clock = self.bench.clock
        clock.advance(10)
        self.say("RESUME")
        clock.advance(20)
        self.assertEqual(self.stats()[0], "paused")
        self.say("M24")
        status = self.bench.status("print_stats")
        self.assertEqual((status.state, status.total_duration), ("complete", 30.0))
        self.assertEqual(status.print_duration, 0.0)

    def test_cancel(self) -> None:
        self.print_text("G1 X1\nPAUSE\nG1 X2\n")
        self.say("CANCEL_PRINT")
        self.assertEqual(self.stats()[0], "cancelled")
        self.assertFalse(self.bench.status("pause_resume").is_paused)
        self.assertIsNone(self.bench.status("virtual_sdcard").file_path)
        self.assertEqual(self.bench.x_moves(), [1])
        self.print_text("G1 X5")
        self.assertEqual(self.stats()[0], "complete")

    def test_cancel_in_the_file(self) -> None:
        self.print_text("G1 X1\nCANCEL_PRINT\nG1 X2\n")
        self.assertEqual((self.stats()[0], self.bench.x_moves()), ("cancelled", [1]))

    def test_without_a_file_the_print_host_is_told(self) -> None:
        self.say("PAUSE\nRESUME\nCANCEL_PRINT")
        self.assertEqual(self.bench.output, ["// action:paused", "// action:resumed", "// action:cancel"])

    def test_remote(self) -> None:
        self.print_text("G1 X1\nG1 X2\n" * 50, room=1)
        client = self.bench.procedures.connect(lambda message: None)
        for method, state in (("pause", "paused"), ("resume", "printing"), ("cancel", "cancelled")):
            asked = Deferred.fromCoroutine(client.request(f"pause_resume/{method}", {}))
            self.bench.planner.make_room()
            self.assertEqual(self.successResultOf(asked), {})
            self.assertEqual(self.stats()[0], state)


class Failing(SdcardCase):
    """What goes wrong."""

    def test_malformed_line_pauses(self) -> None:
        for bad in ("G1 X1.2.3", "M104 S", "?", "SET_PRINT_STATS_INFO oops", "N5 G1 X1*1"):
            self.bench = self.make_bench()
            self.print_text(f"G1 X1\n{bad}\nG1 X2\n")
            state, message = self.stats()
            if bad == "M104 S":
                self.assertEqual(state, "complete")  # no heater: what is switched off is off
                continue
            self.assertEqual(state, "paused", bad)
            self.assertIn("line 2 (byte ", message)
            self.assertIn(f"!! {message}", self.bench.output)
            self.assertTrue(self.bench.status("pause_resume").is_paused)
            self.say("RESUME")
            self.assertEqual((self.stats()[0], self.bench.x_moves()), ("complete", [1, 2]))

    def test_refused_move_ends_the_print(self) -> None:
        self.bench.planner.limit = 100
        self.print_text("G1 X1\nG1 X200\nG1 X2\n")
        state, message = self.stats()
        self.assertEqual(state, "error")
        self.assertEqual(message, "Move out of range: x = 200\nin line 2 (byte 6) of a.gcode")
        self.assertEqual(self.bench.status("display_status").message, "failed")
        self.assertEqual(self.bench.x_moves(), [1])
        self.assertIn("!! Move out of range: x = 200", self.bench.output)

    def test_unknown_command_is_skipped(self) -> None:
        self.print_text("G1 X1\nM999\nG1 X2\n")
        self.assertEqual(self.stats()[0], "complete")
        self.assertIn('// Unknown command:"M999"', self.bench.output)

    def test_shutdown(self) -> None:
        self.print_text("G1 X1\nG1 X2\n" * 50, room=1)
        self.bench.host.present = HostState.SHUTDOWN
        self.bench.built.shutdown("too hot")
        self.run_out()
        self.assertEqual(self.stats(), ("error", "too hot"))
        self.assertIn("!! too hot", self.bench.output)
        self.assertLess(len(self.bench.planner.moves), 20)

    def test_emergency_stop_in_the_file(self) -> None:
        bench = self.bench

        def shutdown(reason: str) -> None:
            bench.host.present = HostState.SHUTDOWN
            bench.built.shutdown(reason)

        bench.host.shutdown = shutdown  # type: ignore[method-assign]
        self.print_text("G1 X1\nM112\nG1 X2\n")
        self.run_out()
        self.assertEqual(self.stats(), ("error", "Shutdown due to M112 command"))
        self.assertEqual(bench.x_moves(), [1])

    def test_unreadable_file(self) -> None:
        path = self.bench.put_file("a.gcode", "G1 X1\n")
        os.unlink(path)
        os.mkdir(path)
        self.assertIn("Unable to open file", self.refused("SDCARD_PRINT_FILE FILENAME=a.gcode"))


class Journal(SdcardCase):
    """What is known after the process was killed."""

    def test_position_is_known_at_the_next_start(self) -> None:
        folder = self.mktemp()
        self.bench = self.make_bench(folder=folder)
        self.print_text("G1 X1\nG1 X2\n" * 50, room=20)
        self.bench.clock.advance(1.0)
        position = self.bench.status("virtual_sdcard").file_position
        self.assertGreater(position, 0)
        second = self.make_bench(folder=folder)
        status = second.status("print_stats")
        self.assertEqual((status.state, status.filename), ("standby", "a.gcode"))
        self.assertIn(f"interrupted at byte {position} of 600", status.message)
        self.assertIn(f"line {position // 6}", status.message)
        self.successResultOf(second.begin("SDCARD_RESET_FILE"))
        third = self.make_bench(folder=folder)
        self.assertEqual(third.status("print_stats").message, "")
        self.run_out()

    def test_restart_keeps_it(self) -> None:
        folder = self.mktemp()
        self.bench = self.make_bench(folder=folder)
        self.print_text("G1 X1\nG1 X2\n" * 50, room=20)
        self.bench.clock.advance(1.0)
        self.bench.planner.make_room()
        self.successResultOf(Deferred.fromCoroutine(self.bench.built.close()))
        self.run_out()
        position = self.bench.planner.moves and 6 * len(self.bench.planner.moves)
        for _ in range(2):
            bench = self.make_bench(folder=folder)
            self.assertIn(f"interrupted at byte {position} ", bench.status("print_stats").message)
            self.successResultOf(Deferred.fromCoroutine(bench.built.close()))

    def test_nothing_is_left_of_a_complete_print(self) -> None:
        folder = self.mktemp()
        self.bench = self.make_bench(folder=folder)
        self.print_text("G1 X1\nG1 X2\n" * 50, room=20)
        self.bench.clock.advance(1.0)
        self.run_out()
        self.bench.clock.advance(1.0)
        self.assertEqual([n for n in os.listdir(folder) if n.endswith(".print")], [])

    def test_garbage_is_ignored(self) -> None:
        folder = self.mktemp()
        os.makedirs(folder)
        with open(os.path.join(folder, ".printer.cfg.print"), "wb") as record:
            record.write(b"{garbage")
        self.assertEqual(self.make_bench(folder=folder).status("print_stats").message, "")
        self.assertEqual(len(self.flushLoggedErrors(orjson.JSONDecodeError)), 1)

    def test_written_record_survives_a_kill(self) -> None:
        """The record is whole at whatever moment the process is killed."""
        path = os.path.abspath(self.mktemp())
        program = (
            "import sys; from klipperd.gcode.journal import _write\n"
            "n = 0\n"
            "while True:\n"
            "    n += 1\n"
            "    _write(sys.argv[1], {'filename': 'a' * 5000, 'position': n, 'size': 9, 'line': n}, False)\n"
            "    print(n, flush=True)\n"
        )
        for _ in range(3):
            command = [sys.executable, "-c", program, path]
            with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as writer:
                assert writer.stdout is not None
                written = [int(writer.stdout.readline()) for _ in range(20)][-1]
                writer.send_signal(signal.SIGKILL)
            with open(path, "rb") as record:
                self.assertGreaterEqual(orjson.loads(record.read())["position"], written)


class Excluding(SdcardCase):
    """Objects that are left out."""

    FILE = """
EXCLUDE_OBJECT_DEFINE NAME=one CENTER=1,2 POLYGON=[[0,0],[2,0],[1,2]]
EXCLUDE_OBJECT_DEFINE NAME=two
M82
EXCLUDE_OBJECT_START NAME=one
G1 X1 E1
EXCLUDE_OBJECT_END NAME=one
{exclude}
EXCLUDE_OBJECT_START NAME=two
G1 X20 E2
G1 X21 E3
EXCLUDE_OBJECT_END NAME=two
EXCLUDE_OBJECT_START NAME=one
G1 X2 E4
EXCLUDE_OBJECT_END NAME=one
"""

    def test_moves_and_filament_of_an_excluded_object(self) -> None:
        self.print_text(self.FILE.format(exclude="EXCLUDE_OBJECT NAME=TWO"))
        self.assertEqual([(p[0], p[3]) for p, _ in self.bench.planner.moves], [(1, 1), (2, 2)])
        status = self.bench.status("exclude_object")
        self.assertEqual((list(status.excluded_objects), status.current_object), (["TWO"], None))
        self.assertEqual(
            next(iter(status.objects)),
            {"name": "ONE", "center": [1, 2], "polygon": [[0, 0], [2, 0], [1, 2]]},
        )
        self.assertEqual(self.bench.status("gcode_move").gcode_position[3], 4)

    def test_nothing_excluded(self) -> None:
        self.print_text(self.FILE.format(exclude=""))
        self.assertEqual(self.bench.x_moves(), [1, 20, 21, 2])

    def test_current_and_reset(self) -> None:
        self.say("EXCLUDE_OBJECT_START NAME=a\nEXCLUDE_OBJECT CURRENT=1\nG1 X5")
        self.assertEqual(self.bench.x_moves(), [])
        self.say("EXCLUDE_OBJECT RESET=1\nG1 X6\nEXCLUDE_OBJECT")
        self.assertEqual(self.bench.x_moves(), [6])
        self.assertIn("there is no object B", self.refused("EXCLUDE_OBJECT NAME=b"))

    def test_next_file_starts_afresh(self) -> None:
        self.print_text(self.FILE.format(exclude="EXCLUDE_OBJECT NAME=TWO"))
        self.print_text("G1 X1")
        self.assertEqual(list(self.bench.status("exclude_object").objects), [])
