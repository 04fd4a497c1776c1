"""Line numbers and checksums of a terminal's input, sans-IO.

A print host numbers its lines and adds checksums; a line that is damaged or out of order is answered with
C{Resend: N}, N being the line that is wanted. Lines without a number are taken as they come.
"""

from attrs import define

from klipperd.gcode.lexer import Line

__all__ = ["LineNumbers"]


@define
class LineNumbers:
    """Which number comes next; None until the sender numbers a line."""

    wanted: int | None = None

    def check(self, line: Line) -> str | None:
        """None for a line to run, else why the line C{wanted} must be sent again."""
        if line.checksum_failed:
            return f"the checksum of line {line.number} is wrong"
        if line.name == "M110":
            self._set(line)
        elif line.number >= 0:
            if self.wanted is not None and line.number != self.wanted:
                return f"line {line.number} came where {self.wanted} is wanted"
            self.wanted = line.number + 1
        return None

    def _set(self, line: Line) -> None:
        """C{M110 N5}, C{N5 M110}, or both: the next line is 6."""
        given = line.lenient_params.get("N", "")
        number = int(given) if given.isdigit() else line.number
        if number >= 0:
            self.wanted = number + 1
