"""Data dictionaries from files."""

import json
from collections.abc import Sequence

from klipperd.batch.errors import BatchError
from klipperd.mcu.pin_names import MAIN_CHIP
from klipperd.wire.dictionary import Dictionary
from klipperd.wire.errors import DictionaryError

__all__ = ["read_dictionaries", "read_dictionary"]


def read_dictionary(path: str) -> Dictionary:
    """The dictionary in a file: JSON, or compressed as C{identify} delivers it.

    @raise BatchError: it can't be read.
    """
    try:
        with open(path, "rb") as source:
            data = source.read()
        if data.lstrip()[:1] == b"{":
            return Dictionary.from_json(json.loads(data), data)
        return Dictionary.from_identify(data)
    except OSError as error:
        raise BatchError(f"{path}: cannot read the data dictionary: {error.strerror}") from error
    except (DictionaryError, ValueError) as error:
        raise BatchError(f"{path}: no data dictionary: {error}") from error


def read_dictionaries(options: Sequence[str]) -> dict[str, Dictionary]:
    """MCU -> dictionary, from options C{DICT} (of the main MCU) and C{NAME=DICT}."""
    found: dict[str, Dictionary] = {}
    for option in options:
        name, separator, path = option.partition("=")
        if not separator:
            name, path = MAIN_CHIP, option
        if name in found:
            raise BatchError(f"two data dictionaries were given for MCU {name!r}")
        found[name] = read_dictionary(path)
    return found
