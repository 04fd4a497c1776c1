"""The data dictionary of an MCU: which messages it knows, its constants and its names for numbers.

Source: Protocol.md ("Data Dictionary").  Nothing is assumed beyond the two fixed ids.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from klipperd.wire import vlq
from klipperd.wire.codec import Decoder, Encoder, Message
from klipperd.wire.enumerations import Enumeration, find_enumeration, nearest
from klipperd.wire.errors import DictionaryError, ProtocolError
from klipperd.wire.formats import KINDS, MessageFormat, Parameter, parse_format

__all__ = ["IDENTIFY", "IDENTIFY_RESPONSE", "OUTPUT", "Dictionary"]

IDENTIFY = "identify offset=%u count=%c"
IDENTIFY_RESPONSE = "identify_response offset=%u data=%.*s"
# Name of the messages that the firmware's output() sends; their text is in the value "text".
OUTPUT = "#output"
_MOST_BYTES = 1 << 20  # of the dictionary: a broken MCU must not fill the memory


@define(eq=False, repr=False)
class _Output:
    """Decodes the text that the firmware's output() sends: a sentence with conversions in it."""

    decoder: Decoder

    @classmethod
    def parse(cls, text: str, message_id: int) -> "_Output":
        conversions = [word for word in _conversions(text) if word != "%%"]
        parameters = [Parameter(str(i), KINDS[word]) for i, word in enumerate(conversions)]
        message = MessageFormat(text, OUTPUT, tuple(parameters))
        return cls(Decoder(message, message_id, (None,) * len(parameters)))

    def decode(self, data: bytes, position: int) -> tuple[Message, int]:
        message, position = self.decoder.decode(data, position)
        text = self.decoder.format.text
        for parameter in self.decoder.format.parameters:
            value = message.values[parameter.name]
            shown = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
            text = text.replace(parameter.kind.conversion, shown, 1)
        return Message(OUTPUT, {"text": text}), position


def _conversions(text: str) -> list[str]:
    found = []
    position = text.find("%")
    while position >= 0:
        for conversion in sorted(KINDS, key=len, reverse=True):
            if text.startswith(conversion, position):
                found.append(conversion)
                break
        position = text.find("%", position + 1)
    return found


