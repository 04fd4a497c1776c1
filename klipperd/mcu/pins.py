"""Who uses which pin: aliases, pins that the firmware keeps for itself, and pins that are used twice."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from attrs import define, field, frozen

from klipperd.errors import ConfigError, Place
from klipperd.mcu.pin_names import PinName, describe_pin
from klipperd.objects import Pin

__all__ = ["Alias", "ChipPins"]


@frozen
class Alias:
    """C{name=target} of a C{[board_pins]} section; C{<target>} names what keeps the pin from being used."""

    name: str
    target: str
    place: Place | None = None

    @property
    def reserved_for(self) -> str | None:
        """What the pin is reserved for, C{None} when it is a mere alias."""
        return self.target[1:-1] if self.target.startswith("<") and self.target.endswith(">") else None


@define
class ChipPins:
    """The pins of one MCU.

    @ivar known: pin -> number, from the MCU's dictionary.
    @ivar reserved: pin -> what the firmware uses it for.
    """

    chip: str
    known: Mapping[str, int]
    reserved: Mapping[str, str]
    overrides: frozenset[str] = frozenset()
    """Pins that C{[duplicate_pin_override]} exempts from the check for double use."""
    _aliases: dict[str, Alias] = field(factory=dict)
    _users: dict[str, tuple[Pin, str | None]] = field(factory=dict)

    @staticmethod
    def reserved_pins(constants: Mapping[str, str]) -> dict[str, str]:
        """Pin -> user, from the constants C{RESERVE_PINS_<user>} = C{pin,pin}."""
        return {pin: user for user, pins in constants.items() for pin in pins.split(",") if pin}

    def add_aliases(self, aliases: Iterable[Alias]) -> None:
        """Let further names stand for pins.

        @raise ConfigError: a name has two meanings, or stands for no pin.
        """
        for alias in aliases:
            before = self._aliases.get(alias.name)
            if before is not None and before.target != alias.target:
                raise ConfigError.single(
                    f"alias {alias.name!r} is {before.target!r} at {before.place} already", alias.place
                )
            self._aliases[alias.name] = alias
        for alias in aliases:
            if alias.reserved_for is None:
                self._target(alias.name, alias.place)

    def _target(self, name: str, place: Place | None) -> str:
        """Follow aliases to the MCU's own name of a pin."""
        seen = [name]
        while (alias := self._aliases.get(seen[-1])) is not None:
            if alias.reserved_for is not None:
                raise ConfigError.single(f"pin {name!r} is reserved for {alias.reserved_for}", place)
            if alias.target in seen:
                raise ConfigError.single(f"alias {name!r} stands for itself", place)
            seen.append(alias.target)
        if seen[-1] not in self.known:
            raise ConfigError.single(
                f"{seen[-1]!r} is no pin of MCU {self.chip!r}{self._nearest(seen[-1])}", place
            )
        return seen[-1]

    def _nearest(self, name: str) -> str:
        aliases = [name for name, alias in self._aliases.items() if alias.reserved_for is None]
        candidates = {known.lower(): known for known in [*self.known, *aliases]}
        close = get_close_matches(name.lower(), candidates, n=1, cutoff=0.5)
        return f"; did you mean {candidates[close[0]]!r}?" if close else ""

    def claim(self, pin: Pin, parsed: PinName, share: str | None = None) -> str:
        """Note a use of a pin; returns the MCU's own name of it.

        @param share: uses of the same name may share a pin, such as the enable line of two motors.
        @raise ConfigError: unknown, reserved, or used by something else.
        """
        name = self._target(parsed.name, pin.place)
        if name in self.reserved:
            raise ConfigError.single(
                f"pin {pin.text!r} is reserved: the firmware of MCU {self.chip!r} uses it for"
                f" {self.reserved[name]}",
                pin.place,
            )
        user = self._users.get(name)
        exempt = name in self.overrides or parsed.name in self.overrides
        if user is not None and not exempt and (share is None or share != user[1]):
            raise ConfigError.single(
                f"pin {pin.text!r} is in use already, as {describe_pin(user[0])}", pin.place
            )
        self._users[name] = (pin, share)
        return name
