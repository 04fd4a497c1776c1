"""JSON-RPC over websockets, and notifications to all who are connected."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import define, field
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from brokerd.access.gate import Gate
from brokerd.chores import Chores
from brokerd.errors import ApiError, BadRequest
from brokerd.faces.frames import frame_of, plain_text, text_frame
from brokerd.faces.jsonrpc import JsonRpc
from brokerd.faces.lines import Line
from brokerd.faces.waiting import Waiting
from brokerd.notifications import notification
from brokerd.printer.subscriptions import StatusHub
from brokerd.registry.caller import Caller, Role, SharedMessage

__all__ = ["Pace", "Socket", "SocketFactory"]

log = Logger()

STATUS_UPDATE = notification(
    "notify_status_update",
    "changed fields of subscribed objects, the event time",
    params=("{*: {*: any}}", "num"),
)

_MESSAGE_LIMIT = 4 * 1024 * 1024  # longest message from a client (bytes)
_BACKLOG = 4 * 1024 * 1024  # what may wait for a client that reads slowly (bytes)
_PATIENCE = 20.0  # and how long it may not read at all (s)
_IN_FLIGHT = 200  # requests of one client that are not answered yet
_TOO_SLOW = 4008  # close code of our own
_UNKNOWN_LIFE = 30.0  # seconds in which a client must say who it is


@implementer(IPushProducer)
@define(eq=False, repr=False)
class Pace:
    """Watches how fast a client reads.

    @ivar paused: whether the connection's buffer is full.
    @ivar waiting: bytes sent since it became full.
    """

    _clock: IReactorTime
    paused: bool = field(init=False, default=False)
    waiting: int = field(init=False, default=0)
    _since: float = field(init=False, default=0.0)

    def pauseProducing(self) -> None:
        self.paused, self._since = True, self._clock.seconds()

    def resumeProducing(self) -> None:
        self.paused, self.waiting = False, 0

    def stopProducing(self) -> None:
        self.paused = False

    def sent(self, size: int) -> bool:
        """Count a message; False if the client is too slow to be kept."""
        if not self.paused:
            return True
        self.waiting += size
        return self.waiting <= _BACKLOG and self._clock.seconds() - self._since <= _PATIENCE


class Socket(WebSocketServerProtocol):
    """One client. It is the caller's L{brokerd.registry.caller.Connection} and a subscriber to status.

    @ivar number: of this connection.
    @ivar identity: what the client said about itself.
    @ivar line: the way to the client; its place is fixed, so that it is found with few looks into memory.
    """

    __slots__ = ("line",)
    factory: "SocketFactory"
    line: Line
    transport: Any
    number = 0

    def __init__(self) -> None:
        super().__init__()
        self.caller = Caller(Role.ANYONE)
        self.identity: Mapping[str, Any] = {}
        self._in_flight = 0
        self._farewells: list[Callable[[], None]] = []
        self._pace: Pace | None = None
        self._expiry: IDelayedCall | None = None

    def connectionMade(self) -> None:
        self.line = Line(self.transport)
        super().connectionMade()

    def onConnect(self, request: ConnectionRequest) -> None:
        gate = self.factory.gate
        token = (request.params.get("token") or [""])[0]
        peer = getattr(self.transport.getPeer(), "host", "")
        try:
            gate.check_page(request.headers)
            self.caller = gate.caller(peer, request.headers, token)
        except ApiError as error:
            raise ConnectionDeny(error.code, error.message)
        if self.factory.full:
            raise ConnectionDeny(503, "there are too many websockets")
        self.caller.connection = self

    def onOpen(self) -> None:
        compression: Any = self._perMessageCompress
        self.line.window_bits = compression.server_max_window_bits if compression is not None else 0
        self._pace = Pace(self.factory.clock)
        self.transport.unregisterProducer()
        self.transport.registerProducer(self._pace, True)
        self.factory.opened(self)
        if self.caller.role is Role.ANYONE:
            self._expiry = self.factory.clock.callLater(_UNKNOWN_LIFE, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        if self.caller.role is Role.ANYONE and self.state == self.STATE_OPEN:
            self.sendClose(4001, "no key, no token, no trusted address")

    def dataReceived(self, data: bytes) -> None:
        """A plain message in one piece is read here; all else is autobahn's."""
        if self.state == self.STATE_OPEN and not self.data and self.current_frame is None:
            payload = None if self.inside_message else plain_text(data)
            if payload is not None:
                self.onMessage(payload, False)
                return
        self._dataReceived(data)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self._in_flight >= _IN_FLIGHT:
            payload = self._only_emergency(payload)
        self._in_flight += 1
        self.factory.chores.spawn(self._answer(payload), "answering a websocket", self._answered)

    def _only_emergency(self, payload: bytes) -> bytes:
        """A client that floods us is heard only if it wants to stop the printer."""
        if b"emergency_stop" in payload and len(payload) < 1000:
            return payload
        self.sendClose(_TOO_SLOW, f"more than {_IN_FLIGHT} requests without waiting for answers")
        return b"[]"

    def _answered(self) -> None:
        self._in_flight -= 1

    async def _answer(self, payload: bytes) -> None:
        text = await self.factory.rpc.answer(payload, self.caller)
        if text is not None:
            self.send_text(text)

    def send_text(self, text: bytes) -> None:
        """Send one message, if the connection is open."""
        if self.state == self.STATE_OPEN:
            self.line.write(text_frame(text, self.line.window_bits))
            self._count(len(text))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        expiry, self._expiry = self._expiry, None
        if expiry is not None:
            expiry.cancel()
        self.factory.closed(self)
        farewells, self._farewells = self._farewells, []
        for call in farewells:
            call()

    def when_closed(self, call: Callable[[], None]) -> None:
        self._farewells.append(call)

    def identify(self, client: Mapping[str, Any]) -> None:
        """See L{brokerd.registry.caller.Connection.identify}.

        @raise BadRequest: the second time.
        """
        if self.identity:
            raise BadRequest("this connection has identified itself already")
        self.identity = client

    def send(self, message: SharedMessage) -> None:
        """Send a message that others get, too; it is framed once for all."""
        if self.state == self.STATE_OPEN:
            self.send_frame(frame_of(message, self.line.window_bits))

    def send_frame(self, frame: bytes) -> None:
        """See L{brokerd.faces.lines.Client}."""
        if self.state == self.STATE_OPEN:
            self.line.write(frame)
            self._count(len(frame))

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Straight to the transport: autobahn's own keeps statistics and formats log lines for each frame."""
        self.line.write(data)

    # The three ways in which the state ends that clients are written to.

    def sendCloseFrame(
        self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False
    ) -> None:
        super().sendCloseFrame(code, reasonUtf8, isReply)
        self.line.close()

    def dropConnection(self, abort: bool = False) -> None:
        self.line.close()
        super().dropConnection(abort)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.line.close()
        super().connectionLost(reason)

    def _count(self, size: int) -> None:
        if self._pace is None or self._pace.sent(size):
            return
        log.warn("closing {peer}: it reads too slowly", peer=self.peer)
        # If it reads nothing at all, the time-out of the closing handshake drops it.
        self.sendClose(_TOO_SLOW, "too slow: messages pile up")

    @property
    def channel(self) -> "SocketFactory":
        return self.factory


