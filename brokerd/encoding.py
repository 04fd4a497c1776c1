"""JSON as every face writes it."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import orjson

__all__ = ["decode", "encode"]

_OPTIONS = orjson.OPT_NON_STR_KEYS


def encode(value: Any) -> bytes:
    """UTF-8 JSON of C{value}; what is not a number in JSON (infinity, NaN) becomes null."""
    return orjson.dumps(value, _plain, _OPTIONS)


def decode(text: bytes | str) -> Any:
    """The value of a JSON text.

    @raise ValueError: if it is not JSON, not UTF-8, or nested too deep.
    """
    return orjson.loads(text)


def _plain(value: Any) -> Any:
    """Values of the in-process motion host that have no JSON form of their own."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    raise TypeError(f"{type(value).__name__} has no JSON form")
