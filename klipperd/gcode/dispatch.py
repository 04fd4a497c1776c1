"""Run G-code: one command at a time, in order, whoever sends it.

Scripts (remote procedures, timers, terminals, the print file) take turns by a lock; a command runs
further G-code as a part of itself with C{call.run}. Immediate commands (C{M112}, C{STATUS}) don't wait
for their turn. No script holds the reactor for longer than L{klipperd.gcode.breath.SLICE}.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from klipperd.errors import CommandError, NotReady
from klipperd.gcode.breath import Breath
from klipperd.gcode.errors import MalformedGcode
from klipperd.gcode.lexer import Line, split_lines
from klipperd.gcode.output import Listener, Output
from klipperd.gcode.table import CommandTable, Entry, Run
from klipperd.gcode.tolerated import answer_tolerated

__all__ = ["Dispatcher", "GcodeCall", "Source"]

_log = Logger()

_SHORT_SCRIPT = 256


class Source(Protocol):
    """Where commands come from, when it wants its C{ok} together with a command's answer."""

    def acknowledge(self, text: str) -> None:
        """Send C{ok TEXT}; the source sends no other C{ok} for the command that runs."""


def _never() -> str | None:
    return None


@define(eq=False, repr=False)
class GcodeCall:
    """One command on its way, see L{klipperd.objects.call.Call}."""

    name: str
    line: Line
    _dispatcher: "Dispatcher"
    _source: Source | None

    @property
    def raw(self) -> str:
        """The line as it came, without checksum and comment."""
        return self.line.raw

    @property
    def text(self) -> str:
        """What follows the command's name, comments included."""
        return self.line.text

    @property
    def params(self) -> Mapping[str, str]:
        """Parameters by upper-case name. @raise CommandError: naming the malformed word."""
        return self.line.params

    @property
    def lenient_params(self) -> Mapping[str, str]:
        """Those parameters that can be read, for macros that take free text."""
        return self.line.lenient_params

    def respond(self, text: str) -> None:
        """Send a line as it is to everyone who listens, the command's sender among them."""
        self._dispatcher.output.line(text)

    def acknowledge(self, text: str) -> None:
        """Answer with C{ok TEXT} where the sender counts C{ok}s, and with C{TEXT} elsewhere."""
        if self._source is not None:
            self._source.acknowledge(text)
        else:
            self._dispatcher.output.line(text)

    def info(self, text: str) -> None:
        """Send an informative text, each line after C{// }, to everyone who listens."""
        self._dispatcher.output.info(text)

    async def run(self, script: str) -> None:
        """Run further G-code as a part of this command."""
        try:
            await self._dispatcher.run_inside(script)
        except MalformedGcode as error:
            # This command has begun: to its own sender it isn't a line of which nothing was executed.
            raise CommandError(str(error)) from error


