"""Putting one directory in the place of another, so that there is no moment without it. Blocks."""

import ctypes
import errno
import os
import shutil
from pathlib import Path

__all__ = ["exchange", "fresh_beside", "mend", "previous_of"]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def fresh_beside(path: Path) -> Path:
    """An empty directory on the same disk, in which a replacement is made ready."""
    fresh = path.with_name(f".{path.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    return fresh


def previous_of(path: Path) -> Path:
    """Where what was in a place before the last update is kept."""
    return path.with_name(f".{path.name}.previous")


def exchange(fresh: Path, path: Path) -> None:
    """Let two directories change places, in one step where the kernel can do that.

    @raise OSError: if it fails; both are where they were.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    renameat2 = getattr(libc, "renameat2", None)
    if renameat2 is not None:
        names = os.fsencode(fresh), os.fsencode(path)
        if renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(number, os.strerror(number), str(path))
    aside = path.with_name(f".{path.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    os.rename(path, aside)
    try:
        os.rename(fresh, path)
    except OSError:
        os.rename(aside, path)
        raise
    os.rename(aside, fresh)


def mend(path: Path) -> bool:
    """Bring back what a power failure caught in between two renames; tells whether it had to."""
    aside = path.with_name(f".{path.name}.aside")
    shutil.rmtree(path.with_name(f".{path.name}.new"), ignore_errors=True)
    if path.exists() or not aside.exists():
        shutil.rmtree(aside, ignore_errors=True)
        return False
    os.rename(aside, path)
    return True
