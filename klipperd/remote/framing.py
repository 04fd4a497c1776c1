"""Messages of the host's socket, sans-IO: JSON objects, each ended by the byte 0x03."""

from typing import Any

import orjson
from attrs import define, field

__all__ = ["END", "LONGEST", "MessageSplitter", "TooLong", "encode", "error_answer"]

END = b"\x03"
LONGEST = 16 * 1024 * 1024
"""Bytes; no request that makes sense is longer."""


class TooLong(Exception):
    """The peer has sent more than L{LONGEST} bytes without ending its message."""


@define(eq=False, repr=False)
class MessageSplitter:
    """Bytes in, whole messages out."""

    _parts: list[bytes] = field(init=False, factory=list)
    _size: int = field(init=False, default=0)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that C{data} completes. @raise TooLong: when one passes all bounds."""
        first, *others = data.split(END)
        self._parts.append(first)
        self._size += len(first)
        if self._size > LONGEST:
            raise TooLong(f"a message of more than {LONGEST} bytes")
        if not others:
            return []
        complete = [b"".join(self._parts), *others[:-1]]
        self._parts, self._size = [others[-1]], len(others[-1])
        return complete


def _default(value: Any) -> Any:
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON type")


def encode(message: dict[str, Any]) -> bytes:
    """A message with its end. JSON never holds the byte 0x03: control characters are escaped."""
    return orjson.dumps(message, default=_default, option=orjson.OPT_NON_STR_KEYS) + END


def error_answer(number: Any, text: str) -> dict[str, Any]:
    """The answer to a request that failed."""
    return {"id": number, "error": {"error": "WebRequestError", "message": text}}
