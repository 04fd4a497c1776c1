"""C{[virtual_sdcard]}: print files from a folder of the host."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import CommandError
from klipperd.gcode.dispatch import Dispatcher, GcodeCall
from klipperd.gcode.filerun import FileRun
from klipperd.gcode.journal import Interrupted, PrintJournal
from klipperd.gcode.moves import GcodeMove
from klipperd.gcode.printfile import PrintFile, list_files
from klipperd.gcode.printjob import PrintJob
from klipperd.gcode.templates import GcodeTemplate, GcodeTemplates
from klipperd.objects import Call, Gcode, PrinterObject, command, option, param, status_field
from klipperd.objects.services import HostSettings
from klipperd.printer.print_stats import PrintStats
from klipperd.workers import SameThread, Workers

__all__ = ["VirtualSdcard", "VirtualSdcardConfig", "VirtualSdcardStatus", "virtual_sdcard"]


@frozen(kw_only=True)
class VirtualSdcardConfig:
    """C{[virtual_sdcard]}: print files from a folder of the host."""

    path: str = option(doc="folder of the print files")
    on_error_gcode: Gcode = option(Gcode("TURN_OFF_HEATERS"), doc="G-code to run when a print fails")


@frozen
class VirtualSdcardStatus:
    """Status of C{virtual_sdcard}."""

    is_active: bool = status_field(doc="a file is being printed right now")
    progress: float = status_field(doc="file_position / file_size, 0 to 1")
    file_path: str | None = status_field(doc="full path of the loaded file")
    file_position: int = status_field(doc="byte up to which the file was executed")
    file_size: int = status_field(doc="bytes of the loaded file")


@define(eq=False, repr=False)
class VirtualSdcard:
    """At most one job at a time; it is the L{klipperd.gcode.printjob.JobListener} of it."""

    _root: str
    _clock: IReactorTime
    _dispatcher: Dispatcher
    _workers: Workers
    _stats: PrintStats
    _moves: GcodeMove | None
    _on_error: GcodeTemplate
    _journal_path: str
    _journal: PrintJournal = field(init=False)
    _job: PrintJob | None = field(default=None, init=False)
    _ended_at: tuple[int, int] = field(default=(0, 0), init=False)
    """Position and size of the last print that came to an end, which clients go on showing."""
    on_file: list[Callable[[], None]] = field(factory=list, init=False)
    """Called when another file is loaded, or none."""
    on_start: list[Callable[[], None]] = field(factory=list, init=False)
    """Called when a print begins or goes on, whoever asked for that."""
    interrupted: Interrupted | None = field(default=None, init=False)
    """The print that the last process left unfinished."""

    def __attrs_post_init__(self) -> None:
        self._journal = PrintJournal(self._journal_path, self._clock, self._workers, self._record)

    async def connect(self) -> None:
        """Say what became of the last print."""
        self.interrupted = await self._journal.read()
        if self.interrupted is not None:
            self._stats.filename = self.interrupted.filename
            self._stats.message = self.interrupted.describe()

    def shutdown(self, reason: str) -> None:
        """The printer has stopped, and so does the print."""
        self._journal.freeze()
        job, self._job = self._job, None
        if job is not None:
            self._stats.fail(reason)
            job.abort()

    async def close(self) -> None:
        """The printer goes away; the record of an unfinished print stays."""
        self._journal.freeze()
        job, self._job = self._job, None
        if job is not None:
            job.abort()
        await self._journal.stop()

    def _record(self) -> dict[str, Any] | None:
        job = self._job
        if job is None or not self._stats.under_way:
            return None
        return {
            "filename": job.file.name,
            "position": job.run.position,
            "line": job.run.line_number,
            "size": job.file.size,
        }

    # The job

    @property
    def active(self) -> bool:
        """Whether a file is being printed right now."""
        return self._job is not None and self._job.active

    @property
    def loaded(self) -> bool:
        """Whether a file is loaded."""
        return self._job is not None

    @property
    def progress(self) -> float:
        """Share of the file that was executed, 0 to 1."""
        position, size = self._whereabouts
        return position / size if size else 0.0

    @property
    def _whereabouts(self) -> tuple[int, int]:
        """Position and size of the present file, or of the one whose print has ended."""
        job = self._job
        return self._ended_at if job is None else (job.run.position, job.file.size)

    @property
    def run(self) -> FileRun | None:
        """The present file's run, for objects that change its course."""
        return self._job.run if self._job is not None else None

    async def _load(self, name: str) -> PrintJob:
        if self.active:
            raise CommandError("SD busy")
        file = await PrintFile.open(self._root, name, self._workers)
        self._let_go()
        run = FileRun(file, 0, self._dispatcher, self._moves)
        self._job = PrintJob(file, run, self._clock, self, self._settle)
        self._stats.select(file.name)
        self._tell_of_file()
        return self._job

    def _tell_of_file(self) -> None:
        for changed in self.on_file:
            changed()

    def _let_go(self, *, ended: bool = False) -> None:
        job, self._job = self._job, None
        self._ended_at = (job.run.position, job.file.size) if job is not None and ended else (0, 0)
        if job is not None:
            job.release()

    async def _settle(self) -> None:
        if self._moves is not None:
            await self._moves.planner.wait_moves()

    def _start(self) -> None:
        if self._job is None:
            raise CommandError("no file is selected (M23)")
        if self._job.active:
            raise CommandError("SD busy")
        self._job.start()
        self._journal.start()

    def pause(self, message: str = "") -> None:
        """Execute no line after the present one."""
        if self._job is not None:
            self._job.pause(message)

    def resume(self) -> None:
        """Go on with a paused print. @raise CommandError: when there is none, or it runs."""
        self._start()

    async def cancel(self) -> None:
        """End the print and forget the file."""
        self._let_go()
        self._stats.cancel()
        await self._journal.flush()

    # How the job goes

    def started(self) -> None:
        """See L{klipperd.gcode.printjob.JobListener}."""
        self._stats.start()
        for begun in self.on_start:
            begun()

    def paused(self, message: str) -> None:
        """See L{klipperd.gcode.printjob.JobListener}."""
        self._stats.pause(message)

    def completed(self) -> None:
        """See L{klipperd.gcode.printjob.JobListener}."""
        self._dispatcher.output.line("Done printing file")
        self._stats.complete()
        self._let_go(ended=True)

    async def malformed(self, message: str) -> None:
        """See L{klipperd.gcode.printjob.JobListener}: pause as if the file had said so."""
        self._dispatcher.output.error(message)
        self._stats.pause(message)
        if self._dispatcher.serves("PAUSE") is not None:
            await self._run_quietly("PAUSE")
        self._stats.pause(message)

    async def failed(self, message: str) -> None:
        """See L{klipperd.gcode.printjob.JobListener}."""
        self._dispatcher.output.error(message)
        self._journal.freeze()
        self._stats.fail(message)
        self._let_go(ended=True)
        try:
            script = await self._on_error.render()
        except CommandError as error:
            self._dispatcher.output.error(str(error))
            return
        await self._run_quietly(script)

    async def _run_quietly(self, script: str) -> None:
        # An error is sent to everyone who listens.
        with contextlib.suppress(CommandError):
            await self._dispatcher.run_script(script)

    # Commands

    @command("M20")
    async def list_card(self, call: Call) -> None:
        """List the print files."""
        files = await self._workers.run(list_files, self._root)
        lines = ["Begin file list", *(f"{name} {size}" for name, size in files), "End file list"]
        for line in lines:
            call.respond(line)

    @command("M21")
    async def initialise_card(self, call: Call) -> None:
        """Initialise the SD card: there is nothing to do."""
        call.respond("SD card ok")

    @command("M23")
    async def select_file(self, call: Call) -> None:
        """Select a print file by its name."""
        job = await self._load(call.text)
        call.respond(f"File opened:{job.file.name} Size:{job.file.size}")
        call.respond("File selected")

    @command("M24")
    async def start_print(self, call: Call) -> None:
        """Start or resume the print of the selected file."""
        self._start()

    @command("M25")
    async def pause_print(self, call: Call) -> None:
        """Pause the print."""
        self.pause()

    @command("M26")
    async def set_file_position(self, call: Call, *, s: int = param(minimum=0)) -> None:
        """Set the byte of the file at which the print goes on."""
        if self._job is None:
            raise CommandError("no file is selected (M23)")
        if self.active and not self._job.run.in_command:
            raise CommandError("SD busy")
        self._job.run.seek(s)

    @command("M27")
    async def report_print(self, call: Call) -> None:
        """Report how far the print is."""
        if self._job is None or not self._stats.under_way:
            call.respond("Not SD printing.")
        else:
            call.respond(f"SD printing byte {self._job.run.position}/{self._job.file.size}")

    @command("M28", "M29", "M30")
    async def refuse_to_write(self, call: Call) -> None:
        """Writing files is not supported."""
        raise CommandError("SD write not supported")

    @command("SDCARD_PRINT_FILE")
    async def print_file(self, call: GcodeCall, *, filename: str) -> None:
        """Load a print file and start the print."""
        await self._load(filename)
        self._start()

    @command("SDCARD_RESET_FILE")
    async def reset_file(self, call: Call) -> None:
        """Unload the file and clear all statistics of the print."""
        if self.active:
            raise CommandError("SDCARD_RESET_FILE cannot be run from the sdcard")
        self._let_go()
        self._stats.reset()
        self._tell_of_file()
        self.interrupted = None
        await self._journal.flush()

    def status(self, eventtime: float) -> VirtualSdcardStatus:
        """The file and how far it is."""
        path = self._job.file.path if self._job is not None else None
        return VirtualSdcardStatus(self.active, self.progress, path, *self._whereabouts)


def build_virtual_sdcard(
    config: VirtualSdcardConfig,
    clock: IReactorTime,
    dispatcher: Dispatcher,
    settings: HostSettings,
    stats: PrintStats,
    templates: GcodeTemplates,
    moves: GcodeMove | None,
    workers: Workers | None,
) -> VirtualSdcard:
    """Build the C{virtual_sdcard} object."""
    folder, name = os.path.split(settings.config_file)
    return VirtualSdcard(
        os.path.abspath(os.path.expanduser(config.path)),
        clock,
        dispatcher,
        workers if workers is not None else SameThread(),
        stats,
        moves,
        templates.compile(config.on_error_gcode, "virtual_sdcard", "on_error_gcode"),
        os.path.join(folder, f".{name}.print"),
    )


virtual_sdcard = PrinterObject("virtual_sdcard", VirtualSdcardConfig, build_virtual_sdcard)
