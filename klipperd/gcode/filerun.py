"""Execute a print file: line after line, in turns with everyone else who has G-code to run.

Moves go from the file's bytes to the planner in compiled code (L{klipperd.gcode.stream}); everything else is
dispatched like any command. The loop stops at a line's end, and knows where that is.
"""

from collections.abc import Mapping
from enum import Enum

from attrs import define, field

from klipperd.gcode.dispatch import Dispatcher
from klipperd.gcode.errors import MalformedGcode
from klipperd.gcode.lexer import MOVE, NOTHING, BlockReader
from klipperd.gcode.moves import GcodeMove
from klipperd.gcode.printfile import PrintFile
from klipperd.gcode.stream import LEAVES, NEED_DATA, WORDS, GcodeStream

__all__ = ["Ended", "FileRun"]


class Ended(Enum):
    """Why a run has ended."""

    COMPLETE = "the file has ended"
    STOPPED = "it was asked to stop"


@define(eq=False, repr=False)
class FileRun:
    """Executes C{file} from C{position} on.

    C{position} is the byte after the last line that was executed completely.
    """

    file: PrintFile
    position: int
    _dispatcher: Dispatcher
    _moves: GcodeMove | None
    _stopping: bool = field(default=False, init=False)
    _reader: BlockReader | None = field(default=None, init=False)
    _read_to: int = field(default=0, init=False)
    _table: Mapping[str, str] | None = field(default=None, init=False)
    _served: tuple[str, ...] = field(default=(), init=False)
    running: bool = field(default=False, init=False)
    in_command: bool = field(default=False, init=False)
    """Whether a command of the file, not a move, is being executed right now."""

    @property
    def stopping(self) -> bool:
        """Whether L{stop} was called."""
        return self._stopping

    @property
    def line_number(self) -> int:
        """The last line that was executed, 0 before the first one was read."""
        return self._reader.line_number if self._reader is not None else 0

    @property
    def line_offset(self) -> int:
        """The byte at which that line begins."""
        return self._reader.offset if self._reader is not None else self.position

    @property
    def command_end(self) -> int:
        """The byte after the line that is being executed."""
        return self._reader.end if self._reader is not None else self.position

    def stop(self) -> None:
        """End the run after the present line."""
        self._stopping = True

    def go_on(self) -> bool:
        """Take back L{stop}; False when the run has ended or is not stopping."""
        was_stopping, self._stopping = self._stopping, False
        return was_stopping and self.running

    def seek(self, position: int) -> None:
        """Go on at another byte of the file after the present line."""
        self.position = position
        self._reader = None

    async def run(self) -> Ended:
        """Execute lines until the file ends or L{stop} is called.

        @raise CommandError: when a line fails; C{position} is after that line.
        """
        self._stopping = False
        self.running = True
        try:
            return await self._execute()
        finally:
            self.running = False

    async def _execute(self) -> Ended:
        while not self._stopping:
            if self._reader is None:
                await self._start_reading()
                continue
            if not await self._batch() and self._reader is not None and not await self._read_more():
                return Ended.COMPLETE
            if self._moves is not None and self._moves.planner.busy:
                await self._moves.planner.throttle()
            await self._dispatcher.breath.rest_if_due()
        return Ended.STOPPED

    async def _start_reading(self) -> None:
        position = self.position
        lines = await self.file.lines_before(position)
        if position == self.position:
            self._reader, self._read_to = self._make_reader(position, lines), position

    def _make_reader(self, position: int, lines: int) -> BlockReader:
        fast = self._moves.fast if self._moves is not None else None
        if self._moves is None or fast is None:
            return BlockReader(position, lines)
        return GcodeStream(self._moves.coordinates, fast.lookahead, position, lines)

    async def _read_more(self) -> bool:
        """Feed the next block; False when there is nothing left to execute."""
        reader = self._reader
        assert reader is not None
        if self._read_to < 0:
            return False
        data = await self.file.read(self._read_to)
        if data:
            reader.feed(data)
            self._read_to += len(data)
        else:
            reader.finish()
            self._read_to = -1
        return True

    def _may_execute(self) -> tuple[str, ...]:
        """The commands that a stream may execute itself: none that a macro or another object serves."""
        dispatcher = self._dispatcher
        if dispatcher.refusal() is not None:
            return ()
        table = dispatcher.commands()
        if table is not self._table:
            self._table = table
            servers = ((name, dispatcher.serves(name)) for name in WORDS)
            self._served = tuple(name for name, s in servers if name in getattr(s, "fast_commands", ()))
        return self._served

    def _advance(self, reader: BlockReader) -> tuple[bool, bool]:
        """Execute moves: whether a line is left that is to be dispatched, and whether data is wanted."""
        if isinstance(reader, GcodeStream):
            return self._advance_stream(reader)
        kind = reader.advance()
        if kind != MOVE or self._moves is None or not {"G0", "G1"}.issubset(self._may_execute()):
            return kind != NOTHING, kind == NOTHING
        try:
            self._moves.coordinates.linear(reader.line())
        finally:
            self.position = reader.end
        return False, False

    def _advance_stream(self, stream: GcodeStream) -> tuple[bool, bool]:
        assert self._moves is not None and self._moves.fast is not None
        stream.serve(self._may_execute())
        ended = NEED_DATA
        try:
            ended = self._moves.fast.execute(stream)
        finally:
            self.position = stream.offset if ended == LEAVES else stream.end
        return ended == LEAVES, ended == NEED_DATA

    async def _batch(self) -> bool:
        """Execute lines for one turn; False when the reader wants more data."""
        async with self._dispatcher.turn():
            while not self._stopping:
                reader = self._reader
                if reader is None:
                    return True
                leaves, wanting = self._advance(reader)
                if wanting:
                    return False
                if leaves:
                    await self._command(reader)
                if self._must_yield():
                    return True
        return True

    def _must_yield(self) -> bool:
        dispatcher = self._dispatcher
        busy = self._moves is not None and self._moves.planner.busy
        return busy or dispatcher.contended or dispatcher.breath.due()

    async def _command(self, reader: BlockReader) -> None:
        line = reader.line()
        end = reader.end
        self.in_command = True
        try:
            if line.checksum_failed:
                raise MalformedGcode(f"Wrong checksum in line {line.line_number} (byte {line.offset})")
            await self._dispatcher.run_now(line)
        finally:
            self.in_command = False
            # A command may have moved the position itself (M26, loops), which dropped the reader.
            if self._reader is reader:
                self.position = end
