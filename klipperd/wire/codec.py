"""Encoding of commands and decoding of responses, one object per message format of the dictionary."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from klipperd.wire import vlq
from klipperd.wire.enumerations import Enumeration, nearest
from klipperd.wire.errors import EncodeError, ProtocolError
from klipperd.wire.formats import MessageFormat, Parameter
from klipperd.wire.frames import PAYLOAD_LIMIT

__all__ = ["Decoder", "Encoder", "Message", "Value"]

Value = int | str | bytes


@frozen
class Message:
    """A decoded message.

    Integers are C{int}, buffers C{bytes}, values of an enumeration their name (C{str}) where there is one.
    """

    name: str
    values: Mapping[str, Any]

    def __getitem__(self, parameter: str) -> Any:
        return self.values[parameter]


@define(eq=False, repr=False)
class Encoder:
    """Encodes one command of one MCU."""

    format: MessageFormat
    message_id: int
    _enumerations: tuple[Enumeration | None, ...]
    _head: bytes = field(init=False)
    _names: frozenset[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._head = vlq.encode(self.message_id)
        self._names = frozenset(parameter.name for parameter in self.format.parameters)

    def __contains__(self, parameter: str) -> bool:
        return parameter in self._names

    @property
    def enumerations(self) -> "tuple[Enumeration | None, ...]":
        """The enumeration of each parameter, in the format's order."""
        return self._enumerations

    def encode(self, **values: Value) -> bytes:
        """The payload of this command, 1 to 59 bytes; every value is checked.

        @raise EncodeError: a parameter is missing or unknown, a value is out of range or no name of its
            enumeration, or the command is longer than a block.
        """
        if self._names != values.keys():
            raise self._wrong_names(values)
        parts = [self._head]
        for parameter, enumeration in zip(self.format.parameters, self._enumerations, strict=True):
            parts.append(self._encode_value(parameter, enumeration, values[parameter.name]))
        payload = b"".join(parts)
        if len(payload) > PAYLOAD_LIMIT:
            raise EncodeError(
                f"{self.format.name} would be {len(payload)} bytes long, of at most {PAYLOAD_LIMIT}"
            )
        return payload

    def encode_fast(self, *values: int | bytes) -> bytes:
        """The payload for values in the format's order; the caller knows that they are in range."""
        parts = [self._head]
        for value in values:
            if isinstance(value, int):
                parts.append(vlq.encode(value))
            else:
                parts.append(bytes((len(value),)))
                parts.append(value)
        return b"".join(parts)

    def _wrong_names(self, values: Mapping[str, Value]) -> EncodeError:
        for name in values:
            if name not in self._names:
                hint = nearest(name, list(self._names))
                return EncodeError(f"{self.format.name} has no parameter {name!r}{hint} ({self.format.text})")
        missing = ", ".join(sorted(self._names - values.keys()))
        return EncodeError(f"{self.format.name} lacks {missing} ({self.format.text})")

    def _encode_value(self, parameter: Parameter, enumeration: Enumeration | None, value: Value) -> bytes:
        if parameter.kind.is_buffer:
            return self._encode_buffer(parameter, value)
        if isinstance(value, str):
            # The declared size is a mere remark (Protocol.md): pins often have larger numbers than %c.
            return vlq.encode(self._lookup(parameter, enumeration, value))
        if not isinstance(value, int):
            raise EncodeError(f"{self.format.name} {parameter.name}={value!r}: not an integer")
        kind = parameter.kind
        if not kind.minimum <= value <= kind.maximum:
            limit = kind.maximum if value > kind.maximum else kind.minimum
            side = "most" if value > kind.maximum else "least"
            raise EncodeError(
                f"{self.format.name} {parameter.name}={value}: {kind.conversion} takes at {side} {limit}"
            )
        return vlq.encode(value)

    def _encode_buffer(self, parameter: Parameter, value: Value) -> bytes:
        if isinstance(value, str):
            value = value.encode()
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise EncodeError(f"{self.format.name} {parameter.name}={value!r}: not bytes")
        return vlq.encode(len(value)) + bytes(value)

    def _lookup(self, parameter: Parameter, enumeration: Enumeration | None, value: str) -> int:
        if enumeration is None:
            raise EncodeError(f"{self.format.name} {parameter.name}={value!r}: not an integer")
        try:
            return enumeration.number(value)
        except EncodeError as error:
            raise EncodeError(f"{self.format.name} {parameter.name}: {error}") from None


@define(eq=False, repr=False)
class Decoder:
    """Decodes one kind of message of one MCU."""

    format: MessageFormat
    message_id: int
    _enumerations: tuple[Enumeration | None, ...]

    def decode(self, data: bytes, position: int) -> tuple[Message, int]:
        """Decode the parameters at C{position}, after the message id; returns the position after them too.

        @raise ProtocolError: the data end within a parameter.
        """
        values: dict[str, Any] = {}
        for parameter, enumeration in zip(self.format.parameters, self._enumerations, strict=True):
            number, position = vlq.decode(data, position)
            if parameter.kind.is_buffer:
                end = position + number
                if number < 0 or end > len(data):
                    raise ProtocolError(f"{self.format.name}: {parameter.name}, {number} bytes, is cut short")
                values[parameter.name] = data[position:end]
                position = end
            else:
                if number < 0 and not parameter.kind.is_signed:
                    number &= vlq.LARGEST
                shown = number if enumeration is None else enumeration.names.get(number, number)
                values[parameter.name] = shown
        return Message(self.format.name, values), position
