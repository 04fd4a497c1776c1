"""Unpacking a zip archive of which nothing is known. Blocks: runs in a worker thread."""

import os
import stat
import zipfile
from pathlib import Path, PurePosixPath

from brokerd.updates.updater import UpdateFailed

__all__ = ["unpack"]

_LARGEST = 2 * 1024**3  # bytes of all files together
_MOST = 50_000
_PIECE = 1024 * 1024


def unpack(archive: Path, folder: Path) -> None:
    """Unpack into an empty directory.

    @raise UpdateFailed: if it is damaged, too large, or a name or link in it leads elsewhere.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            _check(entries)
            left = _LARGEST
            for entry in entries:
                left -= _unpack_one(opened, entry, folder, left)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise UpdateFailed(f"the archive is damaged: {error}") from None


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > _MOST:
        raise UpdateFailed(f"the archive has more than {_MOST} files")
    if sum(each.file_size for each in entries) > _LARGEST:
        raise UpdateFailed(f"the archive's files are larger than {_LARGEST // 1024**2} MiB")
    for each in entries:
        path = PurePosixPath(each.filename)
        mode = each.external_attr >> 16
        bad_name = path.is_absolute() or ".." in path.parts or "\\" in each.filename or "\0" in each.filename
        if bad_name or stat.S_ISLNK(mode):
            raise UpdateFailed(f"the archive's file {each.filename!r} leads elsewhere")


def _unpack_one(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, most: int) -> int:
    path = folder / entry.filename
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with opened.open(entry) as source, path.open("xb") as out:
        while piece := source.read(_PIECE):
            written += len(piece)
            if written > most:
                raise UpdateFailed("the archive's files are larger than they are said to be")
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    if (entry.external_attr >> 16) & 0o111:
        path.chmod(0o755)
    return written
