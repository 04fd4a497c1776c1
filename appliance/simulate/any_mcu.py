"""A data dictionary that suits any configuration: it has every pin, bus and command that is asked for."""

from typing import Any

from klipperd.batch.answers import HEARD_COMMANDS
from klipperd.wire.codec import Decoder, Encoder
from klipperd.wire.dictionary import Dictionary
from klipperd.wire.enumerations import Enumeration, find_enumeration
from klipperd.wire.formats import MessageFormat, parse_format

__all__ = ["CLOCK_FREQ", "AnyDictionary"]

CLOCK_FREQ = 64_000_000
"""Ticks a second of the MCU that is thought of."""
_CONSTANTS = {"CLOCK_FREQ": CLOCK_FREQ, "ADC_MAX": 4095, "PWM_MAX": 255, "STEPPER_STEP_BOTH_EDGE": 1}
_ENUMERATIONS = ("pin", "spi_bus", "i2c_bus", "bus", "thermocouple_type", "static_string_id")


class _AnyName(dict[str, int]):
    """Has every name, and gives it a number when it is first asked for."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> int:
        self[name] = len(self)
        return self[name]


class AnyDictionary(Dictionary):
    """Makes up a command or response when it is first asked for."""

    @classmethod
    def make(cls) -> "AnyDictionary":
        """A dictionary of its own for each MCU."""
        made = cls(
            version="simulation",
            build_versions="",
            app="",
            license="",
            constants=dict(_CONSTANTS),
            enumerations={name: Enumeration(name, _AnyName()) for name in _ENUMERATIONS},
            raw=b"",
            encoders={},
            decoders={},
        )
        for text in HEARD_COMMANDS:
            made.command(text)
        return made

    def _parts(self, spec: MessageFormat) -> tuple[Enumeration | None, ...]:
        enumerations: Any = self.enumerations
        return tuple(find_enumeration(enumerations, p.name) for p in spec.parameters)

    def find_command(self, *formats: str) -> Encoder | None:
        """See L{Dictionary.find_command}."""
        found = super().find_command(*formats)
        if found is None:
            spec = parse_format(formats[0])
            found = Encoder(spec, len(self._encoders) + 2, self._parts(spec))
            self._encoders[spec.name] = found
        return found

    def response(self, *formats: str) -> Decoder:
        """See L{Dictionary.response}."""
        wanted = parse_format(formats[0])
        for known in self._decoders.values():
            if isinstance(known, Decoder) and known.format.name == wanted.name:
                return known
        made = Decoder(wanted, len(self._decoders) + 1, (None,) * len(wanted.parameters))
        self._decoders[made.message_id] = made
        return made
