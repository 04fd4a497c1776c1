"""Names for the values of message parameters (Protocol.md, "Declaring enumerations")."""

import re
from collections.abc import Mapping
from difflib import get_close_matches

from attrs import field, frozen

from klipperd.wire.errors import DictionaryError, EncodeError

__all__ = ["Enumeration", "find_enumeration", "nearest"]

_RANGE_START = re.compile(r"(?P<stem>.*?)(?P<first>\d+)\Z")
_MOST_IN_RANGE = 65536


def nearest(word: str, candidates: "list[str] | Mapping[str, object]") -> str:
    """C{"; did you mean X?"} with the most similar candidate, or an empty string."""
    lower = {name.lower(): name for name in candidates}
    close = get_close_matches(word.lower(), lower, n=1, cutoff=0.5)
    return f"; did you mean {lower[close[0]]!r}?" if close else ""


@frozen
class Enumeration:
    name: str
    numbers: Mapping[str, int]
    names: Mapping[int, str] = field(init=False)

    @names.default
    def _names(self) -> dict[int, str]:
        names: dict[int, str] = {}
        for name, number in self.numbers.items():
            names.setdefault(number, name)
        return names

    @classmethod
    def from_dictionary(cls, name: str, entries: Mapping[str, object]) -> "Enumeration":
        """From the dictionary's form: C{{name: number}} or C{{first name: [first number, count]}}."""
        numbers: dict[str, int] = {}
        for key, value in entries.items():
            if isinstance(value, int):
                numbers[key] = value
            else:
                numbers.update(_expand(name, key, value))
        return cls(name, numbers)

    def number(self, value: str) -> int:
        """The number of a name.

        @raise EncodeError: there is no such name.
        """
        try:
            return self.numbers[value]
        except KeyError:
            raise EncodeError(f"{value!r} is no {self.name}{nearest(value, self.numbers)}") from None


def _expand(enumeration: str, first_name: str, value: object) -> dict[str, int]:
    match = _RANGE_START.match(first_name)
    if (
        match is None
        or not isinstance(value, list)
        or len(value) != 2
        or not all(isinstance(part, int) for part in value)
        or not 0 <= value[1] <= _MOST_IN_RANGE
    ):
        raise DictionaryError(f"enumeration {enumeration!r} has a bad entry {first_name!r}: {value!r}")
    start, count = value
    stem, first = match["stem"], int(match["first"])
    return {f"{stem}{first + i}": start + i for i in range(count)}


def find_enumeration(enumerations: Mapping[str, Enumeration], parameter: str) -> Enumeration | None:
    """The enumeration of a parameter: that of its name, or the longest that its name ends with."""
    if parameter in enumerations:
        return enumerations[parameter]
    fitting = [name for name in enumerations if parameter.endswith("_" + name)]
    return enumerations[max(fitting, key=len)] if fitting else None
