"""The websocket protocol itself: the Autobahn test suite's cases, run by kosoku in a process of its own.

The server is ours in every option and in how it frames and compresses; only its messages are echoes.
"""

import sys
from itertools import count
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, TestCase

from brokerd.faces import frames
from brokerd.faces.frames import text_frame
from brokerd.faces.websocket import Socket, SocketFactory
from brokerd.registry.caller import Caller, Role

_MOST = 17 * 1024 * 1024


class EchoSocket(Socket):
    """Answers with what it gets."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        frame = text_frame(payload, self.line.window_bits)
        opcode = 1 if isBinary else 0  # what has to be added to that of a text
        self.line.write(bytes([frame[0] + opcode]) + frame[1:])

    def onConnect(self, request: Any) -> None:
        self.caller = Caller(Role.ADMIN, connection=self)


class _Nothing:
    """A gate and a hub for a server that needs neither."""

    def watch(self, left: Any) -> None:
        """Nobody logs out."""

    def drop(self, subscriber: Any) -> None:
        """Nobody subscribes."""


class ConformanceTests(TestCase):
    timeout = 120

    async def run_cases(self, include: str, least: int) -> None:
        program = Path(sys.executable).parent / "kosoku"
        if not program.exists():
            raise SkipTest("kosoku is not installed")
        nothing: Any = _Nothing()
        factory = SocketFactory(nothing, nothing, nothing, nothing, 1000, reactor, count())  # type: ignore[arg-type]
        factory.protocol = EchoSocket
        factory.setProtocolOptions(maxFramePayloadSize=_MOST, maxMessagePayloadSize=_MOST)
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        self.addCleanup(port.stopListening)
        address = f"127.0.0.1:{port.getHost().port}"
        folder = Path(self.mktemp())
        folder.mkdir()
        arguments = ["-p", "4", "-o", str(folder)]
        arguments += [word for case in include.split() for word in ("-i", case)]
        out, err, code = await getProcessOutputAndValue(str(program), [*arguments, address])
        said = (out + err).decode(errors="replace")
        self.assertEqual(code, 0, said[-3000:])
        self.assertGreaterEqual(len(list(folder.rglob("*.json"))), least, said[-1000:])

    async def test_protocol(self) -> None:
        """Framing, pings, fragments, UTF-8, close codes, limits."""
        await self.run_cases("1.* 2.* 3.* 4.* 5.* 6.* 7.* 9.1.1 9.1.6 9.2.6 10.*", 200)

    async def test_compression(self) -> None:
        """permessage-deflate with its parameters.

        Short messages are compressed, too: kosoku 0.1 trips over those that are not, which RFC 7692 allows.
        """
        self.patch(frames, "LEAST", 0)
        await self.run_cases(
            "12.1.1 12.1.4 12.2.2 12.5.4 13.1.1 13.2.2 13.3.3 13.4.4 13.5.1 13.6.2 13.7.3", 11
        )
