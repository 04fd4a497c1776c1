"""The pseudo-tty itself: readers come and go, and none of them can hold up the host."""

import contextlib
import os
import termios

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from klipperd.gcode.base import BaseCommands
from klipperd.gcode.dispatch import Dispatcher
from klipperd.objects.services import HostSettings
from klipperd.terminal.service import LinkInTheWay, Terminal

from ..gcode.planner import PretendHost


class Reader:
    """Someone who has the terminal open."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.data = b""

    def read(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            self.data += os.read(self.fd, 65536)
        return self.data

    async def until(self, wanted: bytes) -> bytes:
        """Everything up to the first time that C{wanted} was read; the test's timeout bounds it."""
        while wanted not in self.read():
            await deferLater(reactor, 0.01)  # type: ignore[arg-type]
        return self.data

    def say(self, text: bytes) -> None:
        os.write(self.fd, text)

    def close(self) -> None:
        os.close(self.fd)


class Pty(TestCase):
    """One terminal."""

    timeout = 20

    def setUp(self) -> None:
        self.path = os.path.abspath(self.mktemp())
        self.dispatcher = Dispatcher(reactor)  # type: ignore[arg-type]
        BaseCommands(self.dispatcher, PretendHost(), HostSettings("/p.cfg")).install()
        self.terminal = self.make()
        self.terminal.startService()
        self.addCleanup(self._stop)

    def _stop(self) -> None:
        if self.terminal.running:
            self.terminal.stopService()

    def make(self) -> Terminal:
        return Terminal(reactor, self.path, self.dispatcher)  # type: ignore[arg-type]

    def open(self) -> Reader:
        return Reader(self.path)

    async def test_conversation(self) -> None:
        reader = self.open()
        reader.say(b"N0 M110 N0*125\nECHO hi\n")
        self.assertEqual(await reader.until(b"ok\n// ECHO hi\nok\n"), b"ok\n// ECHO hi\nok\n")
        reader.close()

    async def test_raw(self) -> None:
        reader = self.open()
        flags = termios.tcgetattr(reader.fd)[3]
        self.assertEqual(flags & (termios.ECHO | termios.ICANON | termios.ISIG), 0)
        reader.close()

    async def test_reader_goes_and_another_comes(self) -> None:
        for round_ in range(3):
            reader = self.open()
            reader.say(f"N{round_ * 7} ECHO {round_}\n".encode())
            answer = await reader.until(b"ok\n")
            self.assertEqual(answer, f"// ECHO {round_}\nok\n".encode())
            reader.close()
            self.dispatcher.output.line("nobody hears this")
            while self.terminal._open:
                await deferLater(reactor, 0.01)  # type: ignore[arg-type]
            self.dispatcher.output.line("nor this")

    async def test_reader_that_stops_reading(self) -> None:
        reader = self.open()
        reader.say(b"ECHO hi\n")
        await reader.until(b"ok\n")
        for number in range(5000):
            self.dispatcher.output.line(f"// line {number} " + "x" * 80)
        self.assertGreater(self.terminal._outbox.dropped, 0)
        reader.say(b"ECHO still there\n")
        reader.data = b""
        tail = await reader.until(b"// ECHO still there\nok\n")
        self.assertIn(b"// line 4999 ", tail)
        # Whatever was dropped, no line is a mixture.
        self.assertTrue(all(line[:2] in (b"//", b"ok") for line in tail.splitlines()))
        reader.close()

    async def test_many_lines_at_once(self) -> None:
        reader = self.open()
        os.set_blocking(reader.fd, False)
        text, sent = b"".join(b"ECHO %d\n" % n for n in range(3000)), 0
        while reader.data.count(b"ok\n") < 3000:
            with contextlib.suppress(BlockingIOError):
                sent += os.write(reader.fd, text[sent : sent + 4096])
            reader.read()
            await deferLater(reactor, 0)  # type: ignore[arg-type]
        said = [line for line in reader.data.splitlines() if line != b"ok"]
        self.assertEqual(said, [b"// ECHO %d" % n for n in range(3000)])
        reader.close()

    async def test_link(self) -> None:
        self.assertTrue(os.path.islink(self.path))
        self.terminal.stopService()
        self.assertFalse(os.path.lexists(self.path))
        os.symlink("/nowhere", self.path)
        self.terminal = self.make()
        self.terminal.startService()
        self.assertTrue(os.path.exists(self.path))
        # Another terminal takes the name; the first one leaves it alone.
        second = self.make()
        second.startService()
        target = os.readlink(self.path)
        self.terminal.stopService()
        self.assertEqual(os.readlink(self.path), target)
        second.stopService()

    async def test_file_in_the_way(self) -> None:
        self.terminal.stopService()
        with open(self.path, "w") as precious:
            precious.write("data")
        self.assertRaises(LinkInTheWay, self.make().startService)
        self.assertRaises(LinkInTheWay, Terminal(reactor, "/nowhere/x", self.dispatcher).startService)  # type: ignore[arg-type]
        with open(self.path) as precious:
            self.assertEqual(precious.read(), "data")

    async def test_stopping_with_a_reader(self) -> None:
        reader = self.open()
        reader.say(b"ECHO hi\n")
        await reader.until(b"ok\n")
        self.terminal.stopService()
        self.assertEqual(os.read(reader.fd, 10), b"")
        reader.close()
