"""Sections C{[wled NAME]}."""

from typing import Literal

from attrs import frozen

from brokerd.options import option, section

__all__ = ["HttpWledConfig", "SerialWledConfig", "WledConfig"]


@frozen(kw_only=True, slots=False)
class WledConfig:
    """What every strip has."""

    initial_preset: int | None = option(
        None, minimum=-1, maximum=250, doc="preset that the strip begins with"
    )
    initial_red: float = option(0.5, minimum=0.0, maximum=1.0, doc="colour that it begins with otherwise")
    initial_green: float = option(0.5, minimum=0.0, maximum=1.0, doc="colour that it begins with otherwise")
    initial_blue: float = option(0.5, minimum=0.0, maximum=1.0, doc="colour that it begins with otherwise")
    initial_white: float = option(0.5, minimum=0.0, maximum=1.0, doc="colour that it begins with otherwise")
    chain_count: int = option(1, minimum=1, maximum=4096, doc="number of lights")
    color_order: Literal["rgb", "rgbw"] | None = option(None, doc="has no effect: WLED knows its own")


@frozen(kw_only=True, slots=False)
class HttpWledConfig(WledConfig):
    """C{type: http}."""

    address: str = option(doc="name or address of the strip")


@frozen(kw_only=True, slots=False)
class SerialWledConfig(WledConfig):
    """C{type: serial}."""

    serial: str = option(doc="device of the serial line")


section(
    "wled",
    WledConfig,
    named=True,
    optional=True,
    by="type",
    kinds={"http": HttpWledConfig, "serial": SerialWledConfig},
    lenient=True,
)
