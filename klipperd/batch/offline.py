"""What takes the place of a printer in a batch run: MCUs that are files, heat that is there at once."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from klipperd.batch.line import FileLine
from klipperd.config.document import ConfigDocument
from klipperd.errors import ConfigError
from klipperd.mcu.pin_names import MAIN_CHIP
from klipperd.objects.services import HeatModel
from klipperd.wire.dictionary import Dictionary
from klipperd.wire.filelink import FileLink

__all__ = ["FileMcus", "InstantHeat", "mcu_key"]

_ROOM_TEMPERATURE = 25.0
STRETCH = 20.0
"""Nobody waits for a batch run's plans, so they are made in large portions."""


def mcu_key(section: str) -> str:
    """What the command line calls an MCU: the last word of its section."""
    return section.split()[-1]


@define
class InstantHeat(HeatModel):
    """A heater that is as hot as it should be, at once."""

    _target: float = 0.0

    def aim(self, celsius: float) -> None:
        """See L{HeatModel.aim}."""
        self._target = celsius

    @property
    def temperature(self) -> float:
        """The target, or room temperature."""
        return self._target or _ROOM_TEMPERATURE

    @property
    def settled(self) -> bool:
        """Always."""
        return True


@define(eq=False, repr=False)
class FileMcus:
    """C{dictionaries}: MCU -> dictionary; C{open_link}: gives the link of an MCU by its key."""

    _dictionaries: Mapping[str, Dictionary]
    _open_link: Callable[[str], FileLink]
    stretch: float = field(factory=lambda: STRETCH)
    approach_share: float = 1.0
    lines: list[FileLine] = field(init=False, factory=list)

    def adapt(self, document: ConfigDocument, catalogue: Any) -> ConfigDocument:
        """See L{klipperd.objects.services.Offline}; it is taken as it is."""
        return document

    def open_line(self, name: str, clock: IReactorTime) -> FileLine:
        """See L{klipperd.objects.services.Offline}. @raise ConfigError: the MCU has no dictionary."""
        key = mcu_key(name)
        dictionary = self._dictionaries.get(key)
        if dictionary is None:
            option = "-d DICT" if key == MAIN_CHIP else f"-d {key}=DICT"
            raise ConfigError.single(f"no data dictionary was given for it: add {option}", None, name)
        line = FileLine(name, self._open_link(key), dictionary, clock)
        self.lines.append(line)
        return line

    def heat(self, section: str, config: Any, clock: IReactorTime) -> HeatModel:
        """See L{klipperd.objects.services.Offline}."""
        return InstantHeat()

    def waited(self, seconds: float) -> None:
        """See L{klipperd.objects.services.Offline}."""

    def write(self, until: float | None = None) -> None:
        """Write what the MCUs must have until a time (s), all of it without. @raise OSError: it fails."""
        for line in self.lines:
            line.link.write(None if until is None else max(0, int(until * line.freq)))
