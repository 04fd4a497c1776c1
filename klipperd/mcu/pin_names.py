"""The text of a pin in printer.cfg, such as C{^!zboard:PA3} (Config_Reference.md)."""

import re

from attrs import frozen

from klipperd.errors import ConfigError
from klipperd.objects import Pin

__all__ = ["PIN", "PinName", "describe_pin", "parse_pin"]

MAIN_CHIP = "mcu"

PIN = re.compile(r"(?P<modifiers>[\^~!\s]*)(?:(?P<chip>[^:!^~]+?)\s*:)?\s*(?P<name>[^:!^~\s][^:!^~]*?)\s*\Z")


@frozen
class PinName:
    """A parsed pin: C{pull_up} is 1 for a pull-up, -1 for a pull-down, 0 for none."""

    chip: str
    name: str
    inverted: bool = False
    pull_up: int = 0

    def __str__(self) -> str:
        return self.name if self.chip == MAIN_CHIP else f"{self.chip}:{self.name}"


def describe_pin(pin: Pin) -> str:
    """The pin's text and where it stands, for messages: C{PA3 (printer.cfg:12)}."""
    return f"{pin.text} ({pin.place})" if pin.place else pin.text


def parse_pin(pin: Pin, *, can_invert: bool = True, can_pull: bool = False) -> PinName:
    """Parse a pin.

    @param can_invert: whether C{!} makes sense for this use.
    @param can_pull: whether C{^} and C{~} make sense for this use.
    @raise ConfigError: it is malformed, or has a modifier that makes no sense here.
    """
    match = PIN.match(pin.text)
    if match is None:
        raise ConfigError.single(
            f"{pin.text!r} is not a pin: write it as [^|~][!][chip:]name, for example PA3 or ^!zboard:PA3",
            pin.place,
        )
    modifiers = match["modifiers"].replace(" ", "")
    if len(set(modifiers)) != len(modifiers) or {"^", "~"} <= set(modifiers):
        raise ConfigError.single(f"pin {pin.text!r} has contradicting marks {modifiers!r}", pin.place)
    if "!" in modifiers and not can_invert:
        raise ConfigError.single(f"pin {pin.text!r}: this kind of pin cannot be inverted with '!'", pin.place)
    if modifiers.strip("!") and not can_pull:
        raise ConfigError.single(
            f"pin {pin.text!r}: only inputs have a pull-up '^' or pull-down '~'", pin.place
        )
    pull_up = 1 if "^" in modifiers else -1 if "~" in modifiers else 0
    return PinName(match["chip"] or MAIN_CHIP, match["name"], "!" in modifiers, pull_up)
