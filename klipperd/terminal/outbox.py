"""Output that waits for a reader: bounded, and the last to be dropped are the lines that a sender counts."""

from collections import deque

from attrs import define, field

__all__ = ["Outbox"]


def _is_counted(line: bytes) -> bool:
    return line.startswith((b"ok", b"Resend:"))


@define
class Outbox:
    """Lines of at most C{limit} bytes in all; the first one may be partly written."""

    limit: int = 64 * 1024
    dropped: int = field(default=0, init=False)
    _lines: deque[bytes] = field(factory=deque, init=False)
    _size: int = field(default=0, init=False)
    _begun: bool = field(default=False, init=False)

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, line: bytes) -> None:
        """Add a line with its newline; makes room for it when there is none."""
        self._lines.append(line)
        self._size += len(line)
        if self._size > self.limit:
            self._make_room()

    def _make_room(self) -> None:
        """Drop the oldest lines, C{ok}s last, down to half of the limit: not one by one for each new line."""
        first = [self._lines.popleft()] if self._begun else []
        excess = self._size - self.limit // 2
        for droppable in (lambda line: not _is_counted(line), lambda line: True):
            kept: deque[bytes] = deque()
            for line in self._lines:
                if excess > 0 and droppable(line):
                    excess -= len(line)
                    self._size -= len(line)
                    self.dropped += 1
                else:
                    kept.append(line)
            self._lines = kept
            if self._size <= self.limit:
                break
        self._lines.extendleft(first)

    def head(self) -> bytes:
        """Up to some KiB to be written next."""
        parts, size = [], 0
        for line in self._lines:
            parts.append(line)
            size += len(line)
            if size >= 4096:
                break
        return b"".join(parts)

    def written(self, count: int) -> None:
        """The first C{count} bytes are written."""
        self._size -= count
        while count > 0:
            line = self._lines.popleft()
            if len(line) > count:
                self._lines.appendleft(line[count:])
                self._begun = True
                return
            count -= len(line)
        self._begun = False

    def clear(self) -> None:
        """Nobody will read this."""
        self._lines.clear()
        self._size = 0
        self._begun = False
