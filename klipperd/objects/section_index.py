"""Which sections a module serves, noted beside its compiled form, so that not all have to be imported.

A short run (a batch of G-code) spends more on importing than on anything else. The note is as good as the
module's time and size, as with compiled modules; it is a cache, and no harm comes of losing it.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import cache_from_source
from typing import Any

from attrs import define, field

from klipperd.objects.declare import PrinterObject

__all__ = ["SectionIndex"]


def _place() -> str:
    package = os.path.join(os.path.dirname(os.path.dirname(__file__)), "printer", "__init__.py")
    return os.path.join(os.path.dirname(cache_from_source(package)), "sections.json")


def _state(path: str) -> list[int]:
    """What changes when a module does."""
    found = os.stat(path)
    return [found.st_mtime_ns, found.st_size]


@define
class SectionIndex:
    """Module -> its state, and the patterns of its sections, or None where it is always needed."""

    _path: str
    _entries: dict[str, Any] = field(factory=dict)
    _changed: bool = field(init=False, default=False)

    @classmethod
    def read(cls, path: str | None = None) -> "SectionIndex":
        """What was noted before; nothing when that can't be read."""
        path = path or _place()
        try:
            with open(path, encoding="utf-8") as source:
                entries = json.load(source)
        except (OSError, ValueError):
            entries = {}
        return cls(path, entries if isinstance(entries, dict) else {})

    def known(self, module: str, path: str) -> Sequence[str] | None:
        """The patterns of a module's sections; None when it must be imported."""
        try:
            state, patterns = self._entries[module]
            return patterns if state == _state(path) else None
        except (KeyError, TypeError, ValueError, OSError):
            return None

    def note(self, module: str, path: str, declared: Sequence[PrinterObject] | None) -> None:
        """Note what a module declares; None: it is always needed."""
        with suppress(OSError):
            entry = [_state(path), None if declared is None else [o.section for o in declared]]
            if self._entries.get(module) != entry:
                self._entries[module] = entry
                self._changed = True

    def entry_points(self, group: str) -> Sequence[str]:
        """C{package.module} of each entry point of a group, looked for when something has been installed."""
        state = [[path, os.stat(path).st_mtime_ns] for path in sys.path if os.path.isdir(path)]
        known = self._entries.get(group)
        if isinstance(known, list) and len(known) == 2 and known[0] == state:
            return known[1] if isinstance(known[1], list) else ()
        from importlib.metadata import entry_points  # takes longer than all the rest of this

        found = [entry.value for entry in entry_points(group=group)]
        self._entries[group] = [state, found]
        self._changed = True
        return found

    def write(self) -> None:
        """Keep it for the next time, if it has changed and can be written."""
        if not self._changed:
            return
        with suppress(OSError):
            scratch = f"{self._path}.{os.getpid()}"
            with open(scratch, "w", encoding="utf-8") as target:
                json.dump(self._entries, target)
            os.replace(scratch, self._path)
