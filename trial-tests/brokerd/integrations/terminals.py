"""A pseudo-terminal: the test holds one end, the broker opens the other as a serial device."""

import os
import pty
import tty
from contextlib import suppress
from typing import Any

from twisted.internet.fdesc import setNonBlocking


class Terminal:
    """@ivar device: the path to open."""

    def __init__(self, test: Any) -> None:
        self._ours, theirs = pty.openpty()
        tty.setraw(theirs)
        setNonBlocking(self._ours)
        self.device = os.ttyname(theirs)
        self._unread = b""
        test.addCleanup(os.close, self._ours)
        test.addCleanup(os.close, theirs)

    def write(self, data: bytes) -> None:
        os.write(self._ours, data)

    def line(self, end: bytes = b"\n") -> bytes | None:
        """The next line that the broker sent, or None."""
        with suppress(BlockingIOError):
            self._unread += os.read(self._ours, 65536)
        line, sign, rest = self._unread.partition(end)
        if not sign:
            return None
        self._unread = rest
        return line
