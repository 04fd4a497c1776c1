"""What an MCU is told once: its objects (oids), the commands that create them, and their checksum.

Pure collection; L{klipperd.mcu.configuring} sends it.  Source: MCU_Commands.md ("Low-level micro-controller
configuration").
"""

import os
from collections.abc import Callable, Iterable
from zlib import crc32

from attrs import define, field, frozen

from klipperd.mcu.errors import McuError
from klipperd.wire.codec import Encoder, Value

__all__ = ["PROCESS", "ConfigCommand", "FinishedConfiguration", "McuConfiguration"]

PROCESS = os.urandom(4)
"""Part of every checksum: an MCU that another process configured is not in a state that this one knows."""
_MOST_OIDS = 255


@frozen
class ConfigCommand:
    """One command, as text for the checksum and for messages, and for whom it is sent."""

    text: str
    payload: bytes
    owner: str

    @classmethod
    def make(cls, encoder: Encoder, owner: str, **values: Value) -> "ConfigCommand":
        """Encode it.

        @raise klipperd.wire.errors.EncodeError: a value does not fit.
        """
        shown = (f"{name}={v.hex() if isinstance(v, bytes) else v}" for name, v in values.items())
        return cls(" ".join([encoder.format.name, *shown]), encoder.encode(**values), owner)


@frozen
class FinishedConfiguration:
    """All of it."""

    oid_count: int
    commands: tuple[ConfigCommand, ...]
    crc: int


@define
class McuConfiguration:
    """Collects the configuration of one MCU while the printer's objects are built."""

    mcu: str
    _process: bytes = PROCESS
    _owners: list[str] = field(init=False, factory=list)
    _steps: list[Callable[[], Iterable[ConfigCommand]]] = field(init=False, factory=list)

    def new_oid(self, owner: str) -> int:
        """A number for a new object of the MCU.

        @param owner: what it is, for messages: C{PA3 (printer.cfg:12)}.
        @raise McuError: there are too many.
        """
        if len(self._owners) == _MOST_OIDS:
            raise McuError(f"MCU {self.mcu!r} has more than {_MOST_OIDS} objects: {owner} is one too many")
        self._owners.append(owner)
        return len(self._owners) - 1

    def owner_of(self, oid: int) -> str:
        """What an oid stands for."""
        return self._owners[oid] if 0 <= oid < len(self._owners) else f"oid {oid}"

    def add(self, encoder: Encoder, owner: str, **values: Value) -> None:
        """Have a command sent."""
        command = ConfigCommand.make(encoder, owner, **values)
        self._steps.append(lambda: (command,))

    def add_later(self, make: Callable[[], Iterable[ConfigCommand]]) -> None:
        """Have commands sent that are only known when all objects are built."""
        self._steps.append(make)

    def finish(self) -> FinishedConfiguration:
        """All commands in the order of adding, and the checksum over them."""
        commands = tuple(command for step in self._steps for command in step())
        text = "\n".join([str(len(self._owners)), *(command.text for command in commands)])
        return FinishedConfiguration(len(self._owners), commands, crc32(text.encode(), crc32(self._process)))
