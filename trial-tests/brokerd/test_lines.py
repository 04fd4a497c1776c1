"""The short way to many websockets: order, back-pressure, closing; and messages that can wait."""

import socket
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from brokerd.faces.frames import text_frame
from brokerd.faces.lines import Line, send_all
from brokerd.faces.waiting import LONGEST_WAIT, Waiting
from brokerd.registry.caller import SharedMessage

from .harness import BrokerTestCase, SocketClient, _Timer


class Ear:
    """A client whose line is never free."""

    def __init__(self, window_bits: int = 0) -> None:
        self.line = Line(StringTransport())
        self.line.window_bits = window_bits
        self.heard: list[bytes] = []

    def send_frame(self, frame: bytes) -> None:
        self.heard.append(frame)


def message(text: bytes) -> SharedMessage:
    return SharedMessage(text)


class SendAllTests(SynchronousTestCase):
    """Without sockets."""

    def test_each_kind_of_client_gets_its_own_frames(self) -> None:
        plain, squeezed = Ear(), Ear(15)
        texts = b"a" * 300, b"b" * 400
        send_all([plain, squeezed], *map(message, texts))
        self.assertEqual(plain.heard, [b"".join(map(text_frame, texts))])
        self.assertEqual(squeezed.heard, [b"".join(text_frame(each, 15) for each in texts)])

    def test_nobody(self) -> None:
        send_all([], message(b"x"))

    def test_a_client_without_a_line(self) -> None:
        nothing: Any = object()
        self.assertRaises(AttributeError, send_all, [nothing], message(b"x"))

    def test_write_without_a_socket(self) -> None:
        transport = StringTransport()
        line = Line(transport)
        line.write(b"one")
        line.close()
        line.write(b" two")
        self.assertEqual((transport.value(), line.free), (b"one two", False))


class WaitingTests(SynchronousTestCase):
    """Messages that are in no hurry."""

    def setUp(self) -> None:
        self.clock, self.one, self.two = Clock(), Ear(), Ear()
        self.waiting = Waiting(self.clock)
        self.load = message(b"load")

    def test_goes_along_with_the_next_update(self) -> None:
        self.waiting.hold(self.load, [self.one, self.two])
        self.waiting.send_all([self.one], message(b"status"))
        self.waiting.send_all([self.one], message(b"more"))
        frames = [text_frame(each) for each in (b"load", b"status", b"more")]
        self.assertEqual((self.one.heard, self.two.heard), ([frames[0] + frames[1], frames[2]], []))
        self.waiting.send_all([self.one, self.two], message(b"more"))
        self.assertEqual(self.two.heard, [frames[0] + frames[2]])
        self.assertEqual((len(self.one.heard), self.clock.getDelayedCalls()), (3, []))

    def test_goes_alone_in_the_end(self) -> None:
        self.waiting.hold(self.load, [self.one])
        self.clock.advance(LONGEST_WAIT)
        self.assertEqual((self.one.heard, self.two.heard), ([text_frame(b"load")], []))
        self.waiting.send_all([self.one], message(b"x"))
        self.assertEqual(len(self.one.heard), 2)

    def test_one_after_another(self) -> None:
        self.waiting.hold(self.load, [self.one])
        self.waiting.hold(message(b"again"), [self.one])
        self.clock.advance(LONGEST_WAIT)
        self.assertEqual(self.one.heard, [text_frame(b"load"), text_frame(b"again")])

    def test_who_is_gone_gets_nothing(self) -> None:
        self.waiting.hold(self.load, [self.one, self.two])
        self.waiting.forget(self.one)
        self.waiting.forget(self.two)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual((self.one.heard, self.two.heard), ([], []))

    def test_nobody_is_there(self) -> None:
        self.waiting.hold(self.load, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])


