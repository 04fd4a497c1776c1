"""The HTTP server: Twisted's, with requests that stream their bodies and route through the registry."""

from io import BytesIO
from typing import Any
from weakref import WeakSet

from autobahn.twisted.resource import WebSocketResource
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from brokerd.faces.express import Express
from brokerd.faces.http_exchange import HttpExchange
from brokerd.faces.http_services import HttpServices
from brokerd.faces.patience import Patience, Progress
from brokerd.faces.websocket import SocketFactory

__all__ = ["BrokerChannel", "BrokerRequest", "BrokerSite"]

_WEBSOCKET = b"/websocket"
_PRINTERS = b"/printers/"


class BrokerRequest(Request):
    """A request whose body goes where its headers say, instead of into memory."""

    channel: "BrokerChannel"
    content: Any
    args: Any
    _exchange: HttpExchange | None = None
    _site: "BrokerSite"
    begun = False

    @property
    def held(self) -> bool:
        """Whether its body waits for our disk."""
        return self._exchange is not None and self._exchange.held

    def gotLength(self, length: int | None) -> None:
        """The headers are complete."""
        self.content = BytesIO()
        self.begun = True
        # An upload may be refused, and so answered, before its end.
        self.method, self.uri, self.clientproto = self.channel.request_line
        site = self.channel.site
        self._site, uri = site.of_printer(site.services.without_prefix(self.uri))
        services, verb = self._site.services, self.method
        if uri.partition(b"?")[0] == _WEBSOCKET and self.requestHeaders.hasHeader(b"Upgrade"):
            return
        self._exchange = HttpExchange(services, self, verb.decode("latin-1"), uri, length)

    def handleContentChunk(self, data: bytes) -> None:
        if self._exchange is not None:
            self._exchange.feed(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The body is complete, too."""
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.args = {}
        if self._exchange is None:
            self._site.websockets.render(self)
        else:
            self._exchange.serve()

    def connectionLost(self, reason: Failure) -> None:
        if self._exchange is not None:
            self._exchange.lost()
        super().connectionLost(reason)


class BrokerChannel(HTTPChannel):
    """One HTTP connection."""

    requestFactory = BrokerRequest
    site: "BrokerSite"
    transport: Any
    peer_address = ""
    received = 0
    progress: Progress
    _express: Express
    _buffer: bytes

    @property
    def request_line(self) -> tuple[bytes, bytes, bytes]:
        """Verb, URI and version of the request whose headers are complete; Twisted hands them out only at
        its end."""
        return self._command, self._path, self._version

    def connectionMade(self) -> None:
        super().connectionMade()
        self.site.channels.add(self)
        self.peer_address = str(getattr(self.transport.getPeer(), "host", ""))
        self._express = Express(self, self.site.services)
        self.progress = Progress()
        self.site.patience.begin()

    def dataReceived(self, data: bytes) -> None:
        self.received += len(data)
        express = self._express
        if express.busy:
            express.hold(data)
        elif self._at_rest and express.take(data):
            self.resetTimeout()
        else:
            super().dataReceived(data)

    @property
    def _at_rest(self) -> bool:
        """Whether the next byte begins a request."""
        return not (self.requests or self._handlingRequest or self._buffer or self._waitingForTransport)

    def go_on(self, data: bytes) -> None:
        """A request that was waited for has its answer; C{data} has come since."""
        if self.transport is None:
            return
        self.setTimeout(self.timeOut)
        self.transport.resumeProducing()
        if data:
            self.dataReceived(data)

    @property
    def in_headers(self) -> bool:
        """Whether a request has begun whose headers are not complete."""
        if self._handlingRequest or self.busy:
            return False
        return bool(self._buffer) or (bool(self.requests) and not self.requests[-1].begun)

    @property
    def in_body(self) -> bool:
        """Whether a body is on its way, and we are not the ones who hold it up."""
        if self._handlingRequest or not self.requests or not self.requests[-1].begun:
            return False
        return not self.requests[-1].held

    @property
    def reading_slowly(self) -> bool:
        """Whether an answer waits for the client to read."""
        return bool(self._waitingForTransport)

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return self._express.busy

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.site.channels.discard(self)
        super().connectionLost(reason)
        self.transport = None


class BrokerSite(Site):
    """One listening face: HTTP, and websockets at C{/websocket}.

    @ivar services: what its requests are served from.
    @ivar channels: the open connections that speak HTTP.
    @ivar neighbours: what serves each printer of the broker, by its name; all share one.
    """

    protocol: Any = BrokerChannel
    noisy = False

    def __init__(self, services: HttpServices, sockets: SocketFactory, reactor: IReactorTime) -> None:
        super().__init__(
            Resource(), requestFactory=BrokerRequest, parsePOSTFormSubmission=False, reactor=reactor
        )
        self.services = services
        self.websockets: Any = WebSocketResource(sockets)
        self.channels: WeakSet[BrokerChannel] = WeakSet()
        self.patience = Patience(reactor, self.channels)
        self.neighbours: dict[bytes, BrokerSite] = {}

    def of_printer(self, uri: bytes) -> "tuple[BrokerSite, bytes]":
        """The site that a URI leads to, and the URI as that site knows it: C{/printers/NAME/...} has a prefix
        that is not part of it, all else is our own."""
        if uri.startswith(_PRINTERS):
            name, slash, rest = uri[len(_PRINTERS) :].partition(b"/")
            site = self.neighbours.get(name)
            if slash and site is not None:
                return site, slash + rest
        return self, uri

    def log(self, request: Request) -> None:
        """No line for each request: a printer's clients poll."""

    def close_idle(self) -> None:
        """Close connections that wait for their next request."""
        for channel in list(self.channels):
            if channel.transport is not None and not channel.requests and not channel.busy:
                channel.transport.loseConnection()

    def abort_all(self) -> None:
        """Drop what is still open. A websocket has taken its channel's transport and is not touched."""
        self.patience.end()
        for channel in list(self.channels):
            if channel.transport is not None:
                channel.transport.abortConnection()
