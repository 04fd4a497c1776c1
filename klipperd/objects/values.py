"""Types of option values beyond numbers and text, and how text becomes a value of a given type.

L{convert} serves config options, G-code parameters and remote parameters alike.
"""

import math
import types
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from enum import Enum
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from attrs import frozen

from klipperd.errors import Place

__all__ = ["NO_LIMITS", "Gcode", "Limits", "Pin", "ValueProblem", "convert", "describe_type", "nearest"]

T = TypeVar("T")


class ValueProblem(ValueError):
    """A text that is no value of the wanted type, or out of its limits."""


@frozen
class Pin:
    """A pin's text as written, such as C{^!zboard:PA3}; the board gives it its meaning."""

    text: str
    place: Place | None = None

    def __str__(self) -> str:
        return self.text


@frozen
class Gcode:
    """G-code text (a Jinja2 template in most options) and the place of its first line."""

    text: str
    place: Place | None = None


@frozen
class Limits:
    """Bounds of a number: C{minimum} and C{maximum} are allowed, C{above} and C{below} are not."""

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None

    def check(self, value: float) -> None:
        """Raise L{ValueProblem} that names the broken limit."""
        if not math.isfinite(value):
            raise ValueProblem(f"{value} is not a finite number")
        if self.minimum is not None and value < self.minimum:
            raise ValueProblem(f"{value:g} is below the minimum of {self.minimum:g}")
        if self.maximum is not None and value > self.maximum:
            raise ValueProblem(f"{value:g} is above the maximum of {self.maximum:g}")
        if self.above is not None and value <= self.above:
            raise ValueProblem(f"{value:g} must be above {self.above:g}")
        if self.below is not None and value >= self.below:
            raise ValueProblem(f"{value:g} must be below {self.below:g}")

    def describe(self) -> str:
        """For documents, such as C{> 0, <= 1}; empty without limits."""
        signs = ((">=", self.minimum), (">", self.above), ("<=", self.maximum), ("<", self.below))
        return ", ".join(f"{sign} {bound:g}" for sign, bound in signs if bound is not None)


NO_LIMITS = Limits()


def nearest(name: str, known: "Mapping[str, Any] | list[str] | tuple[str, ...]") -> str:
    """A hint such as C{; did you mean 'max_power'?}, or the empty string when nothing is near."""
    folded = {k.lower(): k for k in known}
    close = get_close_matches(name.lower(), list(folded), n=1, cutoff=0.6)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""


def _to_bool(text: str) -> bool:
    folded = text.lower()
    if folded in ("1", "true", "yes", "on"):
        return True
    if folded in ("0", "false", "no", "off"):
        return False
    raise ValueProblem(f"{text!r} is neither True nor False")


def _to_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueProblem(f"{text!r} is not a number") from None


def _to_int(text: str) -> int:
    try:
        return int(text, 0) if text.lower().startswith("0x") else int(text)
    except ValueError:
        raise ValueProblem(f"{text!r} is not a whole number") from None


_SCALARS: dict[Any, Callable[[str], Any]] = {bool: _to_bool, float: _to_float, int: _to_int, str: str}


def _choose(text: str, allowed: tuple[Any, ...]) -> Any:
    for value in allowed:
        if text.lower() == str(value).lower():
            return value
    names = ", ".join(str(v) for v in allowed)
    raise ValueProblem(f"{text!r} is none of {names}{nearest(text, [str(v) for v in allowed])}")


def _split(text: str) -> list[str]:
    """List items: by comma, and by line where a value has several lines."""
    return [part.strip() for line in text.split("\n") for part in line.split(",") if part.strip()]


def _rows(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _to_tuple(text: str, of: tuple[Any, ...], limits: Limits, place: Place | None) -> tuple[Any, ...]:
    endless = len(of) == 2 and of[1] is Ellipsis
    nested = get_origin(of[0]) is tuple
    parts = _rows(text) if nested else _split(text)
    if not endless and len(parts) != len(of):
        raise ValueProblem(f"{text!r} has {len(parts)} values where {len(of)} are wanted")
    kinds = (of[0],) * len(parts) if endless else of
    return tuple(convert(part, kind, limits, place) for part, kind in zip(parts, kinds, strict=True))


def convert(text: str, kind: Any, limits: Limits = NO_LIMITS, place: Place | None = None) -> Any:
    """Turn C{text} into a value of C{kind} and check its limits.

    C{kind} is float, int, bool, str, L{Pin}, L{Gcode}, an Enum, a Literal, C{tuple[X, ...]},
    C{tuple[X, Y]}, a tuple of tuples (one a line), or any of them C{| None}.

    @raise ValueProblem: with a text that names value and limit.
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        inner = [k for k in get_args(kind) if k is not type(None)]
        return convert(text, inner[0], limits, place)
    if origin is tuple:
        return _to_tuple(text, get_args(kind), limits, place)
    if origin is Literal:
        return _choose(text, get_args(kind))
    if kind is Pin:
        return Pin(text, place)
    if kind is Gcode:
        return Gcode(text, place)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(_choose(text, tuple(member.value for member in kind)))
    value = _SCALARS[kind](text)
    if kind in (float, int):
        limits.check(value)
    return value


def describe_type(kind: Any) -> str:
    """The type's name for documents and schemas: C{number}, C{pin}, C{list of number} and so on."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return describe_type(next(k for k in get_args(kind) if k is not type(None)))
    if origin is tuple:
        inner = [k for k in get_args(kind) if k is not Ellipsis]
        if Ellipsis in get_args(kind):
            return f"list of {describe_type(inner[0])}"
        return ", ".join(describe_type(k) for k in inner)
    if origin is Literal:
        return "one of " + ", ".join(str(v) for v in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "one of " + ", ".join(str(m.value) for m in kind)
    return _NAMES[kind]


_NAMES = {
    bool: "True or False",
    float: "number",
    int: "whole number",
    str: "text",
    Pin: "pin",
    Gcode: "G-code",
}
