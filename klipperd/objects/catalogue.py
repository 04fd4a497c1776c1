"""All printer objects there are: those of L{klipperd.printer} and those that other packages add.

Other packages name a module with L{PrinterObject}s under the entry point group
C{klipperd.printer_objects}.
"""

import importlib
import os
import pkgutil
from collections.abc import Iterator, Sequence
from types import ModuleType

from attrs import define, field

from klipperd.objects.declare import PrinterObject, stem_of
from klipperd.objects.section_index import SectionIndex

__all__ = ["Catalogue", "load_catalogue"]

ENTRY_POINT_GROUP = "klipperd.printer_objects"


@define
class Catalogue:
    """The declarations by section pattern.

    C{objects}: those that are imported. C{later}: module -> patterns of its sections; it is imported
    when a section needs it.
    """

    objects: tuple[PrinterObject, ...]
    later: dict[str, Sequence[str]] = field(factory=dict)

    def find(self, section: str) -> PrinterObject | None:
        """The declaration that serves a section, or None."""
        for module, patterns in list(self.later.items()):
            if any(section.startswith(stem_of(pattern)) for pattern in patterns):
                del self.later[module]
                self._add(_declared(importlib.import_module(module)))
        return next((o for o in self.objects if o.matches(section)), None)

    def _add(self, declared: Sequence[PrinterObject]) -> None:
        # A declaration imported by a second module is the same object: keep one.
        self.objects = tuple({id(o): o for o in (*self.objects, *declared)}.values())

    def patterns(self) -> list[str]:
        """All section patterns, for hints and references."""
        own = [o.section for o in self.objects if not o.internal]
        return [*own, *(pattern for patterns in self.later.values() for pattern in patterns)]


def _declared(module: ModuleType) -> list[PrinterObject]:
    return [value for value in vars(module).values() if isinstance(value, PrinterObject)]


def load_catalogue(*, every: bool = True, index: SectionIndex | None = None) -> Catalogue:
    """Import the modules that declare printer objects.

    @param every: all of them; without, those that only serve sections wait for such a section, as far as an
        earlier call has noted what they declare.
    @param index: where that was noted; by default beside the compiled modules.
    """
    index = index or SectionIndex.read()
    catalogue = Catalogue(())
    for name, path in _own_modules():
        known = index.known(name, path)
        if not every and known is not None:
            catalogue.later[name] = known
            continue
        declared = _declared(importlib.import_module(name))
        index.note(name, path, None if any(o.internal or o.always for o in declared) else declared)
        catalogue._add(declared)
    for name in index.entry_points(ENTRY_POINT_GROUP):
        catalogue._add(_declared(importlib.import_module(name)))
    index.write()
    return catalogue


def _own_modules() -> Iterator[tuple[str, str]]:
    package = importlib.import_module("klipperd.printer")
    for folder in package.__path__:
        for info in pkgutil.iter_modules([folder], "klipperd.printer."):
            yield info.name, os.path.join(folder, info.name.rpartition(".")[2] + ".py")
