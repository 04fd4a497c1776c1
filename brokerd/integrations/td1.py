"""C{[td1]}: TD-1 devices, which measure how far light shines through a filament, and its colour.

The maker has published no protocol. Users observe a USB serial line that wants to be greeted and then sends a
line of comma-separated values for each filament: its last two are the transmission distance and the colour
in hex. What is sent is configurable, and lines are understood by their values' shapes, not by their places.
"""

import glob
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from brokerd.integrations.house import House
from brokerd.integrations.serials import SerialLine
from brokerd.options import option, section
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape

__all__ = ["COMPONENTS", "Scan", "build", "parse_line", "serial_number"]

shape(
    "Td1Measurement",
    """{
    td: num | null  # transmission distance, mm
    color: str | null  # hexadecimal
    scan_time: str | null  # ISO 8601, UTC
    error?: str | null
}""",
)

log = Logger()

_PERIOD = 5.0  # seconds between two looks for devices
_COLOR = re.compile(r"#?([0-9A-Fa-f]{6})$")
_NUMBER = re.compile(r"\d+(\.\d+)?$")
_SILENT = ("", "ready", "ok", "connect")


@frozen(kw_only=True)
class Td1Config:
    """C{[td1]}."""

    devices: tuple[str, ...] = option(
        ("/dev/serial/by-id/*TD-1*", "/dev/serial/by-id/*TD1*"), doc="patterns of the devices' paths"
    )
    baud: int = option(115200, minimum=1200, maximum=4_000_000, doc="speed of the lines")
    greeting: tuple[str, ...] = option(("connect", "P"), doc="what is sent when a device is there")
    reboot_command: str = option("reboot", doc="what makes a device start again")


section("td1", Td1Config, optional=True, lenient=True)


@frozen
class Scan:
    """One measurement.

    @ivar td: transmission distance.
    @ivar color: RRGGBB.
    """

    td: float
    color: str


def parse_line(text: str) -> Scan | str | None:
    """A measurement, an error message, or None for a line that says nothing."""
    text = text.strip()
    if text.lower() in _SILENT:
        return None
    values = [each.strip() for each in text.split(",")]
    colors = [each for each in values if _COLOR.match(each) and each is values[-1]]
    numbers = [each for each in values[:-1] if _NUMBER.match(each)]
    if colors and numbers:
        return Scan(float(numbers[-1]), colors[-1].lstrip("#").upper())
    return text if " " in text else None


def serial_number(path: str) -> str:
    """The serial number in the name that udev gives a device, or the whole name."""
    name = path.rpartition("/")[2]
    return re.sub(r"-if\d+(-port\d+)?$", "", name).rpartition("_")[2]


@define(eq=False, repr=False)
class _Device:
    """One device.

    @ivar scan: the last measurement, and when it was.
    """

    serial: str
    _greeting: tuple[str, ...]
    _warn: Callable[[str, str], None]
    line: SerialLine = field(init=False)
    scan: tuple[Scan, datetime] | None = field(init=False, default=None)
    error: str | None = field(init=False, default=None)
    _rest: bytes = field(init=False, default=b"")

    def opened(self) -> None:
        """It is there: greet it."""
        self.scan, self.error, self._rest = None, None, b""
        for each in self._greeting:
            self.line.write(each.encode() + b"\n")

    def received(self, data: bytes) -> None:
        """It says something."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-1000:]
        for each in lines:
            found = parse_line(each.decode("utf-8", "replace"))
            if isinstance(found, Scan):
                self.scan, self.error = (found, datetime.now(UTC)), None
            elif found is not None:
                self.error = found
                log.warn("TD-1 {serial}: {text}", serial=self.serial, text=found)

    def failed(self, text: str) -> None:
        """The line can't be had, or can again."""
        self._warn(self.serial, text)

    def describe(self) -> dict[str, Any]:
        """The device as the API shows it."""
        shown: dict[str, Any] = {"td": None, "color": None, "scan_time": None}
        if self.scan is not None:
            scan, moment = self.scan
            shown = {"td": scan.td, "color": scan.color}
            shown["scan_time"] = moment.isoformat().replace("+00:00", "Z")
        if self.error is not None:
            shown["error"] = self.error
        return shown


@define(eq=False, repr=False, slots=False)
class Td1Methods(Service):
    """C{machine.td1.*}, and the devices."""

    component: ClassVar[str] = "td1"
    _house: House
    _config: Td1Config
    _devices: dict[str, _Device] = field(init=False, factory=dict)
    _looking: LoopingCall | None = field(init=False, default=None)

    @method(
        "machine.td1.data",
        "GET /machine/td1/data",
        result="{devices: {*: Td1Measurement}}",
        permission=Role.VIEWER,
    )
    async def data(self) -> dict[str, Any]:
        """The last measurement of each device."""
        return {"devices": {each.serial: each.describe() for each in self._devices.values()}}

    @method(
        "machine.td1.reboot",
        "POST /machine/td1/reboot",
        result='{status: "ok" | "key_error" | "request_error" | "serial_error"}',
    )
    async def reboot(self, serial: Annotated[str, "serial number of the device"]) -> dict[str, Any]:
        """Let a device start again."""
        for each in self._devices.values():
            if each.serial == serial:
                each.line.write(self._config.reboot_command.encode() + b"\n")
                return {"status": "ok"}
        return {"status": "key_error"}

    def startService(self) -> None:
        super().startService()
        looking = self._looking = LoopingCall(self._look)
        looking.clock = self._house.parts.reactor
        looking.start(_PERIOD).addErrback(lambda failure: log.failure("td1", failure))

    def stopService(self) -> None:
        super().stopService()
        if self._looking is not None and self._looking.running:
            self._looking.stop()
        for each in self._devices.values():
            each.line.stopService()

    async def _look(self) -> None:
        paths = await self._house.parts.threads.run(_matching, self._config.devices)
        if not self.running:
            return
        for path in set(self._devices) - paths:
            gone = self._devices.pop(path)
            gone.line.stopService()
            gone.failed("")
        for path in paths - set(self._devices):
            self._add(path)

    def _add(self, path: str) -> None:
        device = self._devices[path] = _Device(serial_number(path), self._config.greeting, self._warn)
        reactor = self._house.parts.reactor
        device.line = SerialLine(
            path, self._config.baud, reactor, device.received, device.opened, device.failed
        )
        device.line.startService()

    def _warn(self, serial: str, text: str) -> None:
        if text:
            self._house.warn(f"td1 {serial}", f"[td1] {serial}: {text}")
        else:
            self._house.clear(f"td1 {serial}")


COMPONENTS = (Td1Methods,)


def _matching(patterns: tuple[str, ...]) -> set[str]:
    return {path for each in patterns for path in glob.glob(each)}


def build(house: House) -> Iterable[object]:
    """The devices, if C{[td1]} is there and right."""
    config = house.parts.settings.sections.maybe(Td1Config)
    if config is not None:
        yield Td1Methods(house, config)
