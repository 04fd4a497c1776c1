"""Message formats such as C{"queue_step oid=%c interval=%u count=%hu add=%hi"} (Protocol.md)."""

import re

from attrs import frozen

from klipperd.wire.errors import DictionaryError

__all__ = ["KINDS", "Kind", "MessageFormat", "Parameter", "parse_format"]


@frozen
class Kind:
    """What a conversion such as C{%hu} stands for."""

    conversion: str
    minimum: int = 0
    maximum: int = 0
    is_buffer: bool = False

    @property
    def is_signed(self) -> bool:
        return self.minimum < 0 and self.maximum < 1 << 31


# The declared size changes neither encoding nor parsing; it tells which values the firmware has room for.
# %c also takes -1, which config_stepper uses for "step on both edges".
KINDS = {
    kind.conversion: kind
    for kind in (
        Kind("%u", 0, (1 << 32) - 1),
        Kind("%i", -(1 << 31), (1 << 31) - 1),
        Kind("%hu", 0, (1 << 16) - 1),
        Kind("%hi", -(1 << 15), (1 << 15) - 1),
        Kind("%c", -(1 << 7), (1 << 8) - 1),
        Kind("%s", is_buffer=True),
        Kind("%.*s", is_buffer=True),
        Kind("%*s", is_buffer=True),
    )
}


@frozen
class Parameter:
    name: str
    kind: Kind


@frozen
class MessageFormat:
    """A message's name and its parameters in order."""

    text: str
    name: str
    parameters: tuple[Parameter, ...]

    def agrees_with(self, other: "MessageFormat") -> bool:
        """Whether both are encoded alike and call their parameters by the same names."""
        return self.name == other.name and [(p.name, p.kind.is_buffer) for p in self.parameters] == [
            (p.name, p.kind.is_buffer) for p in other.parameters
        ]


_PARAMETER = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<conversion>%\S+)\Z")


def parse_format(text: str) -> MessageFormat:
    """Parse one format.

    @raise DictionaryError: it is malformed or has an unknown conversion.
    """
    words = text.split()
    if not words:
        raise DictionaryError("an empty message format")
    return MessageFormat(text, words[0], tuple(_parse_parameter(text, word) for word in words[1:]))


def _parse_parameter(text: str, word: str) -> Parameter:
    match = _PARAMETER.match(word)
    kind = KINDS.get(match["conversion"]) if match else None
    if match is None or kind is None:
        raise DictionaryError(f"cannot understand {word!r} in the message format {text!r}")
    return Parameter(match["name"], kind)
