"""The short way of an HTTP request against the long one, and clients that take their time."""

import zlib
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateResponseAccept
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from brokerd.faces.express import plain_headers
from brokerd.faces.frames import text_frame
from brokerd.faces.patience import Patience, Progress

from .harness import BrokerTestCase, SocketClient, _Timer


class HeaderTests(SynchronousTestCase):
    """What is plain enough for the short way."""

    def test_plain(self) -> None:
        self.assertEqual(plain_headers(b""), {})
        self.assertEqual(plain_headers(b"Host: a\r\nX-Api-Key:\t5 "), {"host": "a", "x-api-key": "5"})

    def test_not_plain(self) -> None:
        for block in (
            b"Host", b": x", b"A b: x", b" folded: x", b"A: x\r\n folded", b"A: x\r\na: y", b"A: \0",
            b"A: x\ry", b"Connection: close", b"Connection: Upgrade", b"Content-Length: 0", b"Expect: x",
            b"Transfer-Encoding: chunked", b"Origin: http://x", b"\xff: x", b"A: x\r\n",
        ):  # fmt: skip
            self.assertIsNone(plain_headers(block), block)

    @given(st.binary())
    def test_any_bytes(self, block: bytes) -> None:
        headers = plain_headers(block)
        for name in headers or {}:
            self.assertEqual(name, name.lower())


class FrameTests(SynchronousTestCase):
    """Frames."""

    @given(st.binary(max_size=70000), st.sampled_from([0, 9, 12, 15]))
    def test_any_payload(self, payload: bytes, bits: int) -> None:
        frame = text_frame(payload, bits)
        size = frame[1]
        start = {126: 4, 127: 10}.get(size, 2)
        length = size if start == 2 else int.from_bytes(frame[2:start], "big")
        body = frame[start:]
        self.assertEqual(length, len(body))
        if frame[0] & 0x40:
            body = zlib.decompressobj(-bits).decompress(body + b"\x00\x00\xff\xff")
        self.assertEqual(body, payload)


class SameAnswerTests(BrokerTestCase):
    """Both ways answer alike."""

    async def both(self, path: str, **headers: str) -> None:
        sent = "".join(f"{n.replace('_', '-')}: {v}\r\n" for n, v in headers.items())
        answers = []
        taken = []
        for extra in ("", "Expect: nothing\r\n"):
            connection = await self.open_raw()
            request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{sent}{extra}\r\n"
            connection.transport.write(request.encode())
            await self.until(lambda c=connection: b"\r\n\r\n" in c.data)
            head, _, body = connection.data.partition(b"\r\n\r\n")
            taken.append(next(iter(self.parts.site.channels))._express._block != b"\0")
            connection.transport.loseConnection()
            await self.until(lambda c=connection: c.lost)
            await self.until(lambda: not self.parts.site.channels)
            names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]} - {b"server"}
            answers.append((head.split(b"\r\n")[0], names, body))
        self.assertEqual(answers[0], answers[1], path)
        self.assertEqual(taken, [True, False], path)

    async def test_same(self) -> None:
        for path in (
            "/server/info", "/server/gcode_store?count=many", "/server/gcode_store?count=1",
            "/server/database/item", "/server/files/metadata?filename=none.gcode", "/access/info",
            "/printer/objects/query?toolhead", "/server/files/list?root=%ff",
        ):  # fmt: skip
            await self.both(path)
        await self.both("/server/info", X_Api_Key="wrong")
        await self.both("/server/info", X_Forwarded_For="1.2.3.4")

    async def test_a_row_on_one_connection(self) -> None:
        connection = await self.open_raw()
        request = b"GET /printer/objects/query?toolhead HTTP/1.1\r\nHost: x\r\n\r\n"
        for count in range(1, 6):
            connection.transport.write(request)
            await self.until(lambda n=count: connection.data.count(b"200 OK") == n)
        connection.transport.write(request * 5)  # several at once take the long way
        await self.until(lambda: connection.data.count(b"200 OK") == 10)
        connection.transport.loseConnection()

    async def test_what_comes_while_a_request_waits(self) -> None:
        connection = await self.open_raw()
        held = self.parts.host.request
        waiting: list[Any] = []

        async def slow(method: str, params: Any = None) -> Any:
            from twisted.internet.defer import Deferred

            gate: Deferred[None] = Deferred()
            waiting.append(gate)
            await gate
            return await held(method, params)

        self.patch(type(self.parts.host), "request", lambda host, *rest: slow(*rest))
        connection.transport.write(b"GET /printer/info HTTP/1.1\r\nHost: x\r\n\r\n")
        await self.until(lambda: waiting)
        connection.transport.write(b"GET /server/info HTTP/1.1\r\nHost: x\r\n")
        (channel,) = self.parts.site.channels
        await self.until(lambda: channel._express._held)
        connection.transport.write(b"\r\n")
        waiting[0].callback(None)
        await self.until(lambda: connection.data.count(b"200 OK") == 2)
        self.assertLess(connection.data.index(b"hostname"), connection.data.index(b"klippy_state"))
        connection.transport.loseConnection()

    async def test_broken_requests_are_answered_or_closed(self) -> None:
        for text in (
            b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nA\r\n\r\n",
            b"GET /server/info HTTP/1.1\r\nA: " + b"x" * 40000 + b"\r\n\r\n",
            b"GET /server/info HTTP/1.1\r\n" + b"A: x\r\n" * 2000 + b"\r\n",
            b"POST /server/info HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
            b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n\r\n",
        ):  # fmt: skip
            connection = await self.open_raw()
            connection.transport.write(text)
            await self.until(lambda c=connection: c.lost or b"HTTP/1." in c.data)
            self.assertNotIn(b"Traceback", connection.data)
            connection.transport.loseConnection()
        self.assertEqual((await self.get("/server/info")).code, 200)


