"""Serial devices under the reactor, opened again when they come back."""

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.serialport import SerialPort
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["SerialLine"]

log = Logger()

_RETRY = 5.0  # seconds between attempts to open the device


class _Port(Protocol):
    """What the port calls."""

    def __init__(self, line: "SerialLine") -> None:
        self._line = line

    def connectionMade(self) -> None:
        self._line._opened(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self._line.received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._line._lost(reason.getErrorMessage())


@define(eq=False, repr=False, slots=False)
class SerialLine(Service):
    """One serial device, kept open for as long as the service runs.

    @ivar received: gets what the device sends.
    @ivar opened: told each time that the device is there.
    @ivar warn: told why it is not, or an empty text once it is.
    """

    _device: str
    _baud: int
    _reactor: Any
    received: Callable[[bytes], None]
    opened: Callable[[], None]
    warn: Callable[[str], None]
    _transport: Any = field(init=False, default=None)
    _retry: IDelayedCall | None = field(init=False, default=None)

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    def startService(self) -> None:
        super().startService()
        self._open()

    def stopService(self) -> None:
        super().stopService()
        retry, self._retry = self._retry, None
        if retry is not None:
            retry.cancel()
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.loseConnection()

    def write(self, data: bytes) -> bool:
        """Send; tells whether the device is there."""
        if self._transport is None:
            return False
        self._transport.write(data)
        return True

    def _open(self) -> None:
        self._retry = None
        try:
            SerialPort(_Port(self), self._device, self._reactor, baudrate=self._baud)
        except (OSError, ValueError) as error:  # pyserial's errors are OSErrors
            self._again(str(error))

    def _opened(self, transport: Any) -> None:
        self._transport = transport
        self.warn("")
        self.opened()

    def _lost(self, reason: str) -> None:
        self._transport = None
        self._again(reason)

    def _again(self, why: str) -> None:
        if self.running:
            self.warn(f"{self._device}: {why}")
            self._retry = self._reactor.callLater(_RETRY, self._open)
