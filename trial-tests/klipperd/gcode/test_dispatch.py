"""Commands run one at a time, in order, with errors to whoever asked; urgent ones don't wait."""

import itertools
from collections.abc import Coroutine
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError, ConfigError, NotReady
from klipperd.gcode.base import BaseCommands
from klipperd.gcode.breath import SLICE
from klipperd.gcode.dispatch import Dispatcher, GcodeCall
from klipperd.gcode.errors import MalformedGcode
from klipperd.gcode.lexer import parse_line
from klipperd.objects.call import Call, command, param
from klipperd.objects.services import HostSettings, HostState

from .planner import PretendHost


@define(eq=False)
class Machine:
    """Commands of every kind; each writes down when it begins and ends."""

    clock: Clock
    log: list[str] = field(factory=list)
    held: list["Deferred[None]"] = field(factory=list)

    @command("WAIT")
    async def wait(self, call: Call, *, name: str = "") -> None:
        """Wait until released."""
        self.log.append(f"begin {name}")
        held: Deferred[None] = Deferred()
        self.held.append(held)
        try:
            await held
        finally:
            self.log.append(f"end {name}")

    @command("NOTE")
    async def note(self, call: Call, *, name: str = "") -> None:
        """Write down."""
        self.log.append(f"note {name}")

    @command("M104")
    async def heat(self, call: Call, *, s: float = param(0.0, minimum=0.0, maximum=300.0)) -> None:
        self.log.append(f"heat {s:g}")

    @command("URGENT", immediate=True)
    async def urgent(self, call: Call) -> None:
        self.log.append("urgent")

    @command("NEST")
    async def nest(self, call: Call, *, script: str) -> None:
        await call.run(script)
        self.log.append("nested")

    @command("BREAK")
    async def break_down(self, call: Call) -> None:
        raise ZeroDivisionError

    @command("WORK")
    async def work(self, call: Call) -> None:
        """Takes a millisecond of the reactor."""
        self.clock.rightNow += 0.001
        self.log.append("work")


@define(eq=False)
class Heater:
    """One of several that serve the same command."""

    name: str
    mux_default: bool = False
    target: float = 0.0

    @command("SET_HEAT", mux="HEATER", mux_optional=True)
    async def set_heat(self, call: Call, *, target: float) -> None:
        self.target = target


