"""The host's unix socket: requests of brokers and scripts, as API_Server.md of the field describes them.

Requests begin in the order in which they come, and their answers go out as they end. A client that doesn't
read gets no more of its requests served, and is dropped once too much waits for it.
"""

import contextlib
import os
import socket
import stat
from collections import deque
from collections.abc import Mapping
from typing import Any, cast

import orjson
from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort, IPushProducer, IReactorTime, IReactorUNIX
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from klipperd.errors import CommandError, KlipperdError
from klipperd.gcode.breath import Breath
from klipperd.remote.framing import MessageSplitter, TooLong, encode, error_answer
from klipperd.remote.procedures import Client, Procedures

__all__ = ["BACKLOG_LIMIT", "SocketInUse", "UdsProtocol", "UdsServer"]

_log = Logger()

BACKLOG_LIMIT = 16 * 1024 * 1024
"""Bytes that may wait for a client that does not read."""


class SocketInUse(KlipperdError):
    """The socket's path belongs to someone else."""


@implementer(IPushProducer)
class UdsProtocol(Protocol):
    """One connection."""

    transport: Any

    def __init__(self, procedures: Procedures, breath: Breath, siblings: "set[UdsProtocol]") -> None:
        self._procedures = procedures
        self._breath = breath
        self._siblings = siblings
        self._splitter = MessageSplitter()
        self._requests: deque[bytes] = deque()
        self._pumping = False
        self._stalled = False
        self._backlog: deque[bytes] = deque()
        self._backlog_size = 0
        self._client: Client | None = None

    def connectionMade(self) -> None:
        """Become a client of the host."""
        self._siblings.add(self)
        self._client = self._procedures.connect(self._send, self.end)
        self.transport.registerProducer(self, True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End what the client has subscribed to."""
        self._siblings.discard(self)
        self._requests.clear()
        self._backlog.clear()
        if self._client is not None:
            self._client.close()

    def dataReceived(self, data: bytes) -> None:
        """Serve the requests that C{data} completes."""
        try:
            self._requests.extend(self._splitter.feed(data))
        except TooLong as error:
            _log.error("dropping a client of the socket: {error}", error=error)
            self._send(error_answer(None, str(error)))
            self.transport.loseConnection()
            return
        if not self._pumping:
            # Not a coroutine of its own per request: beginning in order is what clients rely on.
            self._pumping = True
            Deferred.fromCoroutine(self._pump()).addErrback(
                lambda failure: _log.failure("serving the socket failed", failure)
            )

    async def _pump(self) -> None:
        try:
            while self._requests and not self._stalled:
                self._begin(self._requests.popleft())
                await self._breath.rest_if_due()
        finally:
            self._pumping = False

    def _begin(self, text: bytes) -> None:
        try:
            request = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            self._send(error_answer(None, f"this is no JSON: {error}"))
            return
        number = request.get("id") if isinstance(request, dict) else None
        problem = _wrong_with(request)
        if problem is not None:
            self._send(error_answer(number, problem))
            return
        Deferred.fromCoroutine(self._serve(number, request["method"], request.get("params") or {}))

    async def _serve(self, number: Any, method: str, params: Mapping[str, Any]) -> None:
        assert self._client is not None
        try:
            result = await self._client.request(method, params)
        except CommandError as error:
            answer = error_answer(number, str(error))
        except Exception as error:
            _log.failure("{method} failed", method=method)
            answer = error_answer(number, f"Internal error in {method}: {error!r}")
        else:
            answer = {"id": number, "result": result}
        if number is not None:
            self._send(answer)

    # Towards the client

    def _send(self, message: dict[str, Any]) -> None:
        if not self.connected:
            return
        try:
            data = encode(message)
        except TypeError as error:
            _log.error("no JSON for {message!r}: {error}", message=message, error=error)
            data = encode(error_answer(message.get("id"), f"Internal error: {error}"))
        if not self._stalled:
            self.transport.write(data)
            return
        self._backlog.append(data)
        self._backlog_size += len(data)
        if self._backlog_size > BACKLOG_LIMIT:
            _log.error("dropping a client of the socket that does not read")
            self.transport.abortConnection()

    def pauseProducing(self) -> None:
        """The client reads slower than we write."""
        self._stalled = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The client has caught up."""
        self._stalled = False
        while self._backlog and not self._stalled:
            data = self._backlog.popleft()
            self._backlog_size -= len(data)
            self.transport.write(data)
        if not self._stalled:
            self.transport.resumeProducing()
            self.dataReceived(b"")

    def stopProducing(self) -> None:
        """The connection ends."""

    def end(self) -> None:
        """End the connection, after what was written unless the client does not read."""
        if self._stalled:
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()


def _wrong_with(request: Any) -> str | None:
    if not isinstance(request, dict):
        return "a request must be a dictionary"
    if not isinstance(request.get("method"), str):
        return "a request must name its method"
    if not isinstance(request.get("params") or {}, dict):
        return "params must be a dictionary"
    return None


def _clear_stale(path: str) -> None:
    """Remove a socket that nobody serves. @raise SocketInUse: when it's served, or is no socket."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketInUse(f"{path} exists and is no socket; remove it or choose another path (-a)")
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except OSError:
            pass  # busy or not ours: someone is there
    raise SocketInUse(f"another host serves {path}; stop it or choose another path (-a)")


class _UdsFactory(Factory[UdsProtocol]):
    """What connections share, and which there are."""

    noisy = False

    def __init__(self, procedures: Procedures, breath: Breath) -> None:
        self.procedures = procedures
        self.breath = breath
        self.open: set[UdsProtocol] = set()

    def buildProtocol(self, addr: IAddress | None) -> UdsProtocol:
        """A connection that adds itself to those that are open."""
        return UdsProtocol(self.procedures, self.breath, self.open)


@define(eq=False, repr=False, slots=False)
class UdsServer(Service):
    """Listens at C{path} while the service runs.

    C{mode}: permissions of the socket. Whoever may write to it commands the printer.
    """

    _reactor: IReactorUNIX
    _clock: IReactorTime
    _path: str
    _procedures: Procedures
    _mode: int = 0o660
    _port: IListeningPort | None = field(init=False, default=None)
    _factory: _UdsFactory = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._factory = _UdsFactory(self._procedures, Breath(self._clock))

    def startService(self) -> None:
        """Listen.

        @raise SocketInUse: when the path is taken.
        @raise twisted.internet.error.CannotListenError: when the folder does not exist or refuses.
        """
        super().startService()
        _clear_stale(self._path)
        # Its owner alone deletes the socket: no lock file beside it.
        factory = cast(Any, self._factory)
        self._port = self._reactor.listenUNIX(self._path, factory, mode=self._mode, wantPID=False)

    def stopService(self) -> "Deferred[None]":
        """Stop listening and end all connections; fires when the socket is gone."""
        super().stopService()
        port, self._port = self._port, None
        for connection in list(self._factory.open):
            connection.end()
        return Deferred.fromCoroutine(_stop(port))


async def _stop(port: IListeningPort | None) -> None:
    if port is not None:
        await maybeDeferred(port.stopListening)
