"""C{[sdcard_loop]}: repeat a part of the print file."""

from attrs import define, field, frozen

from klipperd.errors import CommandError
from klipperd.gcode.filerun import FileRun
from klipperd.objects import Call, PrinterObject, command, param
from klipperd.printer.virtual_sdcard import VirtualSdcard

__all__ = ["SdcardLoop", "SdcardLoopConfig", "sdcard_loop"]


@frozen(kw_only=True)
class SdcardLoopConfig:
    """C{[sdcard_loop]}: enables loops in print files; there is nothing to configure."""


@define(eq=False, repr=False)
class SdcardLoop:
    """Loops may be nested. Each is known by where it begins and how often it is still to run."""

    _sdcard: VirtualSdcard
    _run: FileRun | None = field(default=None, init=False)
    _loops: list[tuple[int, int]] = field(factory=list, init=False)

    def _present(self) -> FileRun:
        run = self._sdcard.run
        if run is None or not run.in_command:
            raise CommandError("Only permitted in SD file.")
        if run is not self._run:
            self._run, self._loops = run, []
        return run

    @command("SDCARD_LOOP_BEGIN")
    async def begin(self, call: Call, *, count: int = param(minimum=0, doc="0: for ever")) -> None:
        """Begin a part of the print file that is repeated."""
        run = self._present()
        self._loops.append((run.command_end, count))

    @command("SDCARD_LOOP_END")
    async def end(self, call: Call) -> None:
        """End the part of the print file that is repeated."""
        run = self._present()
        if not self._loops:
            return
        start, count = self._loops.pop()
        if count == 1:
            return
        self._loops.append((start, max(0, count - 1)))
        run.seek(start)

    @command("SDCARD_LOOP_DESIST")
    async def desist(self, call: Call) -> None:
        """End all loops once their present round is done."""
        self._loops = [(start, 1) for start, _ in self._loops]


def build_sdcard_loop(config: SdcardLoopConfig, sdcard: VirtualSdcard) -> SdcardLoop:
    """Build the C{sdcard_loop} object."""
    return SdcardLoop(sdcard)


sdcard_loop = PrinterObject("sdcard_loop", SdcardLoopConfig, build_sdcard_loop)
