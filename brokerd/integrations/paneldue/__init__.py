"""PanelDue: a touch screen on a serial line that speaks G-code and understands JSON.

- L{brokerd.integrations.paneldue.lines}: sans-IO: numbered lines with checksums.
- L{brokerd.integrations.paneldue.status}: the printer's status in the screen's words.
- L{brokerd.integrations.paneldue.commands}: what the screen asks for.
- L{brokerd.integrations.paneldue.panel}: the screen itself.
"""

from collections.abc import Iterable

from attrs import frozen

from brokerd.integrations.house import House
from brokerd.integrations.paneldue.panel import Panel, PanelDevice
from brokerd.options import option, section

__all__ = ["COMPONENTS", "build"]

COMPONENTS = ()


@frozen(kw_only=True)
class PaneldueConfig:
    """C{[paneldue]}."""

    serial: str = option(doc="device of the serial line")
    baud: int = option(57600, minimum=1200, maximum=4_000_000, doc="its speed")
    machine_name: str = option("Klipper", doc="name to show")
    macros: tuple[str, ...] = option((), separator="", doc="commands of the macros page, a line each")
    confirmed_macros: tuple[str, ...] = option(
        ("RESTART", "FIRMWARE_RESTART"), separator="", doc="such commands that are asked about first"
    )


section("paneldue", PaneldueConfig, optional=True, lenient=True)


def build(house: House) -> Iterable[object]:
    """The screen, if C{[paneldue]} is there and right."""
    config = house.parts.settings.sections.maybe(PaneldueConfig)
    if config is None:
        return
    panel = Panel(house, config.machine_name, config.macros, config.confirmed_macros)
    house.parts.host.offer("paneldue_beep", panel.beep)
    yield PanelDevice(house, panel, config.serial, config.baud)