@define(eq=False, repr=False)
class Dispatcher:
    """The G-code commands of one host and the order in which they run.

    C{refusal} gives the text of the state in which only C{when_not_ready} commands run, or None when
    all do. C{on_fault} is told of commands that failed by a fault of the program.
    """

    _clock: IReactorTime
    refusal: Callable[[], str | None] = _never
    on_fault: Callable[[str], None] = lambda _text: None
    output: Output = field(factory=Output, init=False)
    _table: CommandTable = field(factory=CommandTable, init=False)
    _lock: DeferredLock = field(factory=DeferredLock, init=False)
    _running: "list[Deferred[None]]" = field(factory=list, init=False)
    _interruption: str = field(default="", init=False)
    breath: Breath = field(init=False)

    @breath.default
    def _make_breath(self) -> Breath:
        return Breath(self._clock)

    # The table

    def add(self, server: object, name: str = "") -> None:
        """Offer all methods of C{server} that are marked L{klipperd.objects.command}.

        C{name} is the server's value in parameters that pick one of several objects, C{server.name}
        by default.

        @raise ConfigError: when another object serves one of the commands.
        """
        self._table.add(server, name or getattr(server, "name", ""))

    def remove(self, server: object) -> None:
        """Take back all commands of C{server}."""
        self._table.remove(server)

    def add_dynamic(
        self, name: str, run: Run, doc: str, rename_existing: str | None = None
    ) -> Callable[[], None]:
        """Offer a command that is no marked method (a macro); the result takes it back.

        @raise ConfigError: when C{name} exists and no C{rename_existing} is given, or the other way round.
        """
        new_name = rename_existing.upper() if rename_existing else None
        return self._table.override(Entry(name.upper(), doc, object(), run), new_name)

    def commands(self) -> Mapping[str, str]:
        """Name -> documentation of all commands, by name."""
        return self._table.docs()

    def serves(self, name: str) -> object | None:
        """The object that serves a command, None when nothing or several objects do."""
        entry = self._table.find(name.upper())
        return entry.server if entry is not None else None

    def is_immediate(self, line: Line) -> bool:
        """Whether the line's command runs without waiting for its turn."""
        entry = self._table.find(line.name)
        return entry is not None and entry.immediate

    # Running

    @property
    def busy(self) -> bool:
        """Whether a command runs or waits for its turn."""
        return bool(self._lock.locked)

    @property
    def contended(self) -> bool:
        """Whether someone waits for the turn that is being used."""
        return bool(self._lock.waiting)

    async def run_script(self, text: str, source: Source | None = None) -> None:
        """Run every line of C{text} when its turn comes; returns when the last one is done.

        @raise CommandError: at the first line that fails; the error was sent to all listeners too.
        """
        if len(text) <= _SHORT_SCRIPT and self._all_immediate(text):
            await self._reporting(self.run_inside(text, source))
            return
        await self._when_free(self.run_inside(text, source))

    async def run_line(self, line: Line, source: Source | None = None) -> None:
        """Run one parsed line when its turn comes, at once if it is immediate.

        @raise CommandError: when it fails; the error was sent to all listeners too.
        """
        if self.is_immediate(line):
            await self._reporting(self.run_now(line, source))
        else:
            await self._when_free(self.run_now(line, source))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the turn for a batch of C{run_now} calls."""
        await self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    async def run_inside(self, text: str, source: Source | None = None) -> None:
        """Run every line of C{text} as a part of the command that runs now."""
        for line in split_lines(text.encode()):
            await self.run_now(line, source)
            await self.breath.rest_if_due()

    async def run_now(self, line: Line, source: Source | None = None) -> None:
        """Run one parsed line in the turn that the caller holds. @raise CommandError: when it fails."""
        name = line.name
        if not name and line.problem is None:
            return
        entry = self._table.find(name)
        refused = self.refusal() if entry is None or not entry.when_not_ready else None
        call = GcodeCall(name, line, self, source)
        if (entry is None or refused) and answer_tolerated(call):
            return
        if refused is not None:
            raise NotReady(refused)
        if line.problem is not None:
            raise MalformedGcode(line.problem)
        if entry is None:
            self.output.info(f'Unknown command:"{name}"')
            return
        await self._run_entry(entry, call)

    async def _run_entry(self, entry: Entry, call: GcodeCall) -> None:
        try:
            await entry.run(call)
        except (CommandError, CancelledError, GeneratorExit):
            raise
        except Exception as error:
            _log.failure("{name} failed", name=entry.name)
            text = f'Internal error on command:"{entry.name}": {error!r}'
            self.on_fault(text)
            raise CommandError(text) from error

    def interrupt(self, reason: str) -> None:
        """Fail the command that runs, and all that wait, with C{reason}; soon after this returns, since
        the one who asks may be such a command itself."""
        self._interruption = reason
        self._clock.callLater(0, self._cancel, list(self._running))

    @staticmethod
    def _cancel(running: "list[Deferred[None]]") -> None:
        # Those that wait go first: the end of the one that runs would let the next begin.
        for work in reversed(running):
            work.cancel()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call C{listener} with every line of output; the result ends that."""
        return self.output.listen(listener)

    def _all_immediate(self, text: str) -> bool:
        lines = [line for line in split_lines(text.encode()) if line.name or line.problem]
        return bool(lines) and all(self.is_immediate(line) for line in lines)

    async def _when_free(self, work: Coroutine[Any, Any, None]) -> None:
        running = Deferred.fromCoroutine(self._in_turn(work))
        self._running.append(running)
        try:
            await self._reporting(running)
        finally:
            self._running.remove(running)

    async def _in_turn(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await self._lock.acquire()
        except BaseException:
            work.close()
            raise
        try:
            await work
        finally:
            self._lock.release()

    async def _reporting(self, work: "Coroutine[Any, Any, None] | Deferred[None]") -> None:
        try:
            await work
        except CommandError as error:
            self.output.error(str(error))
            raise
        except CancelledError:
            raise CommandError(self._interruption or "the command was cancelled") from None
