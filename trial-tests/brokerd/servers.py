"""Servers that tests run: those of the system, or else what C{tools/debian-aside} has unpacked."""

import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

__all__ = ["environment", "program", "root_of"]

ASIDE = Path(__file__).parents[2] / "build" / "servers"
_FOLDERS = ("usr/sbin", "usr/bin", "usr/local/sbin", "usr/local/bin")


def program(name: str) -> str | None:
    """The path of a server, or None."""
    for root in (Path("/"), ASIDE):
        found = shutil.which(name, path=os.pathsep.join(str(root / each) for each in _FOLDERS))
        if found is not None:
            return found
    return None


def root_of(path: str) -> Path:
    """What a server's files lie below."""
    return ASIDE if Path(path).is_relative_to(ASIDE) else Path("/")


def environment(path: str) -> Mapping[str, str]:
    """The environment for a server."""
    if root_of(path) != ASIDE:
        return os.environ
    libraries = ASIDE / "usr" / "lib"
    folders = [libraries / f"{platform.machine()}-linux-gnu", libraries]
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(map(str, folders))}
