"""What methods return: the notation of C{result=}, and the JSON schemas that are made of it on request.

A declaration holds nothing but the text; it is parsed for documentation, for C{/server/openapi.json} and
in tests, never for a call.

::

    str  int  num  bool  null  any  bytes      a value; bytes stands for a reply that is no JSON
    "ok" | "skipped"                           one of these; | joins any types
    [T]                                        a list
    {name: T, other?: T}                       an object with these keys; a ? marks one that may be missing
    {*: T}                                     an object with any keys
    {name: T, ...}                             an object with these keys and others that are not ours to name
    Account                                    a type declared elsewhere with C{shape("Account", "{...}")}

Members are separated by commas or line ends; C{# words} after one describe it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from brokerd.registry.declare import shapes

__all__ = ["ResultSyntaxError", "component_schemas", "result_schema"]

_TOKEN = re.compile(
    r'[ \t]*(?:(?P<end>\n)|(?P<note>\#[^\n]*)|(?P<text>"[^"]*")|(?P<name>[A-Za-z_][\w.-]*)'
    r"|(?P<sign>\.\.\.|[{}\[\]|:?*,]))"
)
_PLAIN: Mapping[str, Mapping[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "num": {"type": "number"},
    "bool": {"type": "boolean"},
    "null": {"type": "null"},
    "any": {},
    "bytes": {"type": "string", "format": "binary"},
}
_REFERENCE = "#/components/schemas/"


class ResultSyntaxError(ValueError):
    """A C{result=} that can't be read: a fault in the declaration."""


def result_schema(text: str) -> dict[str, Any]:
    """The JSON schema (2020-12) of a result; named types are references into C{components/schemas}.

    @raise ResultSyntaxError: if the text can't be read, or names a type that nobody declared.
    """
    return _Reader(text).whole()


def component_schemas(*schemas: Any) -> dict[str, Any]:
    """The named types that these schemas refer to, directly or by one another, by name."""
    found: dict[str, Any] = {}
    pending = [name for each in schemas for name in _references(each)]
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = result_schema(shapes()[name])
            pending += _references(found[name])
    return dict(sorted(found.items()))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_REFERENCE)
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position, text = 0, text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ResultSyntaxError(f"{text[position : position + 20]!r} in the result {text[:60]!r}")
        position = match.end()
        kind = match.lastgroup or ""
        yield kind, match[kind]
    yield "", ""


@define
class _Reader:
    """Recursive descent over the tokens of one text."""

    _text: str
    _left: list[tuple[str, str]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._left = list(_tokens(self._text))[::-1]

    def _fail(self, wanted: str) -> ResultSyntaxError:
        found = self._left[-1][1] or "the end"
        return ResultSyntaxError(f"{wanted} instead of {found!r} in the result {self._text[:60]!r}")

    def _take(self, sign: str) -> bool:
        if self._left[-1] == ("sign", sign):
            self._left.pop()
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._fail(repr(sign))

    def _skip(self) -> None:
        while self._left[-1][0] in ("end", "note") or self._left[-1] == ("sign", ","):
            self._left.pop()

    def whole(self) -> dict[str, Any]:
        schema = self._either()
        self._skip()
        if self._left[-1][0]:
            raise self._fail("the end")
        return schema

    def _either(self) -> dict[str, Any]:
        members = [self._one()]
        while self._take("|"):
            members.append(self._one())
        words = [word for each in members if list(each) == ["enum"] for word in each["enum"]]
        rest = [each for each in members if list(each) != ["enum"]]
        joined = ([{"enum": words}] if words else []) + rest
        return joined[0] if len(joined) == 1 else {"anyOf": joined}

    def _one(self) -> dict[str, Any]:
        if self._take("["):
            items = self._either()
            self._expect("]")
            return {"type": "array", "items": items}
        if self._take("{"):
            return self._object()
        kind, text = self._left[-1]
        if kind == "text":
            self._left.pop()
            return {"enum": [text[1:-1]]}
        if kind == "name" and text in _PLAIN:
            self._left.pop()
            return dict(_PLAIN[text])
        if kind == "name" and text in shapes():
            self._left.pop()
            return {"$ref": _REFERENCE + text}
        raise self._fail("a type")

    def _object(self) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        required: list[str] = []
        others: Any = False
        self._skip()
        while not self._take("}"):
            if self._take("..."):
                others = True
            elif self._take("*"):
                self._expect(":")
                others = self._member()
            else:
                name = self._name()
                if not self._take("?"):
                    required.append(name)
                self._expect(":")
                properties[name] = self._member()
            self._skip()
        return {
            "type": "object",
            **({"properties": properties} if properties else {}),
            **({"required": required} if required else {}),
            "additionalProperties": others,
        }

    def _name(self) -> str:
        kind, text = self._left[-1]
        if kind != "name":
            raise self._fail("a name")
        self._left.pop()
        return text

    def _member(self) -> dict[str, Any]:
        """A type, and the words beside it."""
        schema = self._either()
        self._take(",")
        kind, text = self._left[-1]
        if kind == "note":
            self._left.pop()
            # In 2020-12 a reference may stand beside a description.
            return {**schema, "description": text[1:].strip()}
        return schema
