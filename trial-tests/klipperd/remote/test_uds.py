"""The socket: framing, ids, errors, order, clients that misbehave."""

import os
import socket
from typing import Any

import orjson
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectionAborted
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from klipperd.errors import CommandError
from klipperd.gcode.breath import Breath
from klipperd.objects.call import param, remote
from klipperd.remote.framing import LONGEST, MessageSplitter, TooLong, encode
from klipperd.remote.procedures import Client, Procedures
from klipperd.remote.uds import BACKLOG_LIMIT, SocketInUse, UdsProtocol, UdsServer


@define(eq=False)
class Service:
    """Procedures of every kind."""

    clock: Clock
    held: "list[Deferred[None]]"
    began: list[int]
    client: Client | None = None

    @remote("add")
    async def add(self, *, a: int, b: int = param(default=1, maximum=10)) -> dict[str, int]:
        self.clock.rightNow += 0.0005
        self.began.append(a)
        return {"sum": a + b}

    @remote("wait")
    async def wait(self) -> dict[str, str]:
        held: Deferred[None] = Deferred()
        self.held.append(held)
        await held
        return {"waited": "yes"}

    @remote("refuse")
    async def refuse(self) -> dict[str, str]:
        raise CommandError("Must home axis first")

    @remote("break")
    async def break_down(self) -> dict[str, str]:
        raise ZeroDivisionError

    @remote("odd")
    async def odd(self) -> dict[str, object]:
        return {"odd": object()}

    @remote("subscribe", with_client=True)
    async def subscribe(self, client: Client) -> dict[str, str]:
        self.client = client
        return {}


class Transport(StringTransport):
    """A transport whose peer reads slowly or not at all."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        super().abortConnection()


class ProtocolCase(SynchronousTestCase):
    """One connection."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.service = Service(self.clock, [], [])
        self.procedures = Procedures()
        self.procedures.add(self.service)
        self.protocol = UdsProtocol(self.procedures, Breath(self.clock), set())
        self.transport = Transport()
        self.protocol.makeConnection(self.transport)

    def answers(self) -> list[dict[str, Any]]:
        parts = self.transport.value().split(b"\x03")
        self.assertEqual(parts.pop(), b"")
        self.transport.clear()
        return [orjson.loads(part) for part in parts]

    def ask(self, *requests: Any) -> list[dict[str, Any]]:
        self.protocol.dataReceived(b"".join(orjson.dumps(r) + b"\x03" for r in requests))
        return self.answers()


class Requests(ProtocolCase):
    """Answers."""

    def test_result_with_the_same_id(self) -> None:
        for number in (7, "seven", [7], {"seven": 7}, 0, False):
            answer = self.ask({"id": number, "method": "add", "params": {"a": 2}})
            self.assertEqual(answer, [{"id": number, "result": {"sum": 3}}])

    def test_no_answer_without_id(self) -> None:
        self.assertEqual(self.ask({"method": "add", "params": {"a": 2}}), [])
        self.assertEqual(self.ask({"id": None, "method": "refuse"}), [])
        self.assertEqual(self.service.began, [2])

    def test_errors(self) -> None:
        for request, text in (
            ({"id": 1, "method": "refuse"}, "Must home axis first"),
            ({"id": 1, "method": "ad"}, "unknown method 'ad'; did you mean 'add'?"),
            ({"id": 1, "method": "add"}, "add: parameter 'a' is missing"),
            ({"id": 1, "method": "add", "params": {"a": "x"}}, "add: parameter 'a': 'x' is no int"),
            ({"id": 1, "method": "add", "params": {"a": 1, "b": 11}}, "11 is above the maximum of 10"),
            ({"id": 1, "method": "add", "params": [1]}, "params must be a dictionary"),
            ({"id": 1, "method": 5}, "a request must name its method"),
            ({"id": 1}, "a request must name its method"),
        ):
            (answer,) = self.ask(request)
            self.assertEqual(answer["id"], 1)
            self.assertEqual(answer["error"]["error"], "WebRequestError")
            self.assertIn(text, answer["error"]["message"])

    def test_fault_of_the_program_is_an_answer_too(self) -> None:
        (answer,) = self.ask({"id": 1, "method": "break"})
        self.assertIn("Internal error in break", answer["error"]["message"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        (answer,) = self.ask({"id": 2, "method": "odd"})
        self.assertEqual(answer["id"], 2)
        self.assertIn("Internal error", answer["error"]["message"])

    def test_no_json(self) -> None:
        for data in (b"{", b"\xff\xfe", b"", b"nonsense", b"[1]", b"5"):
            self.protocol.dataReceived(data + b"\x03")
            (answer,) = self.answers()
            self.assertIn("error", answer)
        self.assertEqual(self.ask({"id": 1, "method": "add", "params": {"a": 1}})[0]["result"], {"sum": 2})

    def test_order(self) -> None:
        """They begin in order; one that waits keeps nobody waiting."""
        answers = self.ask(
            {"id": 1, "method": "wait"},
            *({"id": n, "method": "add", "params": {"a": n}} for n in (2, 3, 4)),
        )
        self.assertEqual(([a["id"] for a in answers], self.service.began), ([2, 3, 4], [2, 3, 4]))
        self.service.held.pop().callback(None)
        self.assertEqual(self.answers(), [{"id": 1, "result": {"waited": "yes"}}])

    def test_many_requests_at_once_let_the_reactor_run(self) -> None:
        requests = [{"id": n, "method": "add", "params": {"a": n}} for n in range(100)]
        first = self.ask(*requests)
        self.assertLess(len(first), 15)
        self.clock.pump([0] * 100)
        self.assertEqual([a["id"] for a in first + self.answers()], list(range(100)))

    def test_connection_lost_while_a_request_runs(self) -> None:
        self.ask({"id": 1, "method": "wait"})
        closed: list[str] = []
        self.ask({"id": 2, "method": "subscribe"})
        assert self.service.client is not None
        self.service.client.on_close.append(lambda: closed.append("closed"))
        self.protocol.connectionLost(Failure(ConnectionAborted()))
        self.assertEqual(closed, ["closed"])
        self.protocol.connected = 0
        self.service.held.pop().callback(None)
        self.service.client.notify({}, {"a": 1})
        self.assertEqual(self.answers(), [])

    @given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 30))
    @settings(deadline=None)
    def test_any_cut_of_the_bytes(self, numbers: list[int], size: int) -> None:
        self.setUp()
        data = b"".join(
            orjson.dumps({"id": i, "method": "add", "params": {"a": n}}) + b"\x03"
            for i, n in enumerate(numbers)
        )
        for at in range(0, len(data), size):
            self.protocol.dataReceived(data[at : at + size])
        self.clock.pump([0] * 10)
        self.assertEqual([a["result"]["sum"] for a in self.answers()], [n + 1 for n in numbers])