@define(eq=False, repr=False)
class Dictionary:
    """What one MCU told about itself."""

    version: str
    build_versions: str
    app: str
    license: str
    constants: Mapping[str, int | float | str]
    enumerations: Mapping[str, Enumeration]
    raw: bytes
    _encoders: dict[str, Encoder] = field(repr=False)
    _decoders: dict[int, Decoder | _Output] = field(repr=False)

    @classmethod
    def before_identify(cls) -> "Dictionary":
        """All that is known of any MCU before it was asked: the two fixed messages."""
        return cls.from_json({"commands": {IDENTIFY: 1}, "responses": {IDENTIFY_RESPONSE: 0}}, b"")

    @classmethod
    def from_identify(cls, data: bytes) -> "Dictionary":
        """From the whole of what C{identify} delivers: zlib-compressed JSON.

        @raise DictionaryError: it is no such thing.
        """
        try:
            inflate = zlib.decompressobj()
            text = inflate.decompress(data, _MOST_BYTES)
            entries = json.loads(text)
        except (zlib.error, ValueError) as error:
            raise DictionaryError(
                f"cannot read the MCU's dictionary of {len(data)} bytes: {error}"
            ) from error
        if not inflate.eof or not isinstance(entries, dict):
            raise DictionaryError(f"the MCU's dictionary of {len(data)} bytes is incomplete")
        return cls.from_json(entries, text)

    @classmethod
    def from_json(cls, entries: Mapping[str, Any], raw: bytes) -> "Dictionary":
        """From the parsed JSON; C{raw} is its text, kept for C{output -d} and the log."""
        enumerations = {
            name: Enumeration.from_dictionary(name, values)
            for name, values in _mapping(entries, "enumerations").items()
        }

        def lookups(parsed: MessageFormat) -> tuple[Enumeration | None, ...]:
            return tuple(find_enumeration(enumerations, p.name) for p in parsed.parameters)

        encoders: dict[str, Encoder] = {}
        decoders: dict[int, Decoder | _Output] = {}
        for text, number in _mapping(entries, "commands").items():
            parsed = parse_format(text)
            encoders[parsed.name] = Encoder(parsed, _message_id(text, number), lookups(parsed))
        for text, number in _mapping(entries, "responses").items():
            parsed = parse_format(text)
            decoders[number] = Decoder(parsed, _message_id(text, number), lookups(parsed))
        for text, number in _mapping(entries, "output").items():
            decoders[number] = _Output.parse(text, _message_id(text, number))
        return cls(
            version=str(entries.get("version", "")),
            build_versions=str(entries.get("build_versions", "")),
            app=str(entries.get("app", "")),
            license=str(entries.get("license", "")),
            constants=_mapping(entries, "config"),
            enumerations=enumerations,
            raw=raw,
            encoders=encoders,
            decoders=decoders,
        )

    # ---- commands ----

    def command(self, *formats: str) -> Encoder:
        """The first of these formats that the MCU offers; several where firmware generations differ.

        @raise DictionaryError: it offers none.
        """
        encoder = self.find_command(*formats)
        if encoder is None:
            offered = {name: encoder.format.text for name, encoder in self._encoders.items()}
            raise self._not_offered("command", formats, offered)
        return encoder

    def find_command(self, *formats: str) -> Encoder | None:
        """Like L{command}, but C{None} when the MCU offers none."""
        for wanted in map(parse_format, formats):
            encoder = self._encoders.get(wanted.name)
            if encoder is not None and encoder.format.agrees_with(wanted):
                return encoder
        return None

    @property
    def commands(self) -> tuple[MessageFormat, ...]:
        return tuple(encoder.format for encoder in self._encoders.values())

    # ---- responses ----

    def response(self, *formats: str) -> Decoder:
        """The first of these responses that the MCU can send.

        @raise DictionaryError: it can send none.
        """
        offered = {d.format.name: d for d in self._decoders.values() if isinstance(d, Decoder)}
        for wanted in map(parse_format, formats):
            decoder = offered.get(wanted.name)
            if decoder is not None and decoder.format.agrees_with(wanted):
                return decoder
        raise self._not_offered("response", formats, {name: d.format.text for name, d in offered.items()})

    @property
    def responses(self) -> tuple[MessageFormat, ...]:
        return tuple(d.format for d in self._decoders.values() if isinstance(d, Decoder))

    def decode(self, payload: bytes) -> list[Message]:
        """All messages of a block, usually one.

        @raise ProtocolError: an id that the dictionary does not have, or a message cut short.
        """
        messages = []
        position = 0
        while position < len(payload):
            number, position = vlq.decode(payload, position)
            decoder = self._decoders.get(number)
            if decoder is None:
                raise ProtocolError(
                    f"message id {number} is not in the dictionary of firmware {self.version!r}:"
                    f" {payload.hex(' ')}"
                )
            message, position = decoder.decode(payload, position)
            messages.append(message)
        return messages

    # ---- constants ----

    def integer(self, constant: str, default: int | None = None) -> int:
        """An integer constant.

        @raise DictionaryError: there is none and no default, or it is no integer.
        """
        value = self.constants.get(constant, default)
        try:
            return int(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            known = nearest(constant, self.constants)
            raise DictionaryError(
                f"the MCU's constant {constant} is {value!r}, not an integer{known}"
            ) from None

    def text(self, constant: str, default: str = "") -> str:
        """A constant as text."""
        return str(self.constants.get(constant, default))

    def prefixed(self, prefix: str) -> dict[str, str]:
        """The constants whose names begin with C{prefix}, by the rest of their names."""
        return {
            name.removeprefix(prefix): str(value)
            for name, value in self.constants.items()
            if name.startswith(prefix)
        }

    def _not_offered(
        self, what: str, formats: tuple[str, ...], offered: Mapping[str, str]
    ) -> DictionaryError:
        name = formats[0].split()[0]
        if name in offered:
            return DictionaryError(
                f"firmware {self.version!r} has another form of the {what} {name}: {offered[name]!r},"
                f" not {' or '.join(map(repr, formats))}"
            )
        return DictionaryError(f"firmware {self.version!r} has no {what} {name!r}{nearest(name, offered)}")


def _mapping(entries: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = entries.get(key, {})
    if not isinstance(value, dict):
        raise DictionaryError(f"{key!r} of the MCU's dictionary is {type(value).__name__}, not an object")
    return value


def _message_id(text: str, number: object) -> int:
    if not isinstance(number, int) or not vlq.SMALLEST <= number <= vlq.LARGEST:
        raise DictionaryError(f"the message {text!r} has the id {number!r}")
    return number
