"""Start sooner and smaller: what libraries do at every start is done once, or not before it is needed.

Entry points call L{keep_generated_code} and L{put_off} before they import anything that is large. Nothing
depends on either: without them the program does the same, a little later.
"""

import marshal
import os
import re
import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import cache_from_source, source_hash
from types import CodeType, ModuleType
from typing import Any

__all__ = ["GeneratedCode", "keep_generated_code", "leave_out", "put_off"]


_SALT = re.compile(r"\n +-?\d{6,},\n")
"""The line of a hash method that differs from run to run, because strings have other hashes; any will do."""


class _Later(ModuleType):
    """Takes the place of a module until something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system looks at it
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def put_off(*names: str) -> None:
    """Import modules when something of them is used, not when something imports them.

    For those that a library imports as a whole, C{import x} or C{from x import module}, and hardly uses.
    """
    for name in names:
        if name not in sys.modules:
            package, _, last = name.rpartition(".")
            later = sys.modules[name] = _Later(name)
            if package:
                setattr(import_module(package), last, later)


def leave_out(*names: str) -> None:
    """Have modules missing that libraries can do without."""
    for name in names:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


class GeneratedCode:
    """Compiled texts by name, from a file and back into it.

    attrs writes the methods of each class as text and compiles that whenever the class is made, which takes
    a fifth of a short run. Like compiled modules it is kept in C{__pycache__}; no harm comes of losing it.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: dict[str, tuple[bytes, CodeType]] | None = {}
        with suppress(OSError, ValueError, EOFError, TypeError), open(path, "rb") as source:
            found = marshal.loads(source.read())
            self._known = found if isinstance(found, dict) else {}
        self.compiled = 0
        """How many had to be compiled."""

    def compile(self, text: str, name: str, mode: str) -> Any:
        """What the built-in of that name does."""
        if self._known is None:
            return compile(text, name, mode)
        known, mark = self._known.get(name), source_hash(_SALT.sub("\n", text, 1).encode())
        if known is None or known[0] != mark:
            self.compiled += 1
            known = self._known[name] = mark, compile(text, name, mode)
        return known[1]

    def write(self) -> None:
        """Keep what was compiled for the next time, and forget it; what comes from now on is not kept."""
        known, self._known = self._known, None
        if known is None or not self.compiled:
            return
        with suppress(OSError, ValueError):
            scratch = f"{self._path}.{os.getpid()}"
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with open(scratch, "wb") as target:
                target.write(marshal.dumps(known))
            os.replace(scratch, self._path)


def keep_generated_code(program: str) -> GeneratedCode:
    """Have attrs' methods compiled once; call C{write} of the result when all is imported.

    @param program: what starts; each has a file of its own.
    """
    kept = GeneratedCode(f"{cache_from_source(__file__).removesuffix('.pyc')}.{program}")
    if not sys.dont_write_bytecode:
        import attr._make

        vars(attr._make)["compile"] = kept.compile  # it's looked up there before among the built-ins
    return kept
