"""All printer objects there are: those of L{klipperd.printer} and those that other packages add.

Other packages name a module with L{PrinterObject}s under the entry point group
C{klipperd.printer_objects}.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.metadata import entry_points
from types import ModuleType

from attrs import frozen

from klipperd.objects.declare import PrinterObject

__all__ = ["Catalogue", "load_catalogue"]

ENTRY_POINT_GROUP = "klipperd.printer_objects"


@frozen
class Catalogue:
    """The declarations by section pattern."""

    objects: tuple[PrinterObject, ...]

    def find(self, section: str) -> PrinterObject | None:
        """The declaration that serves a section, or None."""
        return next((o for o in self.objects if o.matches(section)), None)

    def patterns(self) -> list[str]:
        """All section patterns, for hints and references."""
        return [o.section for o in self.objects if not o.internal]


def _declared(module: ModuleType) -> Iterator[PrinterObject]:
    return (value for value in vars(module).values() if isinstance(value, PrinterObject))


def _own_modules() -> Iterator[ModuleType]:
    package = importlib.import_module("klipperd.printer")
    for info in pkgutil.iter_modules(package.__path__, "klipperd.printer."):
        yield importlib.import_module(info.name)


def load_catalogue() -> Catalogue:
    """Import every module that declares printer objects."""
    modules = [*_own_modules(), *(entry.load() for entry in entry_points(group=ENTRY_POINT_GROUP))]
    # A declaration imported by a second module is the same object: keep one.
    unique = {id(o): o for module in modules for o in _declared(module)}
    return Catalogue(tuple(unique.values()))
