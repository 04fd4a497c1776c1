"""The websocket to Spoolman: while it is open the server is there; it tells of spools that are removed."""

from random import random
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
from attrs import define, field
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.application.internet import ClientService, backoffPolicy
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.logger import Logger
from twisted.python.failure import Failure

from brokerd.tls.late import bring_tls

__all__ = ["SpoolmanEvents", "SpoolmanPresence", "websocket_url"]

log = Logger()


class SpoolmanEvents(Protocol):
    """What follows from what the server says."""

    def came(self) -> None:
        """The server is there."""

    def left(self) -> None:
        """The server is gone."""

    def spool_deleted(self, spool_id: int) -> None:
        """A spool is no more."""


def websocket_url(server: str) -> str:
    """The address of the server's events about spools."""
    return f"ws{server.removeprefix('http')}/api/v1/spool"


class _Socket(WebSocketClientProtocol):
    factory: "_Factory"

    def onOpen(self) -> None:
        self.factory.presence._opened()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.factory.presence._received(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.factory.presence._closed()


@define(eq=False, repr=False)
class _Timer:
    """Timeouts of the websocket protocol: autobahn's own batches its timers on the global reactor."""

    _clock: Any

    def call_later(self, delay: float, function: Any, *arguments: Any) -> Any:
        return self._clock.callLater(delay, function, *arguments)


class _Factory(WebSocketClientFactory):
    protocol: Any = _Socket
    noisy = False

    def __init__(self, url: str, reactor: Any, presence: "SpoolmanPresence") -> None:
        super().__init__(url, reactor=reactor)
        self._batched_timer = _Timer(reactor)
        self.presence = presence
        self.setProtocolOptions(autoPingInterval=20, autoPingTimeout=20, openHandshakeTimeout=10)


@define(eq=False, repr=False, slots=False)
class SpoolmanPresence(Service):
    """Keeps the websocket open.

    @ivar connected: whether the server is there.
    """

    _server: str
    _reactor: Any
    _events: SpoolmanEvents
    connected: bool = field(init=False, default=False)
    _client: ClientService | None = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        url = websocket_url(self._server)
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        host = parts.hostname or "localhost"
        endpoint: Any = HostnameEndpoint(self._reactor, host, parts.port or (443 if secure else 80))
        if secure:
            from twisted.internet.ssl import optionsForClientTLS

            bring_tls()
            endpoint = wrapClientTLS(optionsForClientTLS(host), endpoint)
        policy = backoffPolicy(initialDelay=1.0, maxDelay=30.0, factor=1.5, jitter=lambda: 0.2 * random())
        factory: Any = _Factory(url, self._reactor, self)
        self._client = ClientService(endpoint, factory, policy, self._reactor)
        self._client.startService()
        # The service tries on without a word; that it must is said once, here or when the server leaves.
        first: Any = self._client.whenConnected(failAfterFailures=1)
        first.addCallbacks(lambda _: None, self._absent)

    def _absent(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            reason = failure.getErrorMessage()
            log.warn("spoolman at {server} can't be reached: {reason}", server=self._server, reason=reason)

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        client, self._client = self._client, None
        return client.stopService() if client is not None else None

    def _opened(self) -> None:
        self.connected = True
        self._events.came()

    def _closed(self) -> None:
        was, self.connected = self.connected, False
        if was:
            self._events.left()

    def _received(self, payload: bytes) -> None:
        try:
            event = orjson.loads(payload)
            deleted = event["type"] == "deleted" and event["resource"] == "spool"
            spool_id = int(event["payload"]["id"])
        except (ValueError, KeyError, TypeError):
            log.warn("spoolman sent an event that can't be understood: {text!r}", text=payload[:100])
            return
        if deleted:
            self._events.spool_deleted(spool_id)
