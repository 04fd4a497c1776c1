"""Run a G-code file through a whole motion host that has no hardware, as fast as the computer can."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from klipperd.batch.clock import VirtualClock
from klipperd.batch.errors import BatchError
from klipperd.batch.offline import FileMcus
from klipperd.config.configuration import Configuration
from klipperd.errors import CommandError
from klipperd.gcode.base import BaseCommands
from klipperd.gcode.dispatch import Dispatcher
from klipperd.gcode.filerun import FileRun
from klipperd.gcode.moves import GcodeMove
from klipperd.gcode.printfile import PrintFile
from klipperd.host import Host
from klipperd.motion.extruder import ExtruderMotion
from klipperd.motion.toolhead import Toolhead
from klipperd.objects.catalogue import load_catalogue
from klipperd.objects.services import HostSettings, HostState
from klipperd.printer.extruder import Extruder
from klipperd.printer.toolhead import ToolheadCommands
from klipperd.remote.procedures import Procedures
from klipperd.workers import SameThread

__all__ = ["OfflineHost"]

_LONGEST_WAIT = 12 * 3600.0
"""s without a line executed or a move planned, after which it is given up."""
_STUCK = "it waits for what never happens without hardware"
_WRITE_EVERY = 1.0
"""s between two portions of output."""


@define(eq=False, repr=False)
class OfflineHost:
    """A motion host for C{config_file}, without reactor; C{mcus} take what it sends.

    Use it as a context: it is ready inside.
    """

    config_file: str
    mcus: FileMcus
    clock: VirtualClock = field(init=False, factory=VirtualClock)
    dispatcher: Dispatcher = field(init=False)
    host: Host = field(init=False)
    _written: float = field(init=False, default=0.0)
    _run: FileRun | None = field(init=False, default=None)
    _progress: tuple[int, float] = field(init=False, default=(0, 0.0))
    _since: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        settings = HostSettings(self.config_file, offline=self.mcus)
        self.dispatcher = Dispatcher(self.clock)
        no_reactor: Any = None
        self.host = Host(
            self.clock, settings, load_catalogue(every=False), self.dispatcher, Procedures(),
            Configuration(), SameThread(), no_reactor,
        )  # fmt: skip
        BaseCommands(self.dispatcher, self.host, settings).install()

    def __enter__(self) -> "OfflineHost":
        with _without_collector():
            self.host.startService()
            while self.host.state() is HostState.STARTUP:
                self._turn()
        self._check()
        return self

    def __exit__(self, *_: object) -> None:
        self.drive(self.host.stopService(), writing=False)

    def _check(self) -> None:
        if self.host.state() is not HostState.READY:
            raise BatchError(self.host.state_message().partition("\nOnce the underlying")[0])

    def _turn(self) -> None:
        if not self.clock.turn():
            raise BatchError(_STUCK)

    def drive(self, awaited: "Deferred[Any]", *, writing: bool = True) -> Any:
        """Let time go on until C{awaited} fires; gives its result or raises its exception."""
        outcome: list[Any] = []
        awaited.addBoth(outcome.append)
        while not outcome:
            self._turn()
            now = self.clock.seconds()
            if writing and now >= self._written + _WRITE_EVERY:
                self._written = now
                self.mcus.write(now)
                self._check_progress(now)
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return outcome[0]

    def _check_progress(self, now: float) -> None:
        """Timers go on for ever; a wait that nothing ends must not."""
        toolhead = self.toolhead
        progress = self.position, toolhead.print_time if toolhead is not None else 0.0
        if progress != self._progress:
            self._progress, self._since = progress, now
        elif now > self._since + _LONGEST_WAIT:
            raise BatchError(_STUCK)

    # parts

    def _part(self, kind: type) -> Any:
        found = (made for made in self.host.built.objects.values() if isinstance(made, kind))
        return next(found, None)

    @property
    def moves(self) -> GcodeMove | None:
        """The modal state of moves, where there is a tool head."""
        made: GcodeMove | None = self._part(GcodeMove)
        return made

    @property
    def toolhead(self) -> Toolhead | None:
        """The tool head, where there is one."""
        made: ToolheadCommands | None = self._part(ToolheadCommands)
        return made.toolhead if made is not None else None

    def require_toolhead(self) -> Toolhead:
        """The tool head. @raise BatchError: the configuration has none."""
        found = self.toolhead
        if found is None:
            raise BatchError(f"{self.config_file}: there is no [printer]")
        return found

    @property
    def extruders(self) -> list[ExtruderMotion]:
        """All extruders."""
        made = self.host.built.objects.values()
        return [extruder.motion for extruder in made if isinstance(extruder, Extruder)]

    @property
    def kinematics_name(self) -> str:
        """What C{kinematics} says in the configuration."""
        return self.host.configuration.raw.get("printer", {}).get("kinematics", "")

    # running

    @contextmanager
    def open_file(self, path: str) -> Iterator[PrintFile]:
        """A file to execute, closed at the end. @raise BatchError: it can't be opened."""
        folder, name = os.path.split(os.path.abspath(path))
        try:
            file = self.drive(Deferred.fromCoroutine(PrintFile.open(folder, name, SameThread())))
        except CommandError as error:
            raise BatchError(f"{path}: {error}") from error
        try:
            yield file
        finally:
            file.close()

    @property
    def position(self) -> int:
        """The byte of the file up to which it was executed."""
        return self._run.position if self._run is not None else 0

    def run_file(self, file: PrintFile) -> None:
        """Execute a whole file, up to the end of its last move.

        @raise BatchError: naming the line that failed.
        """
        run = self._run = FileRun(file, 0, self.dispatcher, self.moves)
        try:
            self.drive(Deferred.fromCoroutine(run.run()))
            if self.toolhead is not None:
                self.drive(Deferred.fromCoroutine(self.toolhead.come_to_rest()))
        except (BatchError, CommandError, OSError) as error:
            self._check_shutdown(file, run)
            raise BatchError(f"{where(file, run.line_number)}: {error}{quote(file, run)}") from error
        self._check_shutdown(file, run)

    def _check_shutdown(self, file: PrintFile, run: FileRun) -> None:
        if self.host.state() is not HostState.READY:
            reason = self.host.state_message().partition("\nOnce the underlying")[0]
            raise BatchError(f"{where(file, run.line_number)}: the printer shut down: {reason}")


@contextmanager
def _without_collector() -> Iterator[None]:
    """What is built lives as long as the run: looking for garbage in it takes a tenth of a short one."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def where(file: PrintFile, line: int) -> str:
    """C{FILE:LINE}."""
    return f"{file.path}:{line}"


def quote(file: PrintFile, run: FileRun) -> str:
    """The text of the line that failed, on a line of its own."""
    if run.line_number < 1:
        return ""
    with open(file.path, "rb") as source:
        for number, line in enumerate(source, 1):
            if number == run.line_number:
                return f"\n    {line.decode(errors='backslashreplace').strip()}"
    return ""
