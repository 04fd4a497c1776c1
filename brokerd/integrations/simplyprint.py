"""C{[simplyprint]}: read, and said to have no effect.

The service's maker has published no description of its protocol, only a client library that is not finished.
The rest of the configuration works.
"""

from collections.abc import Iterable

from attrs import frozen

from brokerd.integrations.house import House
from brokerd.options import option, section

__all__ = ["COMPONENTS", "build"]

COMPONENTS = ()


@frozen(kw_only=True)
class SimplyPrintConfig:
    """C{[simplyprint]}."""

    webcam_name: str = option("", doc="name of the webcam to show")
    power_device: str = option("", doc="power device to switch")
    filament_sensor: str = option("", doc="filament sensor to watch")
    ambient_sensor: str = option("", doc="temperature sensor to watch")


section("simplyprint", SimplyPrintConfig, optional=True, lenient=True)


def build(house: House) -> Iterable[object]:
    """Nothing, and a warning that says why."""
    if house.parts.settings.sections.maybe(SimplyPrintConfig) is not None:
        text = "[simplyprint] has no effect: the service's protocol is not published"
        house.warn("simplyprint", text)
    return ()
