"""A file that is printed: found, opened and read without keeping the reactor waiting."""

import os
from collections.abc import Iterator

from attrs import define, field
from twisted.internet.defer import Deferred

from klipperd.errors import CommandError
from klipperd.workers import Workers

__all__ = ["BLOCK", "PrintFile", "find_file", "list_files"]

BLOCK = 64 * 1024
"""Bytes that are read at once."""

_EXTENSIONS = (".gcode", ".g", ".gco", ".ufp", ".nc")


def list_files(root: str) -> list[tuple[str, int]]:
    """Name below C{root} and size of every print file, by name. Blocks."""
    return sorted(_walk(root))


def _walk(root: str) -> Iterator[tuple[str, int]]:
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.lower().endswith(_EXTENSIONS) and not name.startswith("."):
                path = os.path.join(folder, name)
                try:
                    size = os.path.getsize(path)
                except OSError:
                    continue  # deleted meanwhile
                yield os.path.relpath(path, root), size


def find_file(root: str, name: str) -> str:
    """The path of a file below C{root}, whose name's case may be wrong. Blocks.

    @raise CommandError: when there is none, or it is not below C{root}.
    """
    root, wanted = os.path.abspath(root), name.strip().lstrip("/")
    path = os.path.normpath(os.path.join(root, wanted))
    if not wanted or os.path.commonpath([root, path]) != root:
        raise CommandError(f"Unable to open file: {name!r} is not in the folder of print files")
    if os.path.isfile(path):
        return path
    folded = os.path.normpath(wanted).lower()
    for found, _ in _walk(root):
        if found.lower() == folded:
            return os.path.join(root, found)
    raise CommandError(f"Unable to open file: there is no {wanted!r} in {root}")


def _count_lines(handle: int, end: int) -> int:
    """Newlines in the first C{end} bytes."""
    at = count = 0
    while at < end:
        data = os.pread(handle, min(1 << 20, end - at), at)
        if not data:
            break
        count += data.count(b"\n")
        at += len(data)
    return count


def _open(path: str) -> tuple[int, int]:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return handle, os.fstat(handle).st_size


@define(eq=False, repr=False)
class PrintFile:
    """An open print file. The next block is read while the present one is executed."""

    path: str
    """Absolute."""
    name: str
    """Below the folder of print files."""
    size: int
    """Bytes."""
    _handle: int
    _workers: Workers
    _ahead: "tuple[int, Deferred[bytes]] | None" = field(default=None, init=False)

    @classmethod
    async def open(cls, root: str, name: str, workers: Workers) -> "PrintFile":
        """@raise CommandError: when there is no such file or it can't be read."""
        path = await workers.run(find_file, root, name)
        try:
            handle, size = await workers.run(_open, path)
        except OSError as error:
            raise CommandError(f"Unable to open file: {name!r}: {error.strerror}") from None
        return cls(path, os.path.relpath(path, root), size, handle, workers)

    async def read(self, offset: int) -> bytes:
        """The block at C{offset}, empty at the end. @raise CommandError: when it can't be read."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == offset:
            reading = ahead[1]
        else:
            if ahead is not None:
                ahead[1].addErrback(lambda _: None)
            reading = self._workers.run(os.pread, self._handle, BLOCK, offset)
        try:
            data = await reading
        except OSError as error:
            raise CommandError(f"Unable to read {self.name!r} at byte {offset}: {error.strerror}") from None
        if data:
            after = offset + len(data)
            self._ahead = after, self._workers.run(os.pread, self._handle, BLOCK, after)
        return data

    async def lines_before(self, offset: int) -> int:
        """How many lines end before C{offset}."""
        return await self._workers.run(_count_lines, self._handle, offset) if offset else 0

    def close(self) -> None:
        """Let go of the file once it isn't being read."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            os.close(self._handle)
        else:
            ahead[1].addErrback(lambda _: None)
            ahead[1].addCallback(lambda _: os.close(self._handle))
