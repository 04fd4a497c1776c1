"""C{[mcu]} and C{[mcu NAME]}: the micro-controllers, and the board through which all pins are reached."""

import ctypes
from collections.abc import Iterator, Sequence
from typing import Literal

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorFDSet, IReactorTime

from klipperd.mcu.board import Board
from klipperd.mcu.line import LineSettings
from klipperd.mcu.mcu import Mcu
from klipperd.mcu.pins import Alias
from klipperd.objects import Identity, PrinterObject, option
from klipperd.objects.services import HostControl, HostSettings
from klipperd.printer.board_pins import BoardPins
from klipperd.printer.duplicate_pin_override import DuplicatePinOverride
from klipperd.workers import Workers

__all__ = ["LinkSlots", "McuConfig", "NoOptions", "build_board", "build_mcu"]

_PAGE_SPEED = 32
"""Offset of the speed in the clock page (L{klipperd.clock})."""


@frozen(kw_only=True)
class McuConfig:
    """C{[mcu]}."""

    serial: str | None = option(
        None, doc="serial port (best one of /dev/serial/by-id/), pseudo-terminal, or socket://host:port"
    )
    baud: int = option(250000, minimum=2400, doc="speed of a serial line")
    canbus_uuid: str | None = option(None, doc="identifier of a micro-controller on a CAN bus")
    canbus_interface: str = option("can0", doc="network interface of the CAN bus")
    restart_method: Literal["arduino", "cheetah", "rpi_usb", "command"] | None = option(
        None, doc="how to reset the micro-controller; by default what suits its connection"
    )

    def check(self) -> Iterator[tuple[str, str]]:
        """There must be exactly one way to reach it, and one that we can go."""
        if self.canbus_uuid is not None:
            yield "canbus_uuid", "micro-controllers on a CAN bus come later: connect it with serial"
        elif self.serial is None:
            yield "serial", "is missing: the path of the micro-controller's port (ls /dev/serial/by-id/*)"
        if self.restart_method == "rpi_usb":
            yield "restart_method", "rpi_usb comes later: use command, arduino or cheetah"


@frozen(kw_only=True)
class NoOptions:
    """The board has no section of its own."""


@define
class LinkSlots:
    """Hands out the slots of the clock page, one to each link."""

    page: int
    _free: list[int]
    pace: float = field(init=False, default=1.0)
    """Seconds of the host's clock in a second of real time."""

    def __attrs_post_init__(self) -> None:
        if self.page:
            self.pace = ctypes.c_double.from_address(self.page + _PAGE_SPEED).value

    def take(self) -> int | None:
        """A slot for one link; None when time is real, or there are more links than slots."""
        return self._free.pop(0) if self.page and self._free else None


def build_slots(config: NoOptions, settings: HostSettings) -> LinkSlots:
    """Build the allotment of slots."""
    return LinkSlots(settings.clock_page, list(settings.clock_slots))


def build_mcu(
    config: McuConfig,
    identity: Identity,
    slots: LinkSlots,
    clock: IReactorTime,
    reactor: IReactorFDSet,
    workers: Workers,
    host: HostControl,
    host_settings: HostSettings,
) -> Mcu:
    """Build a micro-controller; it is found in its C{prepare}."""
    if host_settings.offline is not None:
        return Mcu(identity.name, clock, host, host_settings.offline.open_line(identity.name, clock))
    assert config.serial is not None
    settings = LineSettings(
        config.serial, config.baud, config.restart_method, slots.page, slots.take(), slots.pace
    )
    return Mcu.at(identity.name, settings, clock=clock, reactor=reactor, workers=workers, host=host)


def build_board(
    config: NoOptions,
    clock: IReactorTime,
    mcus: Sequence[Mcu],
    named: Sequence[BoardPins],
    override: DuplicatePinOverride | None,
) -> Board:
    """Build the board from all micro-controllers, which have told their pins by now."""
    aliases: dict[str, list[Alias]] = {mcu.name: [] for mcu in mcus}
    for group in named:
        for mcu in group.mcus(tuple(aliases)):
            aliases[mcu] += group.aliases
    return Board.of(clock, mcus, aliases, override.pins if override is not None else ())


mcu = PrinterObject("mcu", McuConfig, build_mcu)
further_mcu = PrinterObject("mcu *", McuConfig, build_mcu)
link_slots = PrinterObject("link_slots", NoOptions, build_slots, internal=True)
board = PrinterObject("board", NoOptions, build_board, internal=True)