class BadClients(ProtocolCase):
    """Those that send without end, or never read."""

    def test_endless_message(self) -> None:
        for _ in range(LONGEST // (1 << 20) + 1):
            self.protocol.dataReceived(b"x" * (1 << 20))
        self.assertTrue(self.transport.disconnecting)

    def test_splitter_keeps_its_bounds(self) -> None:
        splitter = MessageSplitter()
        self.assertRaises(TooLong, splitter.feed, b"x" * (LONGEST + 1))

    def test_client_that_does_not_read(self) -> None:
        self.ask({"id": 1, "method": "subscribe"})
        client = self.service.client
        assert client is not None
        self.protocol.pauseProducing()
        self.assertEqual(self.transport.producerState, "paused")
        client.notify({}, {"n": 1})
        self.assertEqual(self.ask({"id": 2, "method": "add", "params": {"a": 1}}), [])
        self.assertEqual(self.service.began, [])
        self.protocol.resumeProducing()
        first, second = self.answers()
        self.assertEqual((first, second["id"]), ({"params": {"n": 1}}, 2))

    def test_client_that_never_reads_is_dropped(self) -> None:
        self.ask({"id": 1, "method": "subscribe"})
        client = self.service.client
        assert client is not None
        self.protocol.pauseProducing()
        for _ in range(BACKLOG_LIMIT // 100_000 + 2):
            client.notify({}, {"text": "x" * 100_000})
        self.assertTrue(self.transport.aborted)

    def test_encoding_never_holds_the_end_mark(self) -> None:
        self.assertEqual(encode({"a": "\x03", "b": (1, 2)}).count(b"\x03"), 1)


class Lines(Protocol):
    """A client that collects what comes."""

    def __init__(self) -> None:
        self.data = b""
        self.lost: Deferred[None] = Deferred()
        self.wanted: list[tuple[int, Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        for count, done in self.wanted:
            if self.data.count(b"\x03") >= count and not done.called:
                done.callback(None)

    def messages(self, count: int) -> "Deferred[None]":
        done: Deferred[None] = Deferred()
        self.wanted.append((count, done))
        self.dataReceived(b"")
        return done

    def connectionLost(self, reason: Failure = Failure(ConnectionAborted())) -> None:  # noqa: B008
        self.lost.callback(None)


class Listening(TestCase):
    """The socket in the file system."""

    timeout = 20

    def setUp(self) -> None:
        self.folder = os.path.realpath(self.mktemp())
        os.makedirs(self.folder)
        # A socket's path has 107 bytes at most, and trial's folders are deep.
        self.path = os.path.relpath(os.path.join(self.folder, "s"))
        self.procedures = Procedures()
        self.procedures.add(Service(Clock(), [], []))

    def make_server(self) -> UdsServer:
        return UdsServer(reactor, reactor, self.path, self.procedures)  # type: ignore[arg-type]

    async def test_serves_and_goes(self) -> None:
        server = self.make_server()
        server.startService()
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o660)
        endpoint = UNIXClientEndpoint(reactor, self.path)
        client = await endpoint.connect(Factory.forProtocol(Lines))
        client.transport.write(b'{"id": 1, "method": "add", "params": {"a": 1}}\x03')
        await client.messages(1)
        self.assertEqual(orjson.loads(client.data[:-1]), {"id": 1, "result": {"sum": 2}})
        self.procedures.drop_clients()
        await client.lost
        second = await endpoint.connect(Factory.forProtocol(Lines))
        await server.stopService()
        await second.lost
        self.assertFalse(os.path.exists(self.path))

    async def test_stale_socket_is_replaced(self) -> None:
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(self.path)
        server = self.make_server()
        server.startService()
        await server.stopService()

    async def test_living_socket_is_not(self) -> None:
        first = self.make_server()
        first.startService()
        self.assertRaises(SocketInUse, self.make_server().startService)
        await first.stopService()

    def test_file_in_the_way(self) -> None:
        with open(self.path, "w") as precious:
            precious.write("data")
        error = self.assertRaises(SocketInUse, self.make_server().startService)
        self.assertIn("is no socket", str(error))
        with open(self.path) as precious:
            self.assertEqual(precious.read(), "data")