class DispatchCase(SynchronousTestCase):
    """A dispatcher with a machine."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.dispatcher = Dispatcher(self.clock)
        self.machine = Machine(self.clock)
        self.dispatcher.add(self.machine)
        self.output: list[str] = []
        self.dispatcher.listen(self.output.append)

    def begin(self, work: "Coroutine[Any, Any, None] | str") -> "Deferred[None]":
        if isinstance(work, str):
            work = self.dispatcher.run_script(work)
        return Deferred.fromCoroutine(work)

    def run_now(self, script: str) -> None:
        self.successResultOf(self.begin(script))

    def error_of(self, work: "Deferred[None]") -> str:
        return str(self.failureResultOf(work, CommandError).value)


class Order(DispatchCase):
    """Turns."""

    def test_scripts_wait_for_each_other(self) -> None:
        first = self.begin("WAIT NAME=a\nNOTE NAME=b")
        second = self.begin("NOTE NAME=c")
        self.assertTrue(self.dispatcher.busy)
        self.assertTrue(self.dispatcher.contended)
        self.assertEqual(self.machine.log, ["begin a"])
        self.machine.held.pop().callback(None)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual(self.machine.log, ["begin a", "end a", "note b", "note c"])
        self.assertFalse(self.dispatcher.busy)

    def test_urgent_ones_do_not_wait(self) -> None:
        waiting = self.begin("WAIT NAME=a")
        self.run_now("URGENT")
        self.assertEqual(self.machine.log, ["begin a", "urgent"])
        self.machine.held.pop().callback(None)
        self.successResultOf(waiting)

    def test_urgent_among_others_keeps_its_place(self) -> None:
        waiting = self.begin("WAIT NAME=a")
        mixed = self.begin("NOTE NAME=b\nURGENT")
        self.assertEqual(self.machine.log, ["begin a"])
        self.machine.held.pop().callback(None)
        self.successResultOf(waiting)
        self.successResultOf(mixed)
        self.assertEqual(self.machine.log[-2:], ["note b", "urgent"])

    def test_nested_script_runs_within_its_command(self) -> None:
        outer = self.begin('NEST SCRIPT="WAIT NAME=in"')
        later = self.begin("NOTE NAME=later")
        self.assertEqual(self.machine.log, ["begin in"])
        self.machine.held.pop().callback(None)
        self.successResultOf(outer)
        self.successResultOf(later)
        self.assertEqual(self.machine.log, ["begin in", "end in", "nested", "note later"])

    def test_turn_is_given_back_after_an_error(self) -> None:
        self.failureResultOf(self.begin("M104 S900"), CommandError)
        self.run_now("NOTE NAME=x")

    def test_long_script_lets_the_reactor_run(self) -> None:
        done_at: list[int] = []

        def look() -> None:
            done_at.append(len(self.machine.log))
            if not script.called:
                self.clock.callLater(0, look)

        script = self.begin("\n".join(["WORK"] * 20))
        self.assertNoResult(script)
        look()
        self.clock.advance(0)
        self.successResultOf(script)
        self.assertEqual(len(self.machine.log), 20)
        longest = max(after - before for before, after in itertools.pairwise([0, *done_at]))
        self.assertLessEqual(longest * 0.001, SLICE + 0.001)

    def test_interrupt_ends_all_and_begins_none(self) -> None:
        running, waiting = self.begin("WAIT NAME=a\nNOTE NAME=b"), self.begin("NOTE NAME=c")
        self.dispatcher.interrupt("the printer restarts")
        self.clock.advance(0)
        for work in (running, waiting):
            self.assertEqual(self.error_of(work), "the printer restarts")
        self.assertEqual(self.machine.log, ["begin a", "end a"])
        self.run_now("NOTE NAME=d")


class Errors(DispatchCase):
    """To the sender as an exception, to everyone who listens as a line."""

    def test_refused_value(self) -> None:
        work = self.begin("NOTE NAME=1\nM104 S301\nNOTE NAME=2")
        text = "M104: S: 301 is above the maximum of 300"
        self.assertEqual(self.error_of(work), text)
        self.assertEqual(self.output, [f"!! {text}"])
        self.assertEqual(self.machine.log, ["note 1"])

    def test_malformed(self) -> None:
        for script, word in (("NOTE NAME=1 oops", "'oops'"), ("M104 S1.2.3", "'S1.2.3'"), ("?x", "'?x'")):
            work = self.begin("\n" + script)
            error = self.failureResultOf(work, MalformedGcode).value
            self.assertIn(f"Malformed word {word} in line 2", str(error))

    def test_error_in_nested_line_is_none_of_the_outer_line(self) -> None:
        error = self.failureResultOf(self.begin("NEST SCRIPT='M104 Sx'"), CommandError).value
        self.assertNotIsInstance(error, MalformedGcode)
        self.assertEqual(len([line for line in self.output if line.startswith("!!")]), 1)

    def test_unknown_command_informs_and_goes_on(self) -> None:
        self.run_now("WHAT\nG77 X1\nNOTE NAME=1")
        self.assertEqual(self.output, ['// Unknown command:"WHAT"', '// Unknown command:"G77"'])
        self.assertEqual(self.machine.log, ["note 1"])

    def test_fault_of_the_program(self) -> None:
        faults: list[str] = []
        self.dispatcher.on_fault = faults.append
        text = self.error_of(self.begin("BREAK"))
        self.assertIn('Internal error on command:"BREAK"', text)
        self.assertEqual(faults, [text])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_failing_listener_keeps_nothing_from_others(self) -> None:
        def fail(line: str) -> None:
            raise ZeroDivisionError

        self.dispatcher.output._listeners.insert(0, fail)
        self.run_now("WHAT")
        self.assertEqual(len(self.output), 1)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_several_lines(self) -> None:
        self.dispatcher.output.error("first\n second")
        self.dispatcher.output.info("a\nb")
        self.assertEqual(self.output, ["!! first", "// second", "// a", "// b"])


class Muxed(DispatchCase):
    """Several objects behind one name."""

    def setUp(self) -> None:
        super().setUp()
        self.heaters = [Heater("bed", mux_default=True), Heater("Hotend")]
        for heater in self.heaters:
            self.dispatcher.add(heater)

    def test_picks_by_name_of_any_case(self) -> None:
        self.run_now("SET_HEAT HEATER=hotend TARGET=5\nSET_HEAT HEATER=BED TARGET=6\nSET_HEAT TARGET=7")
        self.assertEqual([h.target for h in self.heaters], [7.0, 5.0])

    def test_wrong_name(self) -> None:
        self.assertIn(
            "'hotent' is not valid for SET_HEAT HEATER; did you mean 'Hotend'?",
            self.error_of(self.begin("SET_HEAT HEATER=hotent TARGET=5")),
        )

    def test_removal(self) -> None:
        self.dispatcher.remove(self.heaters[0])
        self.assertIn("HEATER is missing", self.error_of(self.begin("SET_HEAT TARGET=5")))
        self.dispatcher.remove(self.heaters[1])
        self.assertNotIn("SET_HEAT", self.dispatcher.commands())

    def test_served_twice(self) -> None:
        self.assertRaises(ConfigError, self.dispatcher.add, Heater("BED"))
        self.assertRaises(ConfigError, self.dispatcher.add, Machine(self.clock))


class Overriding(DispatchCase):
    """Macros in the place of commands."""

    async def macro(self, call: GcodeCall) -> None:
        self.machine.log.append("macro")
        await call.run("OLD_NOTE NAME=inner")

    def test_rename_and_undo(self) -> None:
        undo = self.dispatcher.add_dynamic("note", self.macro, "mine", "old_note")
        self.run_now("NOTE")
        self.assertEqual(self.machine.log, ["macro", "note inner"])
        self.assertEqual(self.dispatcher.commands()["NOTE"], "mine")
        undo()
        self.run_now("NOTE NAME=again")
        self.assertEqual(self.machine.log[-1], "note again")
        self.assertNotIn("OLD_NOTE", self.dispatcher.commands())

    def test_removing_what_was_renamed(self) -> None:
        undo = self.dispatcher.add_dynamic("NOTE", self.macro, "mine", "OLD_NOTE")
        self.dispatcher.remove(self.machine)
        undo()
        self.assertEqual(dict(self.dispatcher.commands()), {})

    def test_refused(self) -> None:
        for name, renamed in (("NOTE", None), ("NOT", "OLD"), ("NOTE", "WAIT")):
            error = self.assertRaises(ConfigError, self.dispatcher.add_dynamic, name, self.macro, "", renamed)
            self.assertTrue(str(error))


class States(DispatchCase):
    """What a host that is not ready still serves."""

    def setUp(self) -> None:
        super().setUp()
        self.host = PretendHost(HostState.ERROR)
        self.settings = HostSettings("/printer.cfg", software_version="v1.2.3")
        BaseCommands(self.dispatcher, self.host, self.settings).install()

    def test_others_are_refused_with_the_state(self) -> None:
        error = self.failureResultOf(self.begin("NOTE"), NotReady).value
        self.assertEqual(str(error), "Printer is in error")
        self.failureResultOf(self.begin("UNHEARD_OF"), NotReady)

    def test_base_commands(self) -> None:
        self.run_now("M115\nM110 N5\nSTATUS\nECHO hello there\nRESTART\nFIRMWARE_RESTART\nHELP")
        self.assertTrue(self.output[0].startswith("FIRMWARE_NAME:Klipper FIRMWARE_VERSION:v1.2.3 "))
        self.assertEqual(
            self.output[1:4],
            ["// Printer is in error", "// Klipper state: Not ready", "// ECHO hello there"],
        )
        self.assertEqual(self.host.restarts, [False, True])
        self.assertTrue(any(line.startswith("// RESTART   : Reload") for line in self.output))
        self.assertFalse(any(line.startswith("// M115") for line in self.output))

    def test_what_hosts_always_send_is_tolerated(self) -> None:
        self.run_now("M105\nM21\nM107\nM140 S0\nM104 T0 S0")
        self.assertEqual(self.output, ["T:0"])
        self.failureResultOf(self.begin("M140 S60"), NotReady)

    def test_emergency_stop_while_a_command_runs(self) -> None:
        self.host.present = HostState.READY
        waiting = self.begin("WAIT")
        self.run_now("M112")
        self.assertEqual(self.host.shutdowns, ["Shutdown due to M112 command"])
        self.failureResultOf(self.begin("URGENT"), NotReady)
        self.machine.held.pop().callback(None)
        self.successResultOf(waiting)

    def test_ready(self) -> None:
        self.host.present = HostState.READY
        self.run_now("NOTE\nSTATUS\nM140 S0")
        self.assertEqual(self.output, ["// Klipper state: Ready"])


class Sources(DispatchCase):
    """Who counts oks."""

    def test_acknowledgement(self) -> None:
        said: list[str] = []

        class Terminal:
            def acknowledge(self, text: str) -> None:
                said.append(text)

        line = parse_line(b"M105")
        self.successResultOf(self.begin(self.dispatcher.run_line(line, Terminal())))
        self.successResultOf(self.begin(self.dispatcher.run_line(line)))
        self.assertEqual((said, self.output), (["T:0"], ["T:0"]))
