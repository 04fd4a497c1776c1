"""All printer objects there are: those of L{klipperd.printer} and those that other packages add.

Other packages name a module with L{PrinterObject}s under the entry point group
C{klipperd.printer_objects}.
"""

import importlib
import os
import pkgutil
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from types import ModuleType

from attrs import frozen

from klipperd.objects.declare import PrinterObject, stem_of
from klipperd.objects.section_index import SectionIndex

__all__ = ["Catalogue", "load_catalogue"]

ENTRY_POINT_GROUP = "klipperd.printer_objects"


@frozen
class Catalogue:
    """The declarations by section pattern."""

    objects: tuple[PrinterObject, ...]
    others: tuple[str, ...] = ()
    """Patterns of sections whose modules were left out."""

    def find(self, section: str) -> PrinterObject | None:
        """The declaration that serves a section, or None."""
        return next((o for o in self.objects if o.matches(section)), None)

    def patterns(self) -> list[str]:
        """All section patterns, for hints and references."""
        return [*(o.section for o in self.objects if not o.internal), *self.others]


def _declared(module: ModuleType) -> list[PrinterObject]:
    return [value for value in vars(module).values() if isinstance(value, PrinterObject)]


def load_catalogue(sections: Sequence[str] | None = None, index: SectionIndex | None = None) -> Catalogue:
    """Import the modules that declare printer objects.

    @param sections: names of a configuration's sections: modules that only serve others are left out, as far
        as an earlier call has noted what they declare. None: all modules.
    @param index: where that was noted; by default beside the compiled modules.
    """
    index = index or SectionIndex.read()
    objects: list[PrinterObject] = []
    others: list[str] = []
    for name, path in _own_modules():
        known = index.known(name, path)
        if sections is not None and known is not None and not _needed(known, sections):
            others.extend(known)
            continue
        declared = _declared(importlib.import_module(name))
        index.note(name, path, None if any(o.internal or o.always for o in declared) else declared)
        objects.extend(declared)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        objects.extend(_declared(entry.load()))
    index.write()
    # A declaration imported by a second module is the same object: keep one.
    return Catalogue(tuple({id(o): o for o in objects}.values()), tuple(others))


def _own_modules() -> Iterator[tuple[str, str]]:
    package = importlib.import_module("klipperd.printer")
    for folder in package.__path__:
        for info in pkgutil.iter_modules([folder], "klipperd.printer."):
            yield info.name, os.path.join(folder, info.name.rpartition(".")[2] + ".py")


def _needed(patterns: Sequence[str], sections: Sequence[str]) -> bool:
    return any(section.startswith(stem_of(pattern)) for pattern in patterns for section in sections)
