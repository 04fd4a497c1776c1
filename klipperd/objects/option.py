"""Declare the options of a section and the fields of a status as fields of frozen attrs classes."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, get_type_hints

import attrs
from attrs import frozen

from klipperd.objects.values import NO_LIMITS, Limits

__all__ = [
    "REQUIRED",
    "Choice",
    "Group",
    "LateKinds",
    "Option",
    "Wildcard",
    "choose",
    "config_members",
    "group",
    "option",
    "options_named",
    "status_field",
    "status_fields",
]

REQUIRED = attrs.NOTHING
_KEY = "klipperd"


@frozen
class Option:
    """One option of a section: its type, default, limits, unit and one line of documentation."""

    name: str
    kind: Any
    default: Any
    doc: str
    unit: str = ""
    limits: Limits = NO_LIMITS

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@frozen
class Group:
    """A field that holds another config class, whose options stand in the same section."""

    name: str
    kind: type


class LateKinds(Mapping[str, type]):
    """Config classes to choose from: value -> C{"package.module:Class"}, imported when it is chosen."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = places

    def __getitem__(self, value: str) -> type:
        module, _, name = self.places[value].partition(":")
        kind: type = getattr(import_module(module), name)
        return kind

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


@frozen
class Choice:
    """A field whose config class depends on the value of the option C{by}."""

    name: str
    by: Option
    kinds: Mapping[str, type]
    otherwise: type | None = None

    def value_of(self, kind: type) -> str | None:
        """The value that chooses a class."""
        if isinstance(self.kinds, LateKinds):
            place = f"{kind.__module__}:{kind.__qualname__}"
            return next((value for value, known in self.kinds.places.items() if known == place), None)
        return next((value for value, known in self.kinds.items() if known is kind), None)


@frozen
class Wildcard:
    """A field that takes all options that begin with C{prefix}: a mapping of rest-of-name to text."""

    name: str
    prefix: str
    doc: str


@frozen
class _Declared:
    """What a field's metadata holds until its class is complete."""

    what: str
    doc: str = ""
    unit: str = ""
    limits: Limits = NO_LIMITS
    name: str | None = None
    prefix: str = ""
    kinds: Mapping[str, type] = {}
    otherwise: type | None = None
    default: Any = attrs.field(factory=lambda: REQUIRED)


def option(
    default: Any = REQUIRED,
    *,
    doc: str,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    name: str | None = None,
) -> Any:
    """A field that is one option. Without C{default} the option is required; C{name} only where the
    option's name is no Python name. Limits hold for numbers and for each item of a list."""
    declared = _Declared("option", doc, unit, Limits(minimum, maximum, above, below), name)
    return attrs.field(default=default, metadata={_KEY: declared})


def group() -> Any:
    """A field whose type is another config class; its options are read from the same section."""
    return attrs.field(metadata={_KEY: _Declared("group")})


def choose(
    by: str, kinds: Mapping[str, type], *, doc: str, default: Any = REQUIRED, otherwise: type | None = None
) -> Any:
    """A field that holds an instance of C{kinds[value of the option by]}, read from the same section.

    C{kinds} may still grow after the declaration (plug-ins add to it). C{otherwise} is the class for
    values that it does not hold, such as names of other sections; without it they are an error."""
    declared = _Declared("choose", doc, name=by, kinds=kinds, otherwise=otherwise, default=default)
    return attrs.field(metadata={_KEY: declared})


def options_named(prefix: str, *, doc: str) -> Any:
    """A field of type C{Mapping[str, str]}: all options whose names begin with C{prefix}."""
    return attrs.field(factory=dict, metadata={_KEY: _Declared("wildcard", doc, prefix=prefix)})


def _member(field: "attrs.Attribute[Any]", kind: Any) -> Option | Group | Choice | Wildcard | None:
    declared: _Declared | None = field.metadata.get(_KEY)
    if declared is None:
        return None
    if declared.what == "group":
        return Group(field.name, kind)
    if declared.what == "wildcard":
        return Wildcard(field.name, declared.prefix, declared.doc)
    if declared.what == "choose":
        assert declared.name is not None
        by = Option(declared.name, str, declared.default, declared.doc)
        return Choice(field.name, by, declared.kinds, declared.otherwise)
    default = field.default
    return Option(declared.name or field.name, kind, default, declared.doc, declared.unit, declared.limits)


def config_members(config: type) -> list[tuple[str, Option | Group | Choice | Wildcard]]:
    """Field name and declaration of each member of a config class, in order."""
    hints = get_type_hints(config)
    members = ((field.name, _member(field, hints[field.name])) for field in attrs.fields(config))
    return [(name, member) for name, member in members if member is not None]


def status_field(*, doc: str, default: Any = REQUIRED) -> Any:
    """A field of a status class, with its documentation."""
    return attrs.field(default=default, metadata={_KEY: _Declared("status", doc)})


def status_fields(kind: type) -> dict[str, str]:
    """Field -> documentation of a status class; empty when its fields are not fixed (a Mapping)."""
    if not attrs.has(kind):
        return {}
    return {f.name: f.metadata[_KEY].doc if _KEY in f.metadata else "" for f in attrs.fields(kind)}
