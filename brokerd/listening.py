"""Listening on an endpoint: it has happened when C{startService} returns, or it was loud."""

from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

__all__ = ["Listener"]


@define(eq=False, repr=False, slots=False)
class Listener(Service):
    """One listening port.

    @ivar port: the port once it is bound, else None.
    """

    _reactor: Any
    _description: str
    _factory: IProtocolFactory
    port: IListeningPort | None = field(init=False, default=None)

    def startService(self) -> None:
        """Bind.

        @raise CannotListenError: if the address is taken or not ours.
        """
        failed: list[Failure] = []
        endpoint = serverFromString(self._reactor, self._description)
        endpoint.listen(self._factory).addCallbacks(self._bound, failed.append)
        if failed:
            failed[0].raiseException()
        super().startService()

    def _bound(self, port: IListeningPort) -> None:
        self.port = port

    def stopService(self) -> Deferred[None]:
        super().stopService()
        port, self.port = self.port, None
        return succeed(None) if port is None else port.stopListening() or succeed(None)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it is bound to."""
        assert self.port is not None
        address: Any = self.port.getHost()
        return address.host, address.port

    @property
    def url(self) -> str:
        """Where it can be reached."""
        assert self.port is not None
        address: Any = self.port.getHost()
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address.host, address.host)
        return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{address.port}"
