"""The line to one MCU: port, link and connection, opened with patience and opened again after a reset."""

from collections.abc import Callable

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorFDSet, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from klipperd.mcu.clock_estimate import ClockEstimate
from klipperd.mcu.configuration import PROCESS
from klipperd.mcu.connection import Connection
from klipperd.mcu.errors import McuError
from klipperd.mcu.timekeeper import Timekeeper
from klipperd.mcu.transport import Port, open_port, pulse_dtr
from klipperd.wire.errors import DictionaryError
from klipperd.wire.link import Link
from klipperd.workers import Workers

__all__ = ["Line", "LineSettings"]

_log = Logger()

_PATIENCE = 30.0
"""s of real time to find the MCU: a board that was reset takes seconds to come back on USB."""
_RETRY = 0.25
_IDENTIFY = 5.0
"""s that one attempt waits for the first answer: bootloaders listen for a while before they let go."""
_RESET_PAUSE = 0.5
"""s from a reset to the first attempt, so that it is not the dying port that is opened."""


@frozen
class LineSettings:
    """How to reach an MCU.

    @ivar path: serial port, pseudo-terminal or C{socket://host:port}.
    @ivar restart_method: C{command}, C{arduino}, C{cheetah}, or C{None} for what suits the line.
    @ivar clock_page: address of the clock page, or 0.
    @ivar lease_slot: slot of that page for the link's thread.
    @ivar pace: s of the host's clock in a second of real time.
    """

    path: str
    baud: int = 250000
    restart_method: str | None = None
    clock_page: int = 0
    lease_slot: int | None = None
    pace: float = 1.0

    @property
    def rts(self) -> bool:
        """Level of RTS: Cheetah boards start their bootloader when it is set."""
        return self.restart_method != "cheetah"


@define(eq=False, repr=False)
class Line:
    """Opens, closes and reopens the way to one MCU."""

    name: str
    settings: LineSettings
    _clock: IReactorTime
    _reactor: IReactorFDSet
    _workers: Workers
    patience: float = _PATIENCE
    checksum_salt: bytes = PROCESS
    """Part of the checksum of the MCU's configuration."""
    connection: Connection | None = field(init=False, default=None)
    _port: Port | None = field(init=False, default=None)
    _firmware: bytes = field(init=False, default=b"")
    _spoke: bool = field(init=False, default=False)
    """Whether the last attempt got as far as asking the MCU, and so took its time."""

    @property
    def open_connection(self) -> Connection:
        """The connection; only after L{open}."""
        assert self.connection is not None
        return self.connection

    async def open(self) -> Connection:
        """Find the MCU and read its dictionary.

        @raise McuError: it cannot be found within half a minute; with the last reason.
        """
        patience = self.patience
        while True:
            try:
                return await self._try_to_open()
            except McuError as error:
                self._close_port()
                if patience <= 0:
                    raise McuError(f"Cannot connect to MCU {self.name!r}: {error}") from error
                if patience == self.patience:
                    _log.info("MCU {name!r}: {error}; trying again", name=self.name, error=error)
                patience -= _IDENTIFY if self._spoke else _RETRY
                await deferLater(self._clock, _RETRY * self.settings.pace)

    async def _try_to_open(self) -> Connection:
        self._spoke = False
        settings = self.settings
        port = self._port = await self._workers.run(open_port, settings.path, settings.baud, rts=settings.rts)
        self._spoke = True
        if self.connection is None:
            link = Link(
                port.fd,
                clock_page=settings.clock_page or None,
                lease_slot=settings.lease_slot,
                baud=port.baud,
            )
            link.start()
            self.connection = Connection(self.name, link, self._clock, self._reactor, settings.pace)
        else:
            self.connection.link.reopen(port.fd)
        self.connection.open()
        await self.connection.identify(_IDENTIFY)
        self._check_firmware(self.connection)
        return self.connection

    def keep_time(
        self, on_estimate: Callable[[ClockEstimate], None], on_silence: Callable[[str], None]
    ) -> Timekeeper:
        """What keeps the estimate of the MCU's clock, once it is started."""
        return Timekeeper(self.open_connection, self._clock, on_estimate, on_silence)

    def _check_firmware(self, connection: Connection) -> None:
        """What the objects were built for must still be there."""
        dictionary = connection.dictionary
        if self._firmware and dictionary.raw != self._firmware:
            raise McuError(
                f"MCU {self.name!r} came back with another firmware ({dictionary.version}): use RESTART"
            )
        self._firmware = dictionary.raw
        try:
            connection.link.set_receive_window(dictionary.integer("RECEIVE_WINDOW", 0))
        except DictionaryError as error:
            raise McuError(f"MCU {self.name!r}: {error}") from error

    def _close_port(self) -> None:
        if self.connection is not None:
            self.connection.close()
        if self._port is not None:
            self._port.close()
            self._port = None

    def close(self) -> None:
        """Close everything."""
        self._close_port()

    # ---- reset ----

    async def reset(self) -> None:
        """Reset the MCU, and open the line again.

        @raise McuError: it offers no way to reset it, or does not come back.
        """
        await self.start_reset()
        self._close_port()
        await deferLater(self._clock, _RESET_PAUSE * self.settings.pace)
        await self.open()

    @property
    def is_reset_by_command(self) -> bool:
        """Whether a command resets the MCU, or its serial port's DTR line does.

        Without C{restart_method} it is the command, except where there is a real serial line (a firmware for
        one has the constant SERIAL_BAUD) or no such command.
        """
        if self.settings.restart_method is not None:
            return self.settings.restart_method == "command"
        if self._port is None or self._port.baud == 0:
            return True
        dictionary = self.open_connection.dictionary
        return "SERIAL_BAUD" not in dictionary.constants and dictionary.find_command("reset") is not None

    async def start_reset(self) -> None:
        """Reset the MCU without waiting for it.

        @raise McuError: it offers no way to reset it.
        """
        if not self.is_reset_by_command:
            self._close_port()
            await self._workers.run(pulse_dtr, self.settings.path, rts=self.settings.rts)
            return
        connection = self.open_connection
        reset = connection.dictionary.find_command("reset")
        if reset is None:
            raise McuError(
                f"MCU {self.name!r} cannot be reset by a command: its firmware has none. Switch it off and on"
                " again, or set restart_method."
            )
        connection.send(reset.encode())
        # The MCU may be gone before it acknowledges; give the command time to leave.
        await deferLater(self._clock, 0.1 * self.settings.pace)
