"""The direct call path between the broker and the motion host in the same process.

It passes the same dictionaries as the motion host's socket does, without encoding them.
"""

from collections.abc import Mapping
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from brokerd.hostlink import ConnectionListener, HostAbsent, HostError, Receive
from klipperd.errors import CommandError
from klipperd.remote.procedures import Client, Procedures

__all__ = ["DirectLink"]


@define(eq=False, repr=False)
class DirectLink:
    """A L{brokerd.hostlink.HostLink} onto a motion host's procedures. Starts with L{connect}."""

    clock: IReactorTime
    procedures: Procedures
    _client: Client | None = field(init=False, default=None)
    _receivers: list[Receive] = field(init=False, factory=list)
    _listeners: list[ConnectionListener] = field(init=False, factory=list)

    def connect(self) -> None:
        """Become a client of the motion host, now and again each time that it drops its clients."""
        self._client = self.procedures.connect(self._receive, self._dropped)
        for listener in self._listeners:
            listener.connected()

    def close(self) -> None:
        """Stop being a client."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def request(self, method: str, params: Mapping[str, Any]) -> Any:
        """See L{brokerd.hostlink.HostLink.request}."""
        if self._client is None:
            raise HostAbsent("the motion host restarts")
        try:
            return await self._client.request(method, params)
        except CommandError as error:
            raise HostError(str(error)) from None

    def on_notification(self, receive: Receive) -> None:
        """See L{brokerd.hostlink.HostLink.on_notification}."""
        self._receivers.append(receive)

    def watch(self, listener: ConnectionListener) -> None:
        """See L{brokerd.hostlink.HostLink.watch}."""
        self._listeners.append(listener)
        if self._client is not None:
            listener.connected()

    def _receive(self, message: dict[str, Any]) -> None:
        for receive in self._receivers:
            receive(message)

    def _dropped(self) -> None:
        if self._client is None:
            return
        self._client = None
        for listener in self._listeners:
            listener.disconnected("the motion host restarts")
        # Not at once: the host is in the middle of its restart.
        self.clock.callLater(0, self.connect)
