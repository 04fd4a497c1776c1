"""Changes to files and directories. All functions block: they run in worker threads.

What replaces a file is written beside it and renamed last, so that a reader sees the old or the new one.
"""

import errno
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from brokerd.errors import ApiError, BadRequest, Forbidden, NotFound, StorageFull
from brokerd.files.roots import PARTIAL, Location

__all__ = [
    "copy",
    "delete_directory",
    "delete_file",
    "make_directory",
    "move",
    "pack",
    "rename_over",
    "storage_error",
    "storage_errors",
]


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Give errors of the file system their place in the API."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, what)


def storage_error(error: OSError, what: str) -> ApiError:
    """The answer for an error of the file system."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"{what}: the disk is full")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Forbidden(f"{what}: {error.strerror}")
    if error.errno == errno.ENOENT:
        return NotFound(f"{what}: {error.strerror}")
    return BadRequest(f"{what}: {error.strerror or error}")


def make_directory(location: Location) -> None:
    """Create a directory; its parent must exist."""
    location.check_writable()
    with storage_errors(f"creating {location.text}"):
        location.real().mkdir()


def delete_file(location: Location) -> None:
    """Remove one file (or a link, not what it leads to)."""
    location.check_writable()
    path = _entry(location)
    if not path.is_symlink() and not path.is_file():
        raise NotFound(f"there is no file {location.text}")
    with storage_errors(f"deleting {location.text}"):
        path.unlink()


def delete_directory(location: Location, force: bool) -> None:
    """Remove a directory; with what is in it, if C{force}."""
    location.check_writable()
    if not location.path:
        raise Forbidden(f"the root {location.root.name} can't be deleted")
    path = _entry(location)
    if path.is_symlink() or not path.is_dir():
        raise NotFound(f"there is no directory {location.text}")
    if not force and any(path.iterdir()):
        raise Forbidden(f"the directory {location.text} is not empty")
    with storage_errors(f"deleting {location.text}"):
        shutil.rmtree(path)


def _entry(location: Location) -> Path:
    """The directory entry itself: its parent's links are followed, its own is not."""
    parent = Location(location.root, str(Path(location.path).parent) if "/" in location.path else "")
    return parent.real() / Path(location.path).name


def _destination(source: Path, dest: Location) -> Location:
    """A directory as destination means: into it, under the same name."""
    if dest.on_disk.is_dir():
        return Location(dest.root, f"{dest.path}/{source.name}" if dest.path else source.name)
    return dest


def _prepare(source: Location, dest: Location) -> tuple[Path, Location, Path]:
    dest.check_writable()
    if not source.path:
        raise Forbidden(f"the root {source.root.name} can't be moved or copied")
    start = source.real()
    if not start.exists():
        raise NotFound(f"there is no {source.text}")
    final = _destination(start, dest)
    end = final.real()
    if end == start:
        raise BadRequest(f"{source.text} and {final.text} are the same")
    if end.is_relative_to(start):
        raise BadRequest(f"{final.text} lies inside {source.text}")
    if not end.parent.is_dir():
        raise NotFound(f"there is no directory for {final.text}")
    return start, final, end


def move(source: Location, dest: Location) -> tuple[Location, bool]:
    """Move or rename; returns where it is now, and whether it is a directory."""
    source.check_writable()
    start, final, end = _prepare(source, dest)
    is_directory = start.is_dir()
    with storage_errors(f"moving {source.text}"):
        rename_over(start, end)
    return final, is_directory


def rename_over(start: Path, end: Path) -> None:
    """Rename, or copy and delete where C{end} is on another disk."""
    try:
        os.replace(start, end)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_into_place(start, end)
        shutil.rmtree(start) if start.is_dir() else start.unlink()


def copy(source: Location, dest: Location) -> tuple[Location, str]:
    """Copy; returns where the copy is and what was done: create_file, modify_file or create_dir."""
    start, final, end = _prepare(source, dest)
    action = "create_dir" if start.is_dir() else "modify_file" if end.exists() else "create_file"
    with storage_errors(f"copying {source.text}"):
        _copy_into_place(start, end)
    return final, action


def _copy_into_place(start: Path, end: Path) -> None:
    if start.is_dir():
        shutil.copytree(start, end, dirs_exist_ok=True, symlinks=True)
        return
    with _replacing(end) as fresh:
        shutil.copy2(start, fresh)


@contextmanager
def _replacing(end: Path) -> Iterator[Path]:
    """A fresh file beside C{end} that takes its place, or vanishes on any error."""
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=end.parent)
    os.close(descriptor)
    fresh = Path(name)
    try:
        yield fresh
        os.replace(fresh, end)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def pack(items: Iterable[Location], dest: Location, store_only: bool) -> None:
    """Write a zip archive of files and directories."""
    dest.check_writable()
    end = dest.real()
    method = zipfile.ZIP_STORED if store_only else zipfile.ZIP_DEFLATED
    with (
        storage_errors(f"writing {dest.text}"),
        _replacing(end) as fresh,
        zipfile.ZipFile(fresh, "w", method) as archive,
    ):
        for item in items:
            _pack_one(archive, item)
        fresh.chmod(0o644)


def _pack_one(archive: zipfile.ZipFile, item: Location) -> None:
    path = item.real()
    if path.is_file():
        archive.write(path, item.text)
        return
    if not path.is_dir():
        raise NotFound(f"there is no {item.text}")
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = [each for each in subfolders if each != PARTIAL]
        inner = os.path.relpath(folder, path)
        for name in names:
            file = Path(folder) / name
            if file.is_file() and not file.is_symlink() and not name.endswith(".part"):
                archive.write(file, os.path.normpath(os.path.join(item.text, inner, name)))
