"""Roots, and the way from a client's path to one on disk that is certain to lie inside its root."""

import os
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field, frozen

from brokerd.errors import BadRequest, Forbidden, NotFound

__all__ = ["GCODE_SUFFIXES", "PARTIAL", "Location", "Root", "Roots", "is_gcode"]

GCODE_SUFFIXES = (".gcode", ".g", ".gco", ".ufp", ".nc")
# Uploads that are not complete yet; invisible to clients.
PARTIAL = ".uploads"


def is_gcode(name: str) -> bool:
    """Whether a file name is that of a G-code file."""
    return name.lower().endswith(GCODE_SUFFIXES)


@frozen
class Root:
    """A directory that clients may look into.

    @ivar writable: whether they may change it.
    """

    name: str
    path: Path
    writable: bool

    @property
    def permissions(self) -> str:
        return "rw" if self.writable else "r"


@frozen
class Location:
    """One place below a root.

    @ivar path: path relative to the root, with slashes; empty for the root itself.
    """

    root: Root
    path: str

    @property
    def on_disk(self) -> Path:
        return self.root.path / self.path if self.path else self.root.path

    @property
    def text(self) -> str:
        """The client's form: root/path."""
        return f"{self.root.name}/{self.path}" if self.path else self.root.name

    def real(self) -> Path:
        """The path on disk with all links followed. Blocks (a few lstat calls).

        @raise Forbidden: if a link leads out of the root.
        """
        base = os.path.realpath(self.root.path)
        real = os.path.realpath(self.on_disk)
        if real != base and not real.startswith(base + os.sep):
            raise Forbidden(f"{self.text} leads out of the root {self.root.name}")
        return Path(real)

    def check_writable(self) -> None:
        """@raise Forbidden: if the root is read-only."""
        if not self.root.writable:
            raise Forbidden(f"the root {self.root.name} is read-only")


@define(eq=False, repr=False)
class Roots:
    """The registered roots, by name."""

    _roots: dict[str, Root] = field(init=False, factory=dict)

    def add(self, root: Root) -> None:
        self._roots[root.name] = root

    def __iter__(self) -> Iterator[Root]:
        return iter(self._roots.values())

    def root(self, name: str) -> Root:
        """@raise NotFound: naming the roots that exist."""
        try:
            return self._roots[name]
        except KeyError:
            raise NotFound(f"there is no root {name!r}, only {', '.join(self._roots)}")

    def locate(self, path: str, root: str | None = None) -> Location:
        """The location of a client's path: C{root/rest}, or C{rest} if the root is given.

        @raise BadRequest: if the path has control characters, C{..} or other tricks in it.
        @raise NotFound: if there is no such root.
        """
        parts = _checked(path)
        if root is None:
            if not parts:
                raise BadRequest("the path is empty: it begins with the name of a root")
            root = parts.pop(0)
        return Location(self.root(root), "/".join(parts))


def _checked(path: str) -> list[str]:
    if any(ord(each) < 32 or ord(each) == 127 for each in path):
        raise BadRequest("the path has control characters")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise BadRequest("the path is not valid UTF-8")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Forbidden("the path leads upwards")
    if PARTIAL in parts:
        raise Forbidden(f"{PARTIAL} is the broker's own")
    if any(len(part.encode()) > 255 for part in parts):
        raise BadRequest("a name in the path is longer than 255 bytes")
    return parts
