"""From bytes of G-code to the lookahead without a Python object a line."""

from collections.abc import Iterable

from klipperd.gcode.coordinates import GcodeCoordinates
from klipperd.gcode.lexer import BlockReader
from klipperd.motion.lookahead import Lookahead

NEED_DATA: int
"""All complete lines are executed."""
LEAVES: int
"""The present line is not for the stream: any other command, a malformed line, or a refused one, of which
nothing was executed. Whoever runs it the usual way gets the error."""
DUE: int
"""Moves wait to be planned, and when the machine may begin with them is not for the stream to say; or marks
of the lookahead were reached."""
FULL: int
"""Enough is planned, or waits to be."""
SLICE: int
"""So many moves were added as were asked for."""

WORDS: tuple[str, ...]
"""The commands that a stream can execute."""

class GcodeStream(BlockReader):
    """Executes lines of a source that comes in blocks, as far as they only move or set modes.

    All else is left to the caller, line by line and in order.
    """

    coordinates: GcodeCoordinates
    lookahead: Lookahead
    print_time: float
    """When what is planned ends (s)."""
    refused: bool
    """Whether the line that leaves was refused as a move."""
    def __init__(
        self, coordinates: GcodeCoordinates, lookahead: Lookahead, offset: int = 0, line_number: int = 0
    ) -> None:
        """C{offset}, C{line_number}: bytes and lines of the source before the first block."""
    def serve(self, names: Iterable[str]) -> None:
        """Execute these of L{WORDS} and no others; all of them from the start."""
    def run(
        self,
        print_time: float = 0.0,
        horizon: float = ...,
        rest_until: float = ...,
        waiting: float = ...,
        most: int = 2000,
    ) -> int:
        """Execute lines until one of the reasons above.

        Moves are planned as they come: those that go on from others in motion at C{print_time} (s), the end
        of what is planned so far; those that begin at rest too, when that is not before C{rest_until}.

        @param horizon: s, print_time up to which to plan.
        @param waiting: s, duration up to which moves may wait for others.
        @param most: moves to add.
        """
    def raise_refusal(self) -> None:
        """Raise what the present line was refused for (by executing it, if it isn't refused any more)."""
