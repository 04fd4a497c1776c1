"""What a tree of files looked like, and what became of it. Blocks: runs in worker threads."""

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import evolve, field, frozen

from brokerd.files.roots import PARTIAL
from brokerd.files.thumbnails import FOLDER as THUMBNAILS

__all__ = ["Change", "Entry", "Snapshot", "compare", "look", "look_below", "outermost"]


@frozen
class Entry:
    """One file or directory.

    @ivar identity: device and inode.
    @ivar version: modification time (ns) and size (bytes) of a file; nothing for a directory.
    @ivar linked: whether it has other names, too.
    """

    is_directory: bool
    identity: tuple[int, int]
    version: tuple[int, int] = (0, 0)
    linked: bool = field(default=False, eq=False)


Snapshot = Mapping[str, Entry]


@frozen
class Change:
    """One difference.

    @ivar action: create_file, modify_file, delete_file, move_file, or the same of a directory.
    @ivar path: relative to the root.
    @ivar source: where it was before, if it was moved.
    """

    action: str
    path: str
    source: str | None = None


def _hidden(name: str) -> bool:
    return name in (PARTIAL, THUMBNAILS) or (name.startswith(".") and name.endswith(".part"))


def _entry(status: os.stat_result) -> Entry | None:
    identity = (status.st_dev, status.st_ino)
    if stat.S_ISDIR(status.st_mode):
        return Entry(True, identity)
    if stat.S_ISREG(status.st_mode):
        return Entry(False, identity, (status.st_mtime_ns, status.st_size), status.st_nlink > 1)
    return None


def _looked_at(found: "os.DirEntry[str]", root: Path) -> Entry | None:
    """A link to a file inside the root counts as a file."""
    entry = _entry(found.stat())
    if entry is None or not found.is_symlink():
        return entry
    inside = Path(os.path.realpath(found.path)).is_relative_to(os.path.realpath(root))
    return evolve(entry, linked=True) if inside and not entry.is_directory else None


def look(root: Path, folder: str) -> dict[str, Entry] | None:
    """What lies in one directory, by path relative to the root; None if it is no directory any more."""
    found = {}
    try:
        with os.scandir(root / folder) as entries:
            for each in entries:
                try:
                    name = each.name
                    name.encode()
                    entry = None if _hidden(name) else _looked_at(each, root)
                except (OSError, UnicodeEncodeError):
                    continue
                if entry is not None:
                    found[f"{folder}/{name}" if folder else name] = entry
    except OSError:
        return None
    return found


def look_below(root: Path, folder: str = "") -> dict[str, Entry]:
    """What lies in a directory and in all below it."""
    found: dict[str, Entry] = {}
    pending = [folder]
    while pending:
        inside = look(root, pending.pop()) or {}
        found.update(inside)
        pending += [path for path, entry in inside.items() if entry.is_directory]
    return found


def compare(before: Snapshot, after: Snapshot) -> list[Change]:
    """What happened in between; a thing that vanished here and appeared there was moved."""
    gone = {path: entry for path, entry in before.items() if not _same_kind(entry, after.get(path))}
    new = {path: entry for path, entry in after.items() if not _same_kind(entry, before.get(path))}
    was_at = {entry.identity: path for path, entry in gone.items()}
    changes = []
    for path, entry in sorted(new.items()):
        source = was_at.get(entry.identity)
        kind = "dir" if entry.is_directory else "file"
        if source is not None and gone[source] == entry:
            del was_at[entry.identity]
            changes.append(Change(f"move_{kind}", path, source))
        else:
            changes.append(Change(f"create_{kind}", path))
    for path in sorted(was_at.values()):
        changes.append(Change("delete_dir" if gone[path].is_directory else "delete_file", path))
    for path, entry in sorted(after.items()):
        old = before.get(path)
        if old is not None and _same_kind(old, entry) and old != entry and not entry.is_directory:
            changes.append(Change("modify_file", path))
    return changes


def _same_kind(entry: Entry, other: Entry | None) -> bool:
    return other is not None and entry.is_directory == other.is_directory


def outermost(changes: Iterable[Change]) -> list[Change]:
    """Without what goes without saying: the content of a directory that came, moved or vanished."""
    kept: list[Change] = []
    moved: list[tuple[str, str]] = []
    deleted: list[str] = []
    created: list[str] = []
    for each in sorted(changes, key=lambda change: change.path.count("/")):
        if each.source is not None:
            if any(
                each.path.startswith(f"{new}/") and each.source.startswith(f"{old}/") for new, old in moved
            ):
                continue
            if each.action == "move_dir":
                moved.append((each.path, each.source))
        if each.action.startswith("create"):
            if any(each.path.startswith(f"{folder}/") for folder in created):
                continue
            if each.action == "create_dir":
                created.append(each.path)
        if each.action.startswith("delete"):
            if any(each.path.startswith(f"{folder}/") for folder in deleted):
                continue
            if each.action == "delete_dir":
                deleted.append(each.path)
        kept.append(each)
    return kept
