"""Bring an MCU into the state that the printer's objects need: configured, by checksum only where it differs.

A find of the field: of a refused configuration users need to know which line it was.  The firmware only
tells the reason, so a configuration that fails is repeated command by command to find the culprit.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from attrs import define, frozen
from twisted.internet.defer import TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from klipperd.mcu.configuration import ConfigCommand, FinishedConfiguration
from klipperd.mcu.connection import Answer, Connection
from klipperd.mcu.errors import McuError

__all__ = ["ConfigState", "Configurator"]

_log = Logger()

_CONFIG = "config is_config=%c crc=%u is_shutdown=%c move_count=%hu"


@frozen
class ConfigState:
    """What the MCU says of its configuration."""

    is_config: bool
    crc: int
    is_shutdown: bool
    move_count: int

    @classmethod
    def of(cls, answer: Answer) -> "ConfigState":
        return cls(
            bool(answer["is_config"]), answer["crc"], bool(answer["is_shutdown"]), answer["move_count"]
        )


@define(eq=False, repr=False)
class Configurator:
    """Configures one MCU.

    @ivar reset: brings the MCU back to its state after power-on.
    @ivar fault: the reason of the MCU's shutdown, as far as it has told.
    """

    _connection: Connection
    _clock: IReactorTime
    _reset: Callable[[], Awaitable[None]]
    _fault: Callable[[], str | None]

    async def configure(self, wanted: FinishedConfiguration) -> tuple[ConfigState, bool]:
        """Configure the MCU; returns its state, and whether it was configured like this before.

        @raise McuError: it refuses; names the command and whose it is.
        """
        state = await self.state()
        if state.is_config and not state.is_shutdown and state.crc == wanted.crc:
            return state, True
        if state.is_shutdown or state.is_config:
            why = (
                f"it is shut down ({await self._reason()})"
                if state.is_shutdown
                else "its configuration differs"
            )
            _log.info("MCU {name!r} is reset: {why}", name=self._connection.name, why=why)
            await self._clean()
        self._send_all(wanted)
        state = await self.state()
        if state.is_shutdown:
            await self._find_culprit(wanted)
        if not state.is_config or state.crc != wanted.crc:
            raise McuError(f"MCU {self._connection.name!r} did not take its configuration: {state}")
        return state, False

    async def state(self) -> ConfigState:
        """Ask the MCU."""
        dictionary = self._connection.dictionary
        dictionary.response(_CONFIG)
        return ConfigState.of(await self._connection.ask(dictionary.command("get_config").encode(), "config"))

    async def _reason(self) -> str:
        """Why the MCU is shut down: it repeats that to whoever sends a command that it refuses for it."""
        if self._fault() is None:
            self._connection.send(
                self._connection.dictionary.command("allocate_oids count=%c").encode(count=0)
            )
            telling = self._connection.next_message("is_shutdown")
            with suppress(TimeoutError):
                await telling.addTimeout(0.5 * self._connection.pace, self._clock)
        return self._fault() or "it does not tell why"

    async def _clean(self) -> None:
        await self._reset()
        state = await self.state()
        if state.is_config or state.is_shutdown:
            raise McuError(
                f"MCU {self._connection.name!r} is {'shut down' if state.is_shutdown else 'configured'} still"
                " after its reset: switch it off and on again"
            )

    def _send_all(self, wanted: FinishedConfiguration) -> None:
        for payload in (
            self._allocate(wanted),
            *(command.payload for command in wanted.commands),
            self._finalize(wanted),
        ):
            self._connection.send(payload)

    def _allocate(self, wanted: FinishedConfiguration) -> bytes:
        encoder = self._connection.dictionary.command("allocate_oids count=%c")
        return encoder.encode(count=wanted.oid_count)

    def _finalize(self, wanted: FinishedConfiguration) -> bytes:
        return self._connection.dictionary.command("finalize_config crc=%u").encode(crc=wanted.crc)

    async def _find_culprit(self, wanted: FinishedConfiguration) -> None:
        reason = await self._reason()
        await self._clean()
        steps = [
            ConfigCommand(f"allocate_oids count={wanted.oid_count}", self._allocate(wanted), "all objects"),
            *wanted.commands,
            ConfigCommand("finalize_config", self._finalize(wanted), "the move queue"),
        ]
        for step in steps:
            self._connection.send(step.payload)
            if (await self.state()).is_shutdown:
                reason = await self._reason()
                raise McuError(
                    f"MCU {self._connection.name!r} refuses {step.text!r}, for {step.owner}: {reason}"
                )
        raise McuError(f"MCU {self._connection.name!r} shut down while it was configured: {reason}")
