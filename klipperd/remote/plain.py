"""From the statuses of printer objects to plain JSON types."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

__all__ = ["plain", "plain_status"]

_AS_IT_IS = (str, float, int, bool, type(None), dict)


def plain(value: Any) -> Any:
    """Attrs classes and mappings as dicts, tuples as lists, enumerations as their values. Lists are copied,
    so that what was sent can be compared with what an object made of them since."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is list or isinstance(value, tuple):
        return [plain(item) for item in value]
    if attrs.has(kind):
        return {name: plain(getattr(value, name)) for name in _field_names(kind)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return [plain(item) for item in sorted(value)]
    return value


_NAMES: dict[type, tuple[str, ...]] = {}


def _field_names(kind: type) -> tuple[str, ...]:
    names = _NAMES.get(kind)
    if names is None:
        names = _NAMES[kind] = tuple(f.name for f in attrs.fields(kind))
    return names


def plain_status(status: Any) -> dict[str, Any]:
    """The fields of a status."""
    if isinstance(status, dict):
        return {name: plain(value) for name, value in status.items()}
    made = plain(status)
    assert isinstance(made, dict)
    return made
