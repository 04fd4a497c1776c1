"""The seam between the broker and a motion host: one request path, one stream of notifications.

Two implementations exist: L{brokerd.uds.SocketLink} speaks to a motion host's socket, and the composition
root has one that calls a motion host in the same process. Both pass the same dictionaries.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

__all__ = [
    "ConnectionListener",
    "DetachableLink",
    "HostAbsent",
    "HostError",
    "HostLink",
    "NoLink",
    "Receive",
]


class HostError(Exception):
    """The motion host refused or failed a request.

    @ivar message: its own words.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class HostAbsent(HostError):
    """There is no motion host to ask, or it went away before it answered."""


class ConnectionListener(Protocol):
    """Told when the motion host comes and goes."""

    def connected(self) -> None:
        """Requests may be made now."""

    def disconnected(self, reason: str) -> None:
        """Requests fail from now on, and those under way have failed."""


Receive = Callable[[dict[str, Any]], None]


class HostLink(Protocol):
    """A way to the motion host.

    Subscriptions live as long as the connection: a link whose host restarts, and forgets them, says
    C{disconnected} and then C{connected}.
    """

    async def request(self, method: str, params: Mapping[str, Any]) -> Any:
        """The result of one remote procedure.

        @raise HostAbsent: without a connection, or if it is lost before the answer.
        @raise HostError: if the motion host answers with an error.
        """

    def on_notification(self, receive: Receive) -> None:
        """Pass every message that answers no request (a filled response template) to C{receive}."""

    def watch(self, listener: ConnectionListener) -> None:
        """Tell C{listener} of changes; at once, if there is a connection already."""


class DetachableLink(HostLink):
    """Passes a link on until it is detached, so that a broker can be rebuilt around a link that stays."""

    def __init__(self, link: HostLink) -> None:
        self._link: HostLink | None = link

    def detach(self) -> None:
        """Hear and ask nothing any more."""
        self._link = None

    async def request(self, method: str, params: Mapping[str, Any]) -> Any:
        if self._link is None:
            raise HostAbsent("the broker stops")
        return await self._link.request(method, params)

    def on_notification(self, receive: Receive) -> None:
        def passed(message: dict[str, Any]) -> None:
            if self._link is not None:
                receive(message)

        if self._link is not None:
            self._link.on_notification(passed)

    def watch(self, listener: ConnectionListener) -> None:
        if self._link is not None:
            self._link.watch(_WhileAttached(self, listener))


class _WhileAttached(ConnectionListener):
    def __init__(self, link: DetachableLink, listener: ConnectionListener) -> None:
        self._detachable, self._listener = link, listener

    def connected(self) -> None:
        if self._detachable._link is not None:
            self._listener.connected()

    def disconnected(self, reason: str) -> None:
        if self._detachable._link is not None:
            self._listener.disconnected(reason)


class NoLink(HostLink):
    """The way to a motion host that can't be reached, ever."""

    async def request(self, method: str, params: Mapping[str, Any]) -> Any:
        raise HostAbsent("there is no way to the motion host")

    def on_notification(self, receive: Receive) -> None:
        """It says nothing."""

    def watch(self, listener: ConnectionListener) -> None:
        """It never comes."""
