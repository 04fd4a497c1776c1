"""C{[duplicate_pin_override]}: pins that may be used more than once, for diagnosis."""

from attrs import frozen

from klipperd.objects import PrinterObject, option

__all__ = ["DuplicatePinOverride", "DuplicatePinOverrideConfig", "build_duplicate_pin_override"]


@frozen(kw_only=True)
class DuplicatePinOverrideConfig:
    """C{[duplicate_pin_override]}."""

    pins: tuple[str, ...] = option(doc="names of the pins that may be used more than once")


@frozen
class DuplicatePinOverride:
    """Those pins."""

    pins: tuple[str, ...]


def build_duplicate_pin_override(config: DuplicatePinOverrideConfig) -> DuplicatePinOverride:
    """Build the list of exempt pins."""
    return DuplicatePinOverride(config.pins)


duplicate_pin_override = PrinterObject(
    "duplicate_pin_override", DuplicatePinOverrideConfig, build_duplicate_pin_override
)
