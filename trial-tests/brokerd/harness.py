"""A running broker on a loopback port, and clients to talk to it."""

import json
from pathlib import Path
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from brokerd.hostlink import HostLink
from brokerd.service import Broker, make_broker
from brokerd.settings import BrokerSettings, tcp_endpoint

from .fake_host import FakeHost, FakeLink
from .promised import hold_to_declarations

BOUNDARY = "----the-boundary"


class _Collector(Protocol):
    """Reads until the peer closes."""

    def __init__(self) -> None:
        self.data = b""
        self.done: Deferred[bytes] = Deferred()
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: object = None) -> None:
        self.lost = True
        done, self.done = self.done, Deferred()
        done.callback(self.data)


class Answer:
    """An HTTP answer."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.code = int(lines[0].split()[1])
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])
        }
        if self.headers.get("transfer-encoding") == "chunked":
            self.body = _unchunked(self.body)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        whole, body = whole + rest[:length], rest[length + 2 :]
    return whole


def form_body(filename: str, content: bytes, **fields: str) -> bytes:
    """A multipart form with one file, its fields after it."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
    whole = part.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n"
    for name, value in fields.items():
        field = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        whole += field.encode()
    return whole + f"--{BOUNDARY}--\r\n".encode()


FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


class SocketClient(WebSocketClientProtocol):
    """A websocket client: answers by id, notifications by name."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: Deferred[SocketClient] = Deferred()
        self.closed: Deferred[tuple[int, str]] = Deferred()
        self.notifications: list[dict[str, Any]] = []
        self.unasked: list[Any] = []
        self._waiting: dict[Any, Deferred[Any]] = {}
        self._expected: list[tuple[str, Deferred[Any]]] = []
        self._last = 0

    def onOpen(self) -> None:
        self.opened.callback(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        message = json.loads(payload)
        if isinstance(message, dict) and "method" in message:
            self.notifications.append(message)
            for name, waiting in list(self._expected):
                if name == message["method"]:
                    self._expected.remove((name, waiting))
                    waiting.callback(message.get("params"))
            return
        number = message.get("id") if isinstance(message, dict) else None
        if number in self._waiting:
            self._waiting.pop(number).callback(message)
        else:
            self.unasked.append(message)
            if None in self._waiting:
                self._waiting.pop(None).callback(message)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        if not self.opened.called:
            self.opened.errback(ConnectionRefusedError(f"{code} {reason}"))
        self.closed.callback((code, reason))

    def ask(self, method: str, **params: Any) -> Deferred[Any]:
        """The whole answer message."""
        self._last += 1
        return self.ask_raw(
            {"jsonrpc": "2.0", "method": method, "params": params, "id": self._last}, self._last
        )

    def ask_raw(self, message: Any, number: Any) -> Deferred[Any]:
        waiting = self._waiting[number] = Deferred()
        text = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.sendMessage(text)
        return waiting

    def expect(self, name: str) -> Deferred[Any]:
        """The parameters of the next notification of that name."""
        waiting: Deferred[Any] = Deferred()
        self._expected.append((name, waiting))
        return waiting


class _Timer:
    """Autobahn's own leaves timers behind."""

    def call_later(self, delay: float, function: Any, *arguments: Any) -> Any:
        return reactor.callLater(delay, function, *arguments)


class BrokerTestCase(TestCase):
    """Starts a broker in a fresh data directory for each test; all results are held to their declarations.

    @ivar fake: the motion host; connected unless C{connect_host} is False.
    """

    timeout = 30
    connect_host = True

    def settings(self, **changes: Any) -> BrokerSettings:
        return BrokerSettings(data=self.data, listen=(tcp_endpoint("127.0.0.1", 0),), **changes)

    def make_link(self) -> HostLink:
        self.link = FakeLink(self.fake)
        return self.link

    def setUp(self) -> Any:
        hold_to_declarations(self)
        self.data = Path(self.mktemp()).absolute()
        self.data.mkdir(parents=True)
        self.fake = FakeHost()
        self.sockets: list[SocketClient] = []
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        self.broker: Broker = make_broker(self.settings(), self.make_link(), reactor)
        self.broker.startService()
        self.addCleanup(self._stop)
        await self.broker.when_ready()
        assert self.broker.parts is not None
        self.parts = self.broker.parts
        if self.connect_host and isinstance(self.broker._link, FakeLink):
            self.link.connect()
            await self.until(lambda: self.parts.host.state == "ready")

    def _stop(self) -> Any:
        async def stop() -> None:
            for socket in self.sockets:
                socket.transport.abortConnection()
            await gatherResults([each.closed for each in self.sockets], consumeErrors=True)
            await self.broker.stopService()

        return Deferred.fromCoroutine(stop())

    @property
    def port(self) -> int:
        return int(self.broker.url.rpartition(":")[2])

    async def until(self, condition: Any) -> None:
        """Let the reactor run until something has become true; the test's timeout bounds it."""
        while True:
            await deferLater(reactor, 0.002)
            if condition():
                return

    async def open_raw(self) -> _Collector:
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)
        collector: _Collector = await connectProtocol(endpoint, _Collector())
        return collector

    async def http(
        self, verb: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        connection = await self.open_raw()
        sent = {"Host": f"127.0.0.1:{self.port}", "Connection": "close", "Content-Length": str(len(body))}
        sent.update(headers or {})
        head = f"{verb} {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in sent.items())
        done = connection.done
        connection.transport.write(head.encode() + b"\r\n" + body)
        return Answer(await done)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.http("GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()})

    async def post(self, path: str, value: Any = None) -> Answer:
        body = b"" if value is None else json.dumps(value).encode()
        return await self.http("POST", path, body, {"Content-Type": "application/json"})

    async def upload(
        self, filename: str, content: bytes, path: str = "/server/files/upload", **fields: str
    ) -> Answer:
        return await self.http("POST", path, form_body(filename, content, **fields), FORM)

    async def socket(self, query: str = "", path: str = "/websocket", **headers: str) -> SocketClient:
        """An open websocket."""
        url = f"ws://127.0.0.1:{self.port}{path}{query}"
        factory = WebSocketClientFactory(
            url, reactor=reactor, headers={n.replace("_", "-"): v for n, v in headers.items()}
        )
        factory.noisy = False
        factory.protocol = SocketClient
        factory._batched_timer = _Timer()
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)
        client: SocketClient = await endpoint.connect(factory)
        self.sockets.append(client)
        return await client.opened

    async def rpc(self, method: str, **params: Any) -> Any:
        """The answer of one JSON-RPC request over HTTP."""
        answer = await self.post(
            "/server/jsonrpc", {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
        )
        return answer.json

    def async_test(self, coroutine: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(coroutine)
