"""A listening port that speaks HTTP and HTTPS alike: the first byte of a connection says which.

::

    waiting --0x16--> preparing --context--> TLS around HTTP
       |                  |  there is none
       | other byte       +-----------> closed
       +-----> HTTP
"""

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from brokerd.faces.http import BrokerSite
from brokerd.tls.context import ServerTls

__all__ = ["PortFactory"]

log = Logger()
_HANDSHAKE = 0x16
_SILENCE = 60.0  # seconds that a client may connect and say nothing


class _FirstByte(Protocol):
    """Waits for the first byte, then makes room for the protocol that it stands for."""

    transport: Any

    def __init__(self, port: "PortFactory", address: IAddress | None) -> None:
        self._port, self._address = port, address
        self._held = b""

    def connectionMade(self) -> None:
        self._port.undecided.add(self)
        self._silence = self._port.clock.callLater(_SILENCE, self._expire)

    def _expire(self) -> None:
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        self._silence.cancel()
        if data[0] != _HANDSHAKE or self._port.tls is None:
            self._become(self._port.site.buildProtocol(self._address), data)
            return
        self._held = data
        self.transport.pauseProducing()
        preparing = Deferred.fromCoroutine(self._port.tls.context())
        preparing.addCallback(self._prepared)
        preparing.addErrback(lambda failure: log.failure("beginning TLS", failure))

    def _prepared(self, context: Any) -> None:
        if not self.transport.connected or self.transport.disconnecting:
            return
        if context is None:
            self.transport.abortConnection()
            return
        from twisted.protocols.tls import TLSMemoryBIOFactory

        factory = TLSMemoryBIOFactory(context, False, self._port.site, self._port.clock)
        self.transport.resumeProducing()
        self._become(factory.buildProtocol(self._address), self._held)

    def _become(self, protocol: IProtocol | None, data: bytes) -> None:
        if protocol is None:
            self.transport.abortConnection()
            return
        self._port.undecided.discard(self)
        transport = self.transport
        transport.protocol = protocol
        protocol.makeConnection(transport)
        protocol.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._port.undecided.discard(self)
        if self._silence.active():
            self._silence.cancel()


@define(eq=False, repr=False, slots=False)
class PortFactory(Factory):
    """Makes the connections of the listening ports.

    @ivar site: what is spoken.
    @ivar tls: gives the TLS settings, or None if TLS is off.
    @ivar undecided: connections that have not said anything yet.
    """

    site: BrokerSite
    tls: ServerTls | None
    clock: IReactorTime
    undecided: set[_FirstByte] = field(init=False, factory=set)
    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return _FirstByte(self, addr)

    def abort_all(self) -> None:
        """Drop who has not said anything yet."""
        for each in list(self.undecided):
            each.transport.abortConnection()

    def doStart(self) -> None:
        super().doStart()
        self.site.doStart()

    def doStop(self) -> None:
        super().doStop()
        self.site.doStop()
