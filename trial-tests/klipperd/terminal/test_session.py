"""A terminal answers every line with one ok, asks for damaged lines again, and never blocks."""

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.gcode.base import BaseCommands
from klipperd.gcode.dispatch import Dispatcher, GcodeCall
from klipperd.objects.call import Call, command
from klipperd.objects.services import HostSettings
from klipperd.terminal.outbox import Outbox
from klipperd.terminal.session import PENDING_LIMIT, TerminalSession

from ..gcode.planner import PretendHost


def sealed(text: str) -> bytes:
    """With its checksum."""
    total = 0
    for byte in text.encode():
        total ^= byte
    return f"{text}*{total}\n".encode()


@define(eq=False)
class Machine:
    log: list[str] = field(factory=list)
    held: list["Deferred[None]"] = field(factory=list)

    @command("G1")
    async def move(self, call: GcodeCall) -> None:
        self.log.append(call.raw)

    @command("G28")
    async def home(self, call: Call) -> None:
        held: Deferred[None] = Deferred()
        self.held.append(held)
        await held

    @command("M104")
    async def fail(self, call: Call) -> None:
        raise CommandError("too hot")

    @command("M114")
    async def tell(self, call: Call) -> None:
        call.respond("X:0 Y:0")


class SessionCase(SynchronousTestCase):
    """A session without a terminal."""

    def setUp(self) -> None:
        self.host, self.clock = PretendHost(), Clock()
        self.dispatcher = Dispatcher(self.clock)
        BaseCommands(self.dispatcher, self.host, HostSettings("/p.cfg")).install()
        self.machine = Machine()
        self.dispatcher.add(self.machine)
        self.output: list[str] = []
        self.held: list[bool] = []
        self.session = TerminalSession(self.dispatcher, self.output.append, self.held.append)
        self.session.start()

    def say(self, data: bytes) -> list[str]:
        before = len(self.output)
        self.session.received(data)
        return self.output[before:]


class Answers(SessionCase):
    """ok and what comes before it."""

    def test_one_ok_a_line(self) -> None:
        self.assertEqual(self.say(b"G1 X1\nM114\n\n; comment\n"), ["ok", "X:0 Y:0", "ok", "ok", "ok"])

    def test_temperatures_come_with_the_ok(self) -> None:
        self.assertEqual(self.say(b"M105\n"), ["ok T:0"])

    def test_error(self) -> None:
        self.assertEqual(
            self.say(b"M104 S1\nG1 X\n"),
            [
                "!! too hot",
                "ok",
                "!! Malformed word 'X' in line 2 (byte 3)",
                "ok",
            ],
        )

    def test_unknown(self) -> None:
        self.assertEqual(self.say(b"foo\n"), ['// Unknown command:"FOO"', "ok"])

    def test_lines_in_pieces(self) -> None:
        self.assertEqual(self.say(b"G1 "), [])
        self.assertEqual(self.say(b"X1\r\nG1 X2"), ["ok"])
        self.say(b"\n")
        self.assertEqual(self.machine.log, ["G1 X1", "G1 X2"])

    def test_order_while_a_command_takes_its_time(self) -> None:
        self.assertEqual(self.say(b"G28\nG1 X1\nM105\n"), [])
        self.assertEqual(self.machine.log, [])
        self.machine.held.pop().callback(None)
        self.assertEqual(self.output, ["ok", "ok", "ok T:0"])

    def test_emergency_stop_does_not_wait(self) -> None:
        self.say(b"G28\nG1 X1\n")
        self.assertEqual(self.say(b"M112\n"), ["ok"])
        self.assertEqual(self.host.shutdowns, ["Shutdown due to M112 command"])

    def test_what_others_cause_is_shown(self) -> None:
        Deferred.fromCoroutine(self.dispatcher.run_script("RESPONDING"))
        self.assertEqual(self.output, ['// Unknown command:"RESPONDING"'])
        self.session.stop()
        self.dispatcher.output.line("later")
        self.assertEqual(len(self.output), 1)

    def test_firmware_version(self) -> None:
        answer = self.say(b"M115\n")
        self.assertTrue(answer[0].startswith("FIRMWARE_NAME:"))
        self.assertEqual(answer[1:], ["ok"])

    @given(st.lists(st.sampled_from([b"G1 X1", b"M105", b"M104", b"M114", b"x", b"", b"G1 Xx", b"STATUS"])))
    @settings(deadline=None)
    def test_as_many_oks_as_lines(self, lines: list[bytes]) -> None:
        self.setUp()
        answers = self.say(b"".join(line + b"\n" for line in lines))
        self.assertEqual(sum(a == "ok" or a.startswith("ok ") for a in answers), len(lines))


