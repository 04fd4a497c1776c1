"""Copies of the database: made whole, checked before use. All functions block: they run in its thread."""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from brokerd.errors import BadRequest, NotFound, Unprocessable

__all__ = [
    "AUTOMATIC",
    "BEFORE_MIGRATION",
    "check",
    "copy_into_place",
    "listing",
    "named",
    "newest_usable",
    "save",
    "save_if_old",
    "tables",
]

AUTOMATIC = "sqldb-automatic.db"
BEFORE_MIGRATION = "sqldb-before-migration.db"
_REQUIRED = {"items", "jobs"}


def named(folder: Path, filename: str, exists: bool) -> Path:
    """The path of a backup.

    @raise BadRequest: if the name is none for a file in C{folder}.
    @raise NotFound: if it must exist and does not.
    """
    if not filename or filename.startswith(".") or "/" in filename or not filename.isprintable():
        raise BadRequest(f"{filename!r} is no name for a backup: it is a file name without a path")
    if len(filename.encode("utf-8", "replace")) > 200:
        raise BadRequest("the name of the backup is longer than 200 bytes")
    path = folder / filename
    if path.is_symlink() or (exists and not path.is_file()):
        raise NotFound(f"there is no backup {filename!r}")
    return path


def listing(folder: Path) -> list[str]:
    """Names of all backups."""
    if not folder.is_dir():
        return []
    return sorted(each.name for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))


def save(connection: sqlite3.Connection, path: Path) -> None:
    """Copy the database as it is now; C{path} holds the whole copy or what it held before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.part")
    fresh.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(fresh)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        _sync(fresh)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def save_if_old(connection: sqlite3.Connection, path: Path, age: float) -> None:
    """Copy the database unless there is a copy that is less than C{age} seconds old."""
    try:
        fresh = 0 <= time.time() - path.stat().st_mtime < age
    except OSError:
        fresh = False
    if not fresh:
        save(connection, path)


def copy_into_place(source: Path, destination: Path) -> None:
    """Copy a file so that C{destination} is whole or not there."""
    fresh = destination.with_name(f".{destination.name}.part")
    shutil.copyfile(source, fresh)
    _sync(fresh)
    os.replace(fresh, destination)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def tables(connection: sqlite3.Connection) -> list[str]:
    """Names of all tables."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [name for (name,) in rows if not name.startswith("sqlite_")]


def check(path: Path, newest: int) -> None:
    """See whether a backup can be used.

    @param newest: the newest version of the tables that is known.
    @raise Unprocessable: if not.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as backup:
            (verdict,) = backup.execute("PRAGMA integrity_check(1)").fetchone()
            (version,) = backup.execute("PRAGMA user_version").fetchone()
            found = set(tables(backup))
    except sqlite3.Error as error:
        raise Unprocessable(f"{path.name} is no database: {error}")
    if verdict != "ok":
        raise Unprocessable(f"{path.name} is damaged: {verdict}")
    if not found >= _REQUIRED:
        raise Unprocessable(f"{path.name} is no backup of this database")
    if version > newest:
        raise Unprocessable(f"{path.name} was written by a newer broker (version {version}, known: {newest})")


def newest_usable(folder: Path, newest: int) -> Path | None:
    """The last backup that passes its check, or None."""
    paths = [folder / name for name in listing(folder)]
    for path in sorted(paths, key=lambda each: each.stat().st_mtime, reverse=True):
        try:
            check(path, newest)
        except Unprocessable:
            continue
        return path
    return None
