"""The arguments of an HTTP request: query string with type hints, form or JSON body, names in the path."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from brokerd.encoding import decode
from brokerd.errors import BadRequest

__all__ = ["body_arguments", "decode_path", "query_arguments"]

_MOST = 500


def _boolean(text: str) -> bool:
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise ValueError


_HINTS: Mapping[str, Callable[[str], Any]] = {"int": int, "float": float, "bool": _boolean, "json": decode}


def decode_path(raw: bytes) -> str:
    """A request's path, with its escapes resolved.

    @raise BadRequest: if it is not UTF-8.
    """
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise BadRequest("the path is not valid UTF-8")


def query_arguments(query: str) -> dict[str, Any]:
    """The arguments of a query string; C{name:int=5} gives an integer.

    @raise BadRequest: if a value does not fit its hint, or there are too many.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("the query string is not valid UTF-8")
    except ValueError:
        raise BadRequest(f"the query string has more than {_MOST} arguments")
    arguments: dict[str, Any] = {}
    for name, value in pairs:
        plain, colon, hint = name.rpartition(":")
        convert = _HINTS.get(hint) if colon else None
        if convert is None:
            arguments[name] = value
            continue
        try:
            arguments[plain] = convert(value)
        except ValueError:
            raise BadRequest(f"the argument {plain!r} is not {hint}: {value[:60]!r}")
    return arguments


def body_arguments(content_type: str, body: bytes) -> dict[str, Any]:
    """The arguments of a body: a JSON object, or a form.

    @raise BadRequest: if it is neither.
    """
    if not body:
        return {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        try:
            return query_arguments(body.decode())
        except UnicodeDecodeError:
            raise BadRequest("the form is not valid UTF-8")
    if kind not in ("application/json", "text/json", "text/plain", ""):
        raise BadRequest(f"a body of type {kind!r} can't be read: send JSON")
    try:
        content = decode(body)
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}")
    if not isinstance(content, dict):
        raise BadRequest("the body must be a JSON object")
    return content