class Numbers(SessionCase):
    """Line numbers and checksums."""

    def test_as_print_hosts_begin(self) -> None:
        self.assertEqual(self.say(b"N0 M110 N0*125\n"), ["ok"])
        self.assertEqual(self.say(b"N1 M115*39\n")[-1], "ok")
        self.assertEqual(self.say(sealed("N2 G1 X5")), ["ok"])
        self.assertEqual(self.machine.log, ["G1 X5"])

    def test_damaged_line_is_asked_for_again(self) -> None:
        self.say(b"N0 M110 N0*125\n")
        self.assertEqual(self.say(b"N1 G1 X1*1\n"), ["Resend: 1", "ok"])
        self.assertEqual(self.say(sealed("N1 G1 X1")), ["ok"])
        self.assertEqual(self.machine.log, ["G1 X1"])

    def test_damage_before_any_number(self) -> None:
        self.assertEqual(self.say(b"N5 G1 X1*1\n"), ["Resend: 5", "ok"])

    def test_gap_and_repetition(self) -> None:
        self.say(sealed("N1 G1 X1"))
        self.assertEqual(self.say(sealed("N3 G1 X3")), ["Resend: 2", "ok"])
        self.assertEqual(self.say(sealed("N1 G1 X1")), ["Resend: 2", "ok"])
        self.say(sealed("N2 G1 X2") + sealed("N3 G1 X3"))
        self.assertEqual(self.machine.log, ["G1 X1", "G1 X2", "G1 X3"])

    def test_starting_anew(self) -> None:
        self.say(sealed("N1 G1 X1") + sealed("N2 M110 N99") + sealed("N100 G1 X2") + b"M110 N7\n")
        self.assertEqual(self.say(sealed("N8 G1 X3")), ["ok"])
        self.assertEqual(len(self.machine.log), 3)

    def test_next_reader_starts_anew(self) -> None:
        self.say(sealed("N1 G1 X1") + b"G1 X")
        self.session.reset()
        self.assertEqual(self.say(sealed("N40 G1 X2")), ["ok"])
        self.assertEqual(self.machine.log, ["G1 X1", "G1 X2"])

    @given(st.lists(st.sampled_from(["good", "damaged", "lost", "twice"]), max_size=20))
    @settings(deadline=None)
    def test_sender_that_obeys_gets_every_line_done_once(self, line_noise: list[str]) -> None:
        self.setUp()
        lines = {n: f"N{n} G1 X{n}" for n in range(1, 11)}
        self.say(b"N0 M110 N0*125\n")
        following = 1
        while following in lines:
            fate = line_noise.pop() if line_noise else "good"
            data = sealed(lines[following])
            answers = []
            if fate == "damaged":
                data = data.replace(b"G1", b"G2")
            if fate != "lost":
                answers = self.say(data * (2 if fate == "twice" else 1))
            following += 1
            for answer in answers:
                if answer.startswith("Resend: "):
                    following = int(answer.removeprefix("Resend: "))
            if fate == "lost" and following not in lines:
                following -= 1  # no answer came: the sender's own timeout
        self.assertEqual(self.machine.log, [f"G1 X{n}" for n in range(1, 11)])


class Floods(SessionCase):
    """Too much at once."""

    def test_input_is_held_and_taken_up_again(self) -> None:
        self.say(b"G28\n" + b"G1 X1\n" * (PENDING_LIMIT + 5))
        self.assertEqual(self.held, [True])
        self.machine.held.pop().callback(None)
        self.clock.pump([0] * 20)
        self.assertIs(self.held[-1], False)
        self.assertEqual(len(self.machine.log), PENDING_LIMIT + 5)

    def test_endless_line(self) -> None:
        for _ in range(10):
            self.session.received(b"x" * 10_000)
        self.assertTrue(self.output[0].startswith("!! a line of more than"))
        self.assertEqual(self.say(b"\nG1 X1\n")[-1], "ok")


class Boxes(SynchronousTestCase):
    """Output that nobody reads."""

    def test_oldest_go_first_and_oks_last(self) -> None:
        box = Outbox(limit=1000)
        for number in range(200):
            box.add(b"// %04d\n" % number)
            box.add(b"ok\n")
        text = box.head()
        self.assertLessEqual(len(text), 1000)
        self.assertEqual(text.count(b"ok\n"), 200)
        self.assertTrue(text.endswith(b"// 0199\nok\n"))
        self.assertNotIn(b"// 0000", text)

    @given(st.lists(st.one_of(st.integers(1, 60), st.sampled_from([b"ok\n", b"// some text\n"]))))
    @settings(deadline=None)
    def test_what_is_written_is_whole_lines_in_order(self, steps: list[int | bytes]) -> None:
        box, added, written = Outbox(limit=100), [], b""
        for step in steps:
            if isinstance(step, bytes):
                line = b"%d %s" % (len(added), step) if not step.startswith(b"ok") else step
                added.append(line)
                box.add(line)
            elif box:
                part = box.head()[:step]
                box.written(len(part))
                written += part
        while box:
            part = box.head()
            box.written(len(part))
            written += part
        lines = written.splitlines(keepends=True)
        self.assertEqual(len(lines) + box.dropped, len(added))
        remaining = iter(added)
        self.assertTrue(all(line in remaining for line in lines), (lines, added))
