"""Compiled G-code lexer: bytes to commands. The grammar stands at the head of lexer.pyx."""

from collections.abc import Iterator, Mapping

class Line:
    """One line of G-code."""

    name: str
    """The command's name in upper case; empty for a blank line or comment."""
    number: int
    """Its N number, or -1."""
    line_number: int
    """Which line of its source it is, from 1."""
    offset: int
    """Bytes of the source before the line."""
    @property
    def is_move(self) -> bool:
        """A well-formed G0 or G1."""
    @property
    def is_traditional(self) -> bool:
        """A letter and a number (G1, M117), not NAME KEY=value."""
    @property
    def problem(self) -> str | None:
        """What is malformed in a G0, G1 or in the command's name: word, line and byte."""
    @property
    def checksum_failed(self) -> bool:
        """It carries a checksum that is wrong."""
    @property
    def raw(self) -> str:
        """The line without N number, checksum, comment and outer white space."""
    @property
    def text(self) -> str:
        """What follows the command's name, comments included."""
    @property
    def params(self) -> Mapping[str, str]:
        """Parameters by upper-case name.

        @raise MalformedGcode: naming a malformed word, its line and byte.
        """
    @property
    def lenient_params(self) -> Mapping[str, str]:
        """Those parameters that can be read."""
    def word(self, letter: str) -> float | None:
        """A move's word, None when it is absent. @raise MalformedGcode: see L{axes}."""
    def axes(self) -> tuple[float | None, float | None, float | None, float | None, float | None]:
        """X, Y, Z, E and F, None where absent; of any command, which then is G1 by another name.

        @raise MalformedGcode: when its words are not those of a move.
        """

class BlockReader:
    """Lines of a source that comes in blocks; no object is made for a G0 or G1."""

    line_number: int
    """The present line's number from 1."""
    offset: int
    """Bytes of the source before the present line."""
    end: int
    """Bytes of the source up to and with the present line's end."""
    def __init__(self, offset: int = 0, line_number: int = 0) -> None: ...
    def feed(self, data: bytes) -> None:
        """Add the source's next block."""
    def finish(self) -> None:
        """The source has ended: its last line needs no newline."""
    def advance(self) -> int:
        """Go to the next line that is not blank: MOVE, COMMAND, or NOTHING when more data is needed."""
    def line(self) -> Line:
        """The present line as an object."""
    def word(self, letter: str) -> float | None:
        """A move's word, None when it is absent."""
    def axes(self) -> tuple[float | None, float | None, float | None, float | None, float | None]:
        """A move's X, Y, Z, E and F, None where absent."""

NOTHING: int
MOVE: int
COMMAND: int

def split_lines(data: bytes) -> Iterator[Line]:
    """All lines of a script, blank ones included."""

def parse_line(data: bytes, line_number: int = 1, offset: int = 0) -> Line:
    """One line, with or without its newline."""
