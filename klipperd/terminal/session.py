"""What happens on a terminal, whatever carries its bytes: lines in, answers and C{ok}s out."""

import contextlib
from collections import deque
from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from klipperd.errors import CommandError
from klipperd.gcode.dispatch import Dispatcher
from klipperd.gcode.lexer import Line, parse_line
from klipperd.terminal.numbering import LineNumbers

__all__ = ["LONGEST_LINE", "PENDING_LIMIT", "TerminalSession"]

_log = Logger()

LONGEST_LINE = 64 * 1024
"""Bytes."""
PENDING_LIMIT = 1000
"""Lines that may wait before the terminal is read no further."""


@define(eq=False, repr=False)
class TerminalSession:
    """One terminal. Every line that runs is answered by one C{ok}, after whatever it has to say.

    C{write} takes a line of output; C{hold} is told whether input should stay unread for now.
    """

    _dispatcher: Dispatcher
    _write: Callable[[str], None]
    _hold: Callable[[bool], None]
    _partial: bytes = field(default=b"", init=False)
    _pending: deque[Line] = field(factory=deque, init=False)
    _numbers: LineNumbers = field(factory=LineNumbers, init=False)
    _count: int = field(default=0, init=False)
    _running: "Deferred[None] | None" = field(default=None, init=False)
    _busy: bool = field(default=False, init=False)
    _acknowledged: bool = field(default=False, init=False)
    _stop_listening: Callable[[], None] | None = field(default=None, init=False)

    def start(self) -> None:
        """Show what the dispatcher says from now on."""
        self._stop_listening = self._dispatcher.listen(self._write)

    def stop(self) -> None:
        """End everything that was started."""
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        self._pending.clear()
        if self._running is not None:
            self._running.cancel()

    def reset(self) -> None:
        """Another reader has opened the terminal: forget what the last one began."""
        self._partial = b""
        self._numbers = LineNumbers()
        self._pending.clear()

    def received(self, data: bytes) -> None:
        """Bytes have come."""
        *complete, rest = (self._partial + data).split(b"\n")
        self._partial = rest
        if len(rest) > LONGEST_LINE:
            self._partial = b""
            self._dispatcher.output.error(f"a line of more than {LONGEST_LINE} bytes was dropped")
        for text in complete:
            self._take(text)
        if len(self._pending) > PENDING_LIMIT:
            self._hold(True)
        if not self._busy and self._pending:
            self._busy = True  # here, since all of it may be done before the coroutine's Deferred is known
            self._running = Deferred.fromCoroutine(self._run_pending())
            self._running.addErrback(self._failed)

    def acknowledge(self, text: str) -> None:
        """See L{klipperd.gcode.dispatch.Source.acknowledge}."""
        self._acknowledged = True
        self._write(f"ok {text}")

    def _take(self, text: bytes) -> None:
        self._count += 1
        line = parse_line(text, self._count)
        problem = self._numbers.check(line)
        if problem is not None:
            _log.debug("terminal: {problem}", problem=problem)
            wanted = self._numbers.wanted
            self._write(f"Resend: {line.number if wanted is None else wanted}")
            self._write("ok")
        elif self._dispatcher.is_immediate(line):
            # An emergency stop must not wait for what it is to stop.
            Deferred.fromCoroutine(self._run_aside(line)).addErrback(self._failed)
        else:
            self._pending.append(line)

    async def _run_pending(self) -> None:
        try:
            while self._pending:
                line = self._pending.popleft()
                if len(self._pending) == PENDING_LIMIT // 2:
                    self._hold(False)
                self._acknowledged = False
                await self._run(line)
                if not self._acknowledged:
                    self._write("ok")
                await self._dispatcher.breath.rest_if_due()
        finally:
            self._busy = False
            self._hold(False)

    async def _run(self, line: Line) -> None:
        # Everyone who listens is told of the error, this terminal among them.
        with contextlib.suppress(CommandError):
            await self._dispatcher.run_line(line, self)

    async def _run_aside(self, line: Line) -> None:
        with contextlib.suppress(CommandError):
            await self._dispatcher.run_line(line)
        self._write("ok")

    def _failed(self, failure: Failure) -> None:
        if self._stop_listening is not None:
            _log.failure("the terminal failed", failure)
