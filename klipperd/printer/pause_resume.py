"""C{[pause_resume]}: pause a print and go on where it was."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from klipperd.gcode.dispatch import Dispatcher
from klipperd.objects import Call, PrinterObject, command, option, param, remote, status_field
from klipperd.printer.virtual_sdcard import VirtualSdcard

__all__ = ["PauseResume", "PauseResumeConfig", "PauseResumeStatus", "pause_resume"]


@frozen(kw_only=True)
class PauseResumeConfig:
    """C{[pause_resume]}: pause a print and go on where it was."""

    recover_velocity: float = option(
        50.0, above=0.0, unit="mm/s", doc="speed of the way back to where the print was paused"
    )


@frozen
class PauseResumeStatus:
    """Status of C{pause_resume}."""

    is_paused: bool = status_field(doc="a PAUSE has run and no RESUME since")


@define(eq=False, repr=False)
class PauseResume:
    """Pauses whoever prints: the virtual SD card, or else a print host by C{// action:} lines."""

    _dispatcher: Dispatcher
    _velocity: float
    _sdcard: VirtualSdcard | None
    _paused: bool = field(default=False, init=False)
    _from_sdcard: bool = field(default=False, init=False)

    async def connect(self) -> None:
        """A print that goes on by other means (M24) is paused no more."""
        if self._sdcard is not None:
            self._sdcard.on_start.append(self._forget)

    def _forget(self) -> None:
        self._paused = self._from_sdcard = False

    @command("PAUSE")
    async def pause(self, call: Call) -> None:
        """Pause the print. The position is kept for RESUME."""
        if self._paused:
            call.info("Print already paused")
            return
        self._stop_source(call)
        await call.run("SAVE_GCODE_STATE NAME=PAUSE_STATE")
        self._paused = True

    def _stop_source(self, call: Call) -> None:
        # A file paused by other means (M25, a malformed line) counts as well: its print is not a host's.
        self._from_sdcard = self._sdcard is not None and self._sdcard.loaded
        if self._from_sdcard and self._sdcard is not None:
            self._sdcard.pause()
        else:
            call.info("action:paused")

    @command("RESUME")
    async def resume(
        self, call: Call, *, velocity: float | None = param(None, above=0.0, doc="mm/s of the way back")
    ) -> None:
        """Go on with the print, after moving back to where it was paused."""
        if not self._paused:
            call.info("Print is not paused, resume aborted")
            return
        if self._from_sdcard and not self._file_waits():
            # It has ended: nobody must be moved back to anywhere.
            self._forget()
            call.info("Print is not paused, resume aborted")
            return
        speed = self._velocity if velocity is None else velocity
        await call.run(f"RESTORE_GCODE_STATE NAME=PAUSE_STATE MOVE=1 MOVE_SPEED={speed:.4f}")
        self._paused = False
        if self._from_sdcard and self._sdcard is not None:
            self._sdcard.resume()
        else:
            call.info("action:resumed")

    def _file_waits(self) -> bool:
        return self._sdcard is not None and self._sdcard.loaded and not self._sdcard.active

    @command("CLEAR_PAUSE")
    async def clear(self, call: Call) -> None:
        """Forget the pause without going on."""
        self._forget()

    @command("CANCEL_PRINT")
    async def cancel(self, call: Call) -> None:
        """Cancel the print."""
        if self._sdcard is not None and self._sdcard.loaded:
            await self._sdcard.cancel()
        else:
            call.info("action:cancel")
        self._forget()

    @remote("pause_resume/pause")
    async def remote_pause(self) -> Mapping[str, Any]:
        """PAUSE."""
        await self._dispatcher.run_script("PAUSE")
        return {}

    @remote("pause_resume/resume")
    async def remote_resume(self) -> Mapping[str, Any]:
        """RESUME."""
        await self._dispatcher.run_script("RESUME")
        return {}

    @remote("pause_resume/cancel")
    async def remote_cancel(self) -> Mapping[str, Any]:
        """CANCEL_PRINT."""
        await self._dispatcher.run_script("CANCEL_PRINT")
        return {}

    def status(self, eventtime: float) -> PauseResumeStatus:
        """Whether the print is paused."""
        return PauseResumeStatus(self._paused)


def build_pause_resume(
    config: PauseResumeConfig, dispatcher: Dispatcher, sdcard: VirtualSdcard | None
) -> PauseResume:
    """Build the C{pause_resume} object."""
    return PauseResume(dispatcher, config.recover_velocity, sdcard)


pause_resume = PrinterObject("pause_resume", PauseResumeConfig, build_pause_resume)
