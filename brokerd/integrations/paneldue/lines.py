"""Lines as a PanelDue sends them: C{N12 M408 S0*35}, the checksum being the XOR of all bytes before C{*}."""

import re

from attrs import define, field

__all__ = ["Lines", "checksum"]

_NUMBERED = re.compile(rb"N(\d+)\s*(.*)$", re.DOTALL)
_LONGEST = 4096


def checksum(text: bytes) -> int:
    """XOR of all bytes."""
    value = 0
    for each in text:
        value ^= each
    return value


@define(eq=False, repr=False)
class Lines:
    """Sans-IO: bytes in, commands out. A line whose checksum is wrong is dropped: the screen asks again.

    @ivar dropped: how many were.
    """

    dropped: int = field(init=False, default=0)
    _rest: bytes = field(init=False, default=b"")

    def feed(self, data: bytes) -> list[str]:
        """The commands that C{data} completes."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest if len(rest) <= _LONGEST else b""
        commands = [self._command(line.strip(b"\r \t\0")) for line in lines]
        return [each for each in commands if each]

    def _command(self, line: bytes) -> str:
        text, star, given = line.rpartition(b"*")
        if star:
            try:
                right = int(given) == checksum(text)
            except ValueError:
                right = False
            if not right:
                self.dropped += 1
                return ""
        else:
            text = line
        numbered = _NUMBERED.match(text)
        command = numbered.group(2) if numbered is not None else text
        return command.decode("utf-8", "replace").strip()
