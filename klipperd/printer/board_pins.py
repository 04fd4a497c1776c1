"""C{[board_pins]}: further names for the pins of micro-controllers."""

from collections.abc import Iterator, Mapping

from attrs import define, frozen

from klipperd.errors import ConfigError, Place
from klipperd.mcu.pins import Alias
from klipperd.objects import Identity, PrinterObject, option, options_named
from klipperd.objects.values import nearest

__all__ = ["BoardPins", "BoardPinsConfig", "build_board_pins"]


def _split(text: str) -> Iterator[tuple[str, str]]:
    for part in text.replace("\n", ",").split(","):
        if part.strip():
            name, _, target = part.partition("=")
            yield name.strip(), target.strip()


@frozen(kw_only=True)
class BoardPinsConfig:
    """C{[board_pins]}."""

    mcu: tuple[str, ...] = option(("mcu",), doc="micro-controllers whose pins get the names")
    aliases: str = option(
        "", doc="names, as NAME=PIN, NAME=PIN; a PIN in <> only says that NAME is not for use"
    )
    further: Mapping[str, str] = options_named("aliases_", doc="further names, written like aliases")

    def check(self) -> Iterator[tuple[str, str]]:
        """Every entry must be NAME=PIN."""
        for option_name, text in (("aliases", self.aliases), *self.named_groups()):
            for name, target in _split(text):
                if not name or not target:
                    yield option_name, f"{name + '=' + target!r} is not NAME=PIN"

    def named_groups(self) -> Iterator[tuple[str, str]]:
        """The further options by their full names."""
        return ((f"aliases_{rest}", text) for rest, text in self.further.items())


@define
class BoardPins:
    """The names that one section gives."""

    section: str
    place: Place | None
    aliases: list[Alias]
    _mcus: tuple[str, ...]

    def mcus(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """The micro-controllers that they are for.

        @raise ConfigError: there is none of that name.
        """
        for name in self._mcus:
            if name not in known:
                text = f"there is no micro-controller {name!r}{nearest(name, known)}"
                raise ConfigError.single(text, self.place, self.section, "mcu")
        return self._mcus


def build_board_pins(config: BoardPinsConfig, identity: Identity) -> BoardPins:
    """Build one section's names."""
    texts = [config.aliases, *config.further.values()]
    aliases = [Alias(name, target, identity.place) for text in texts for name, target in _split(text)]
    return BoardPins(identity.section, identity.place, aliases, config.mcu)


board_pins = PrinterObject("board_pins", BoardPinsConfig, build_board_pins)
named_board_pins = PrinterObject("board_pins *", BoardPinsConfig, build_board_pins)
