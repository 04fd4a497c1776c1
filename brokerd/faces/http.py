"""The HTTP server: Twisted's, with requests that stream their bodies and route through the registry."""

from io import BytesIO
from typing import Any

from autobahn.twisted.resource import WebSocketResource
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from brokerd.faces.http_exchange import HttpExchange
from brokerd.faces.http_services import HttpServices
from brokerd.faces.websocket import SocketFactory

__all__ = ["BrokerRequest", "BrokerSite"]

_WEBSOCKET = b"/websocket"


class BrokerRequest(Request):
    """A request whose body goes where its headers say, instead of into memory."""

    _exchange: HttpExchange | None = None

    def gotLength(self, length: int | None) -> None:
        """The headers are complete. The channel keeps the request line until the body is, too."""
        self.content = BytesIO()
        site, verb, uri = self.channel.site, self.channel._command, self.channel._path
        if uri.partition(b"?")[0] == _WEBSOCKET and self.requestHeaders.hasHeader(b"Upgrade"):
            return
        self._exchange = HttpExchange(site.services, self, verb.decode("latin-1"), uri, length)

    def handleContentChunk(self, data: bytes) -> None:
        if self._exchange is not None:
            self._exchange.feed(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The body is complete, too."""
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.args = {}
        if self._exchange is None:
            self.channel.site.websockets.render(self)
        else:
            self._exchange.serve()

    def connectionLost(self, reason: Failure) -> None:
        if self._exchange is not None:
            self._exchange.lost()
        super().connectionLost(reason)


class BrokerSite(Site):
    """One listening face: HTTP, and websockets at C{/websocket}.

    @ivar services: what its requests are served from.
    """

    def __init__(self, services: HttpServices, sockets: SocketFactory, reactor: IReactorTime) -> None:
        super().__init__(
            Resource(), requestFactory=BrokerRequest, parsePOSTFormSubmission=False, reactor=reactor
        )
        self.services = services
        self.websockets: Any = WebSocketResource(sockets)
        self.noisy = False

    def log(self, request: Request) -> None:
        """No line for each request: a printer's clients poll."""