def _accept_compression(offers: Iterable[Any]) -> PerMessageDeflateOfferAccept | None:
    """Compress if the client asks for it; neither side keeps a window between messages (see C{frames})."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(
                offer, request_no_context_takeover=True, max_message_size=_MESSAGE_LIMIT
            )
    return None


@define(eq=False, repr=False)
class _Timer:
    """Timeouts of the websocket protocol."""

    _clock: IReactorTime

    def call_later(self, delay: float, function: Callable[..., object], *arguments: Any) -> IDelayedCall:
        return self._clock.callLater(delay, function, *arguments)


class SocketFactory(WebSocketServerFactory):
    """All websockets of a broker: an audience for notifications, a group for status updates.

    @ivar rpc: answers requests.
    @ivar gate: says who a client is.
    @ivar chores: the requests being answered.
    @ivar clock: for patience.
    @ivar _numbers: of connections; other printers of the broker take theirs from it, too.
    """

    protocol: Any = Socket
    noisy = False

    def __init__(
        self,
        rpc: JsonRpc,
        gate: Gate,
        hub: StatusHub,
        chores: Chores,
        most: int,
        clock: IReactorTime,
        numbers: Iterator[int],
    ) -> None:
        super().__init__(server="", reactor=clock)
        # Autobahn's own batches its timers on the global reactor, and can't take them back.
        self._batched_timer = _Timer(clock)
        self.rpc, self.gate, self.chores, self.clock = rpc, gate, chores, clock
        self._hub, self._most, self._numbers = hub, most, numbers
        self._open: dict[int, Socket] = {}
        self._waiting = Waiting(clock)
        gate.watch(self._user_left)
        self.setProtocolOptions(
            maxFramePayloadSize=_MESSAGE_LIMIT,
            maxMessagePayloadSize=_MESSAGE_LIMIT,
            autoPingInterval=20,
            autoPingTimeout=20,
            closeHandshakeTimeout=2,
            webStatus=False,
            perMessageCompressionAccept=_accept_compression,
        )

    @property
    def full(self) -> bool:
        return len(self._open) >= self._most

    @property
    def count(self) -> int:
        """How many websockets are open."""
        return len(self._open)

    def opened(self, socket: Socket) -> None:
        socket.number = next(self._numbers)
        self._open[socket.number] = socket

    def closed(self, socket: Socket) -> None:
        if self._open.pop(socket.number, None) is not None:
            self._waiting.forget(socket)
            self._hub.drop(socket)

    def _user_left(self, username: str) -> None:
        """Whoever was known by its user alone is nobody now: it hears nothing more until it logs in."""
        for socket in list(self._open.values()):
            if socket.caller.user == username:
                socket.caller.forget_user()
                if socket.caller.role is Role.ANYONE:
                    self._waiting.forget(socket)
                    self._hub.drop(socket)

    def close_all(self) -> None:
        """Say goodbye to everybody."""
        for socket in list(self._open.values()):
            socket.sendClose(1000, "the broker stops")

    def abort_all(self) -> None:
        """Drop who did not take the hint."""
        for socket in list(self._open.values()):
            socket.transport.abortConnection()

    def deliver(self, message: SharedMessage, except_for: object = None) -> None:
        """Send a notification to all clients that are known."""
        hearing = [
            each
            for each in self._open.values()
            if each.caller.role is not Role.ANYONE and each is not except_for
        ]
        if message.patient:
            self._waiting.hold(message, hearing)
        else:
            self._waiting.send_all(hearing, message)

    def deliver_status(
        self, subscribers: Iterable[Any], status: dict[str, Mapping[str, Any]], eventtime: float
    ) -> None:
        """Encode one update and send it to each of its subscribers."""
        self._waiting.send_all(subscribers, STATUS_UPDATE.message(status, eventtime))
