"""What a slicer wrote about a file, read from its first and last MiB. Blocks: runs in a worker thread.

Slicers write C{; key = value} or C{;KEY:value} lines; both become entries of one table with lower-case keys.
The scan finds comment lines with C{bytes.find}, so that it lets the reactor have the interpreter often.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

__all__ = ["GcodeEnds", "read_ends"]

_SPAN = 1024 * 1024
_LONGEST_LINE = 8192
_COMMAND = re.compile(rb"^[ \t]*[A-Za-z]", re.MULTILINE)


@frozen
class GcodeEnds:
    """Both ends of a G-code file.

    @ivar header: the first MiB.
    @ivar footer: the last MiB; the whole file if it is shorter.
    @ivar size: of the file (bytes).
    @ivar entries: what its comments say.
    """

    header: bytes
    footer: bytes
    size: int
    entries: Mapping[str, str]

    @property
    def start_byte(self) -> int | None:
        """Where the first command begins."""
        found = _COMMAND.search(self.header)
        return found.start() if found is not None else None

    @property
    def end_byte(self) -> int | None:
        """Where the last command ends."""
        end = len(self.footer)
        while end > 0:
            start = self.footer.rfind(b"\n", 0, end) + 1
            line = self.footer[start:end]
            if _COMMAND.match(line):
                return self.size - len(self.footer) + start + len(line.split(b";")[0].rstrip())
            end = start - 1
        return None


def read_ends(path: Path) -> GcodeEnds:
    """Read what a file says about itself.

    @raise OSError: if it can't be read.
    """
    with path.open("rb") as file:
        header = file.read(_SPAN)
        size = file.seek(0, 2)
        if size > _SPAN:
            file.seek(max(size - _SPAN, 0))
            footer = file.read(_SPAN)
        else:
            footer = header
    entries: dict[str, str] = {}
    for part in (header, footer) if size > _SPAN else (header,):
        for line in _comment_lines(part):
            pair = _pair(line)
            if pair is not None:
                entries.setdefault(*pair)
    return GcodeEnds(header, footer, size, entries)


def _comment_lines(data: bytes) -> Iterator[str]:
    position = 0 if data.startswith(b";") else _next_comment(data, 0)
    while position is not None:
        end = data.find(b"\n", position)
        line = data[position + 1 : end if end >= 0 else len(data)]
        if len(line) <= _LONGEST_LINE:
            yield line.decode("utf-8", "replace").strip()
        position = _next_comment(data, end) if end >= 0 else None


def _next_comment(data: bytes, start: int) -> int | None:
    found = data.find(b"\n;", start)
    return found + 1 if found >= 0 else None


def _pair(line: str) -> tuple[str, str] | None:
    key, sign, value = line.partition("=")
    if not sign:
        key, sign, value = line.partition(":")
    if not sign or len(key) > 80:
        return None
    return key.strip().lower(), value.strip()
