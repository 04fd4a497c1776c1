"""JSON-RPC over a unix socket, C{DATA/comms/moonraker.sock}: messages ended by the byte 0x03, both ways.

For programs of this machine: agents, displays. Who may open the socket, its permissions say, so nobody has to
log in there; the API key is not given away all the same.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from brokerd.chores import Chores
from brokerd.errors import BadRequest
from brokerd.faces.jsonrpc import JsonRpc
from brokerd.faces.websocket import STATUS_UPDATE, Pace
from brokerd.printer.subscriptions import StatusHub
from brokerd.registry.caller import Caller, Role, SharedMessage

__all__ = ["UNIX_ADDRESS", "UnixConnection", "UnixFace", "short_path"]

log = Logger()

UNIX_ADDRESS = "unix"  # address of callers that come this way
_END = b"\x03"
_LONGEST = 4 * 1024 * 1024  # bytes of one message
_IN_FLIGHT = 200  # requests of one client that are not answered yet
_MOST = 100  # connections
_MODE = 0o660
_LONGEST_PATH = 100  # bytes; the kernel takes 107, and a lock's name is longer


def short_path(path: Path, folder: int) -> str:
    """A name of a socket that the kernel takes, however long its path is.

    @param folder: file descriptor of its folder.
    """
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return str(path)
    return f"/proc/self/fd/{folder}/{path.name}"


class UnixConnection(Protocol):
    """One client: a lasting connection, and a subscriber to status."""

    transport: Any

    def __init__(self, face: "UnixFace", number: int) -> None:
        self._face, self._number = face, number
        self._identity: Mapping[str, Any] = {}
        self._rest = b""
        self._in_flight = 0
        self._farewells: list[Callable[[], None]] = []
        self._pace = Pace(face.clock)
        self.caller = Caller(Role.ADMIN, UNIX_ADDRESS, True, connection=self, address_role=Role.ADMIN)

    @property
    def number(self) -> int:
        return self._number

    @property
    def identity(self) -> Mapping[str, Any]:
        return self._identity

    def identify(self, client: Mapping[str, Any]) -> None:
        """See L{brokerd.registry.caller.Connection.identify}.

        @raise BadRequest: the second time.
        """
        if self._identity:
            raise BadRequest("this connection has identified itself already")
        self._identity = client

    def when_closed(self, call: Callable[[], None]) -> None:
        self._farewells.append(call)

    @property
    def channel(self) -> "UnixFace":
        return self._face

    def connectionMade(self) -> None:
        if not self._face.opened(self):
            self.transport.loseConnection()
            return
        self.transport.registerProducer(self._pace, True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._face.closed(self)
        farewells, self._farewells = self._farewells, []
        for call in farewells:
            call()

    def dataReceived(self, data: bytes) -> None:
        *messages, self._rest = (self._rest + data).split(_END)
        if len(self._rest) > _LONGEST:
            self._refuse(f"a message is longer than {_LONGEST} bytes")
            return
        for message in messages:
            if self._in_flight >= _IN_FLIGHT:
                self._refuse(f"more than {_IN_FLIGHT} requests without waiting for answers")
                return
            self._in_flight += 1
            self._face.chores.spawn(self._answer(message), "answering a unix socket", self._answered)

    def _refuse(self, why: str) -> None:
        log.warn("closing a unix connection: {why}", why=why)
        self._rest = b""
        self.transport.abortConnection()

    def _answered(self) -> None:
        self._in_flight -= 1

    async def _answer(self, message: bytes) -> None:
        text = await self._face.rpc.answer(message, self.caller)
        if text is not None:
            self._write(text + _END)

    def send(self, message: SharedMessage) -> None:
        """Send a message that others get, too; it is ended once for all."""
        content = message.prepared.get(self._face)
        if content is None:
            content = message.prepared[self._face] = message.payload + _END
        self._write(content)

    def _write(self, content: bytes) -> None:
        if not self.transport.connected:
            return
        self.transport.write(content)
        if not self._pace.sent(len(content)):
            self._refuse("it reads too slowly")


@define(eq=False, repr=False, slots=False)
class UnixFace(Service):
    """All such connections: an audience for notifications, a group for status updates.

    @ivar rpc: answers requests.
    @ivar chores: the requests being answered.
    @ivar clock: for patience.
    @ivar warning: why the socket can't be had, or an empty text.
    """

    rpc: JsonRpc
    chores: Chores
    clock: Any
    _hub: StatusHub
    _path: Path
    _numbers: Iterator[int]
    warning: str = field(init=False, default="")
    _open: dict[int, UnixConnection] = field(init=False, factory=dict)
    _port: Any = field(init=False, default=None)
    _folder: int | None = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        factory = Factory.forProtocol(self._connection)
        factory.noisy = False
        try:
            self._folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY)
            path = short_path(self._path, self._folder)
            # The lock beside the socket tells one that a dead broker left from one in use.
            self._port = self.clock.listenUNIX(path, factory, mode=_MODE, wantPID=True)
        except (CannotListenError, OSError) as error:
            self.warning = f"no unix socket for other programs: {error}"
            log.warn("{text}", text=self.warning)

    def _connection(self) -> UnixConnection:
        return UnixConnection(self, next(self._numbers))

    def stopService(self) -> Deferred[None]:
        super().stopService()
        for each in list(self._open.values()):
            each.transport.abortConnection()
        port, self._port = self._port, None
        stopping: Deferred[None] = succeed(None) if port is None else maybeDeferred(port.stopListening)
        return stopping.addBoth(self._close_folder)

    def _close_folder(self, result: Any) -> Any:
        folder, self._folder = self._folder, None
        if folder is not None:
            os.close(folder)
        return result

    def opened(self, connection: UnixConnection) -> bool:
        """Take up a connection; False if there are too many."""
        if len(self._open) >= _MOST:
            return False
        self._open[connection.number] = connection
        return True

    def closed(self, connection: UnixConnection) -> None:
        """Forget a connection."""
        if self._open.pop(connection.number, None) is not None:
            self._hub.drop(connection)

    def deliver(self, message: SharedMessage, except_for: object = None) -> None:
        """Send a notification to all."""
        for each in list(self._open.values()):
            if each is not except_for:
                each.send(message)

    def deliver_status(
        self, subscribers: Iterable[Any], status: dict[str, Mapping[str, Any]], eventtime: float
    ) -> None:
        """Encode one update and send it to each of its subscribers."""
        message = STATUS_UPDATE.message(status, eventtime)
        for each in subscribers:
            each.send(message)
