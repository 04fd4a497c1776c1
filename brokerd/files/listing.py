"""What lies in the roots. All functions block: they run in worker threads."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from brokerd.errors import NotFound
from brokerd.files.roots import PARTIAL, Location, Root, is_gcode

__all__ = ["describe", "gcode_files", "list_directory", "list_root", "readable_name"]


def readable_name(name: str) -> str:
    """A file name that can be sent as UTF-8, whatever bytes it has on disk."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def describe(location: Location) -> dict[str, Any]:
    """An item as notifications and answers show it; zeros and no permissions once it is gone."""
    item: dict[str, Any] = {"root": location.root.name, "path": location.path}
    try:
        status = location.on_disk.stat()
    except OSError:
        return {**item, "modified": 0, "size": 0, "permissions": ""}
    return {
        **item,
        "modified": status.st_mtime,
        "size": status.st_size,
        "permissions": location.root.permissions,
    }


def _walk(top: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Files below C{top} with their relative paths; links that leave it are passed over."""
    base = os.path.realpath(top)
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(os.path.join(base, folder)))
        except OSError:
            continue
        for entry in entries:
            path = os.path.join(folder, entry.name)
            if entry.name == PARTIAL or (entry.is_symlink() and not _inside(entry.path, base)):
                continue
            try:
                status = entry.stat()
            except OSError:
                continue
            if not stat.S_ISDIR(status.st_mode):
                yield path, status
            elif not entry.is_symlink():
                pending.append(path)


def _inside(path: str, base: str) -> bool:
    return os.path.realpath(path).startswith(base + os.sep)


def list_root(root: Root) -> list[dict[str, Any]]:
    """Every file below a root; of the gcodes root only G-code."""
    return [
        {
            "path": readable_name(path),
            "modified": status.st_mtime,
            "size": status.st_size,
            "permissions": root.permissions,
        }
        for path, status in sorted(_walk(root.path), key=lambda each: each[0])
        if root.name != "gcodes" or is_gcode(path)
    ]


def gcode_files(root: Root) -> list[tuple[str, float, int]]:
    """Every G-code file below a root: relative path, modification time (s), size (bytes)."""
    return [
        (path, status.st_mtime, status.st_size)
        for path, status in _walk(root.path)
        if is_gcode(path) and readable_name(path) == path
    ]


def list_directory(location: Location) -> dict[str, Any]:
    """One directory: its subdirectories, files and the room on its disk.

    @raise NotFound: if there is no such directory.
    """
    path = location.real()
    if not path.is_dir():
        raise NotFound(f"there is no directory {location.text}")
    base = os.path.realpath(location.root.path)
    directories, files = [], []
    for entry in sorted(os.scandir(path), key=lambda each: each.name):
        if entry.name == PARTIAL or (entry.is_symlink() and not _inside(entry.path, base)):
            continue
        try:
            status = entry.stat()
        except OSError:
            continue
        item = {
            "modified": status.st_mtime,
            "size": status.st_size,
            "permissions": location.root.permissions,
        }
        if stat.S_ISDIR(status.st_mode):
            directories.append({**item, "dirname": readable_name(entry.name)})
        else:
            files.append({**item, "filename": readable_name(entry.name)})
    usage = shutil.disk_usage(path)
    return {
        "dirs": directories,
        "files": files,
        "disk_usage": {"total": usage.total, "used": usage.used, "free": usage.free},
        "root_info": {"name": location.root.name, "permissions": location.root.permissions},
    }