class LineTests(BrokerTestCase):
    """On real sockets."""

    async def subscriber(self) -> SocketClient:
        client = await self.socket()
        await client.ask("printer.objects.subscribe", objects={"toolhead": None})
        return client

    def last_served(self) -> Any:
        """The server's end of the client that came last."""
        return list(self.parts.sockets._open.values())[-1]

    def blobs(self, client: SocketClient) -> list[int]:
        told = [each["params"][0] for each in client.notifications if "status_update" in each["method"]]
        return [each["toolhead"]["blob"][0] for each in told]

    async def test_nothing_is_lost_or_reordered_when_a_client_reads_slowly(self) -> None:
        quick, slow = await self.subscriber(), await self.subscriber()
        served = self.last_served()
        served.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        self.assertTrue(served.line.free)
        slow.transport.pauseProducing()
        blocked = []
        for number in range(30):
            told = quick.expect("notify_status_update")
            self.fake.change("toolhead", blob=[number, "x" * 100_000])
            served.send_text(b'{"jsonrpc":"2.0","method":"between","params":[%d]}' % number)
            await told
            blocked.append(not served.line.free)
        self.assertIn(True, blocked)
        slow.transport.resumeProducing()
        await slow.ask("server.info")
        self.assertEqual(self.blobs(slow), list(range(30)))
        self.assertEqual(self.blobs(quick), list(range(30)))
        order = [each["method"] for each in slow.notifications if "proc_stat" not in each["method"]]
        self.assertEqual(order, ["notify_status_update", "between"] * 30)
        await self.until(lambda: not served.transport.dataBuffer)
        await slow.ask("server.info")
        self.assertTrue(served.line.free)

    async def test_what_waits_and_what_does_not(self) -> None:
        one, two = await self.subscriber(), await self.socket()
        count = 100
        for number in range(count):
            self.parts.sockets.deliver(SharedMessage(b'{"method":"load","params":[%d]}' % number, True))
            self.fake.change("toolhead", blob=[number])
            self.fake.say(f"// {number}")
            if number % 10 == 0:
                await two.ask("server.info")
        for client in one, two:
            await self.until(lambda c=client: len(self.told(c, "gcode_response")) == count)
            said = [f"// {number}" for number in range(count)]
            self.assertEqual(self.told(client, "gcode_response"), said)
            self.assertEqual(self.told(client, "load"), list(range(count)))
        self.assertEqual((self.blobs(one), self.blobs(two)), (list(range(count)), []))

    def told(self, client: SocketClient, name: str) -> list[Any]:
        return [each["params"][0] for each in client.notifications if name in each["method"]]

    async def test_a_client_that_has_gone_harms_nobody(self) -> None:
        gone = await self.subscriber()
        served = self.last_served()
        stays = await self.subscriber()
        served.transport.socket.shutdown(socket.SHUT_WR)  # from now on the kernel refuses
        for number in range(5):
            self.fake.change("toolhead", blob=[number])
        self.assertFalse(served.line.free)
        await gone.closed
        self.sockets.remove(gone)
        await stays.ask("server.info")
        self.assertEqual(self.parts.sockets.count, 1)
        self.assertEqual(self.blobs(stays), [0, 1, 2, 3, 4])

    async def test_nothing_follows_a_close(self) -> None:
        client = await self.subscriber()
        served = self.last_served()
        served.sendClose(1000, "enough")
        self.assertFalse(served.line.free)
        self.fake.change("toolhead", blob=[1])
        code, reason = await client.closed
        self.assertEqual((code, reason, self.blobs(client)), (1000, "enough", []))
        self.sockets.remove(client)
        await self.until(lambda: self.parts.sockets.count == 0)
        self.assertFalse(served.line.free)

    async def test_many_with_different_wishes(self) -> None:
        clients = [await self.subscriber() for _ in range(5)]
        others = [await self.socket() for _ in range(5)]
        for each in others:
            await each.ask("printer.objects.subscribe", objects={"extruder": ["target"]})
        told = [each.expect("notify_status_update") for each in clients]
        self.fake.change("toolhead", blob=[7])
        await gatherResults(told)
        told = [each.expect("notify_status_update") for each in others]
        self.fake.change("extruder", target=5.0, temperature=1.0)
        for status, _ in await gatherResults(told):
            self.assertEqual(status, {"extruder": {"target": 5.0}})
        self.assertEqual([self.blobs(each) for each in clients], [[7]] * 5)


class TlsTests(BrokerTestCase):
    """Over TLS nothing goes straight."""

    async def test_updates_over_tls(self) -> None:
        authority = Certificate.loadPEM((await self.get("/server/tls/ca.crt")).body)
        factory = WebSocketClientFactory(f"wss://localhost:{self.port}/websocket", reactor=reactor)
        factory.noisy = False
        factory.protocol = SocketClient
        factory._batched_timer = _Timer()
        endpoint = wrapClientTLS(
            optionsForClientTLS("localhost", authority), TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)
        )
        client = await endpoint.connect(factory)
        self.sockets.append(client)
        await client.opened
        await client.ask("printer.objects.subscribe", objects={"toolhead": None})
        (served,) = self.parts.sockets._open.values()
        self.assertFalse(served.line.free)
        for number in range(5):
            told = client.expect("notify_status_update")
            self.fake.change("toolhead", blob=[number, "x" * 200_000])
            self.assertEqual((await told)[0]["toolhead"]["blob"][0], number)
        self.assertFalse(served.line.free)