class _Transport:
    dataBuffer, offset, _tempDataBuffer = b"", 0, ()

    def __init__(self) -> None:
        self.aborted = self.closed = False

    def abortConnection(self) -> None:
        self.aborted = True

    def loseConnection(self) -> None:
        self.closed = True


class _Channel:
    def __init__(self, **state: bool) -> None:
        self.transport, self.progress, self.received = _Transport(), Progress(), 0
        self.peer_address, self.busy = "1.2.3.4", False
        self.in_headers = self.in_body = self.reading_slowly = False
        self.__dict__.update(state)


class PatienceTests(SynchronousTestCase):
    """Slow clients."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.channels: list[_Channel] = []
        self.patience = Patience(self.clock, self.channels)

    def watch(self, **state: bool) -> _Channel:
        channel = _Channel(**state)
        self.channels.append(channel)
        self.patience.begin()
        return channel

    def pass_seconds(self, seconds: int) -> None:
        self.clock.pump([1.0] * seconds)

    def test_headers_in_drops(self) -> None:
        channel = self.watch(in_headers=True)
        for _ in range(24):
            channel.received += 1000
            self.pass_seconds(1)
        self.assertFalse(channel.transport.aborted)
        self.pass_seconds(5)
        self.assertTrue(channel.transport.aborted)

    def test_bodies(self) -> None:
        slow, quick = self.watch(in_body=True), self.watch(in_body=True)
        for _ in range(60):
            slow.received += 100
            quick.received += 2000
            self.pass_seconds(1)
        self.assertEqual((slow.transport.aborted, quick.transport.aborted), (True, False))

    def test_readers(self) -> None:
        stuck, slow = self.watch(reading_slowly=True), self.watch(reading_slowly=True)
        for count in range(80):
            slow.transport.dataBuffer = b"x" * (1000 - count)
            self.pass_seconds(1)
        self.assertEqual((stuck.transport.aborted, slow.transport.aborted), (True, False))

    def test_too_many(self) -> None:
        channels = [self.watch() for _ in range(405)]
        self.pass_seconds(5)
        self.assertEqual(sum(each.transport.closed for each in channels), 5)

    def test_rests_when_nobody_is_there(self) -> None:
        self.watch()
        self.channels.clear()
        self.pass_seconds(6)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class CompressionTests(BrokerTestCase):
    """A client that asks for compression."""

    async def test_compressed_once(self) -> None:
        factory = WebSocketClientFactory(f"ws://127.0.0.1:{self.port}/websocket", reactor=reactor)
        factory.noisy = False
        factory.protocol = SocketClient
        factory._batched_timer = _Timer()
        factory.setProtocolOptions(
            perMessageCompressionOffers=[PerMessageDeflateOffer()],
            perMessageCompressionAccept=PerMessageDeflateResponseAccept,
        )
        clients = [await TCP4ClientEndpoint(reactor, "127.0.0.1", self.port).connect(factory) for _ in "ab"]
        plain = await self.socket()
        self.sockets += clients
        for each in clients:
            await each.opened
            self.assertIsNotNone(each._perMessageCompress)
        for each in (*clients, plain):
            await each.ask("printer.objects.subscribe", objects={"toolhead": None})
        told = [each.expect("notify_status_update") for each in (*clients, plain)]
        self.fake.change("toolhead", note="word " * 1000)
        for each in told:
            self.assertEqual((await each)[0], {"toolhead": {"note": "word " * 1000}})
