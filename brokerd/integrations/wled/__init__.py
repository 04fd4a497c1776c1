"""Strips of lights that run WLED, over HTTP or a serial line.

- L{brokerd.integrations.wled.config}: the options.
- L{brokerd.integrations.wled.strip}: one strip, and the ways to it.
- L{brokerd.integrations.wled.methods}: C{machine.wled.*}.
"""

from collections.abc import Iterable

from attrs import define
from twisted.application.service import Service

from brokerd.integrations.house import House
from brokerd.integrations.serials import SerialLine
from brokerd.integrations.wled.config import HttpWledConfig, SerialWledConfig, WledConfig
from brokerd.integrations.wled.methods import WledMethods
from brokerd.integrations.wled.strip import HttpWire, SerialWire, Strip

__all__ = ["COMPONENTS", "build"]

_BAUD = 115200

COMPONENTS = (WledMethods,)


@define(eq=False, repr=False, slots=False)
class _Strips(Service):
    """Starts the strips; serial ones begin when their line is open."""

    _house: House
    _at_once: list[Strip]
    _lines: list[SerialLine]

    def startService(self) -> None:
        super().startService()
        for each in self._lines:
            each.startService()
        for strip in self._at_once:
            self._house.parts.chores.spawn(strip.begin(), f"starting the strip {strip.name}")

    def stopService(self) -> None:
        super().stopService()
        for each in self._lines:
            each.stopService()


def _serial_strip(house: House, name: str, config: SerialWledConfig, lines: list[SerialLine]) -> Strip:
    wire = SerialWire()
    strip = Strip(name, config, wire)

    def opened() -> None:
        house.parts.chores.spawn(strip.begin(), f"starting the strip {name}")

    def warn(text: str) -> None:
        strip.error = text or None
        if text:
            house.warn(f"wled {name}", f"[wled {name}]: {text}")
        else:
            house.clear(f"wled {name}")

    reactor = house.parts.reactor
    wire.line = SerialLine(config.serial, _BAUD, reactor, lambda _: None, opened, warn)
    lines.append(wire.line)
    return strip


def build(house: House) -> Iterable[object]:
    """All strips that are configured and right."""
    parts = house.parts
    strips: dict[str, Strip] = {}
    lines: list[SerialLine] = []
    at_once: list[Strip] = []
    for name, config in parts.settings.sections.named(WledConfig).items():
        if isinstance(config, SerialWledConfig):
            strips[name] = _serial_strip(house, name, config, lines)
        elif isinstance(config, HttpWledConfig):
            strips[name] = Strip(name, config, HttpWire(config.address, house.http))
            at_once.append(strips[name])
    if not strips:
        return
    methods = WledMethods(strips)
    parts.host.offer("set_wled_state", methods.state_from_macro)
    parts.host.offer("set_wled", methods.color_from_macro)
    yield methods
    yield _Strips(house, at_once, lines)
