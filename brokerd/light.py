"""Import libraries without what they bring along and the broker has no use for: a third of its memory.

Entry points import all of the broker inside L{light_imports}. Nothing else depends on it: imported in another
way, everything is there and does the same.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from brokerd.tls.late import without_tls

__all__ = ["light_imports"]

_RARELY_USED = ("http.cookiejar", "click", "cbor2")
"""Imported by Twisted and autobahn, as a whole, for rare uses."""
_SHELLS = ("autobahn.twisted",)
"""Packages that import all of their modules, WAMP and cryptography among them; we name those that we need."""


class _Later(ModuleType):
    """Takes the place of a module until something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system looks at it
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


@contextmanager
def light_imports() -> Iterator[None]:
    """Inside, only what is used is imported; TLS comes with the first connection that has it."""
    for name in _RARELY_USED:
        _put_off(name)
    for name in _SHELLS:
        _make_shell(name)
    with without_tls():
        yield


def _put_off(name: str) -> None:
    if name in sys.modules or find_spec(name) is None:
        return
    package, _, last = name.rpartition(".")
    later = sys.modules[name] = _Later(name)
    if package:
        setattr(import_module(package), last, later)


def _make_shell(name: str) -> None:
    """The package, so that its modules can be imported, without running it."""
    if name in sys.modules:
        return
    spec = find_spec(name)
    if spec is not None:
        package, _, last = name.rpartition(".")
        shell = sys.modules[name] = module_from_spec(spec)
        setattr(import_module(package), last, shell)
