"""The link to a motion host over its socket: JSON messages, each ended by the byte 0x03."""

from collections.abc import Mapping
from random import random
from typing import Any

import orjson
from attrs import define, field
from twisted.application.internet import ClientService, backoffPolicy
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IReactorTime, IReactorUNIX
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from brokerd.encoding import encode
from brokerd.hostlink import ConnectionListener, HostAbsent, HostError, HostLink, Receive

__all__ = ["MessageSplitter", "SocketLink"]

log = Logger()

_END = b"\x03"
# A full status of a large printer is some 100 kB; nothing sane comes near this.
_LONGEST = 64 * 1024 * 1024


class TooLong(Exception):
    """The peer sends a message without end."""


@define(eq=False, repr=False)
class MessageSplitter:
    """Sans-IO: bytes in, whole messages out."""

    _parts: list[bytes] = field(init=False, factory=list)
    _size: int = field(init=False, default=0)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that C{data} completes.

        @raise TooLong: if an unfinished message passes all bounds.
        """
        *complete, rest = data.split(_END)
        if complete:
            complete[0] = b"".join([*self._parts, complete[0]])
            self._parts, self._size = [], 0
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
        if self._size > _LONGEST:
            raise TooLong(f"the motion host sent {self._size} bytes without ending its message")
        return complete


class _HostProtocol(Protocol):
    """One connection to a motion host."""

    def __init__(self, link: "SocketLink") -> None:
        self._link = link
        self._splitter = MessageSplitter()
        self._waiting: dict[int, Deferred[Any]] = {}
        self._last = 0

    def connectionMade(self) -> None:
        self._link._opened(self)

    def ask(self, method: str, params: Mapping[str, Any]) -> Deferred[Any]:
        assert self.transport is not None
        self._last += 1
        answer = self._waiting[self._last] = Deferred()
        self.transport.write(encode({"id": self._last, "method": method, "params": params}) + _END)
        return answer

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        try:
            messages = self._splitter.feed(data)
        except TooLong as error:
            log.error("{error}", error=error)
            self.transport.loseConnection()
            return
        for message in messages:
            self._received(message)

    def _received(self, text: bytes) -> None:
        try:
            message = orjson.loads(text)
        except ValueError as error:
            log.error("the motion host sent no JSON: {text!r}: {error}", text=text[:200], error=error)
            return
        if not isinstance(message, dict):
            log.error("the motion host sent no object: {text!r}", text=text[:200])
        elif message.get("id") is None:
            self._link._notified(message)
        else:
            self._answered(message)

    def _answered(self, message: dict[str, Any]) -> None:
        number = message["id"]
        waiting = self._waiting.pop(number, None) if isinstance(number, int) else None
        if waiting is None:
            log.warn("the motion host answered request {id}, which nobody made", id=number)
        elif "error" in message:
            waiting.errback(HostError(_error_text(message["error"])))
        else:
            waiting.callback(message.get("result"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer.errback(HostAbsent("the motion host went away"))
        self._link._closed(reason.getErrorMessage())


def _error_text(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("message", error))
    return str(error)


@define(eq=False, repr=False, slots=False)
class SocketLink(Service, HostLink):
    """A L{HostLink} over a motion host's socket; it reconnects for as long as it runs."""

    _reactor: IReactorUNIX
    _clock: IReactorTime
    _path: str
    _protocol: _HostProtocol | None = field(init=False, default=None)
    _receivers: list[Receive] = field(init=False, factory=list)
    _listeners: list[ConnectionListener] = field(init=False, factory=list)
    _client: ClientService | None = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        endpoint = UNIXClientEndpoint(self._reactor, self._path, checkPID=False)
        factory = Factory.forProtocol(lambda: _HostProtocol(self))
        factory.noisy = False
        policy = backoffPolicy(initialDelay=0.25, maxDelay=2.0, factor=1.5, jitter=lambda: 0.1 * random())
        self._client = ClientService(endpoint, factory, policy, self._clock)
        self._client.startService()

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        client, self._client = self._client, None
        return client.stopService() if client is not None else None

    async def request(self, method: str, params: Mapping[str, Any]) -> Any:
        if self._protocol is None:
            raise HostAbsent(f"the motion host is not connected ({self._path})")
        return await self._protocol.ask(method, params)

    def on_notification(self, receive: Receive) -> None:
        self._receivers.append(receive)

    def watch(self, listener: ConnectionListener) -> None:
        self._listeners.append(listener)
        if self._protocol is not None:
            listener.connected()

    def _opened(self, protocol: _HostProtocol) -> None:
        log.info("connected to the motion host at {path}", path=self._path)
        self._protocol = protocol
        for listener in self._listeners:
            listener.connected()

    def _closed(self, reason: str) -> None:
        log.info("lost the motion host at {path}: {reason}", path=self._path, reason=reason)
        self._protocol = None
        for listener in self._listeners:
            listener.disconnected(reason)

    def _notified(self, message: dict[str, Any]) -> None:
        for receive in self._receivers:
            receive(message)
