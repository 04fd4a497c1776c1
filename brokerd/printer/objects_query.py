"""The query string form of an object query: C{?toolhead&extruder=temperature,target}."""

from collections.abc import Mapping
from typing import Any

__all__ = ["objects_argument"]

# Arguments of the request itself, never objects of the printer.
_OURS = ("token", "access_token", "connection_id")


def objects_argument(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The C{objects} argument: as given in a JSON body, or gathered from the query string."""
    objects = given.get("objects")
    if isinstance(objects, Mapping):
        return {"objects": objects}
    named = {name: value if value != "" else None for name, value in given.items() if name not in _OURS}
    return {"objects": named}
