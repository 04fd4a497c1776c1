"""C{[display_status]}: progress and message of the slicer, for displays and clients."""

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.objects import Call, PrinterObject, command, param, status_field
from klipperd.printer.virtual_sdcard import VirtualSdcard

__all__ = ["DisplayStatus", "DisplayStatusConfig", "DisplayStatusStatus", "display_status"]

_FRESH = 5.0
"""Seconds for which a M73 counts while nothing is printed from a file."""


@frozen(kw_only=True)
class DisplayStatusConfig:
    """C{[display_status]}: enables M73, M117 and their status; there is nothing to configure."""


@frozen
class DisplayStatusStatus:
    """Status of C{display_status}."""

    progress: float = status_field(doc="that of the last M73, else that of the print file; 0 to 1")
    message: str | None = status_field(doc="text of the last M117")


@define(eq=False, repr=False)
class DisplayStatus:
    """Remembers what M73 and M117 said."""

    _clock: IReactorTime
    _sdcard: VirtualSdcard | None
    _progress: float | None = field(default=None, init=False)
    _said_at: float = field(default=0.0, init=False)
    _message: str | None = field(default=None, init=False)

    @command("M73")
    async def set_progress(
        self, call: Call, *, p: float | None = param(None, doc="percent"), r: float | None = param(None)
    ) -> None:
        """Set the print's progress in percent."""
        if p is not None:
            self._progress = min(1.0, max(0.0, p / 100.0))
            self._said_at = self._clock.seconds()

    @command("M117")
    async def set_message(self, call: Call) -> None:
        """Set the display's message."""
        self._message = call.text or None

    @command("SET_DISPLAY_TEXT")
    async def set_text(self, call: Call, *, msg: str | None = None) -> None:
        """Set the display's message, or clear it."""
        self._message = msg or None

    def status(self, eventtime: float) -> DisplayStatusStatus:
        """Progress and message."""
        printing = self._sdcard is not None and self._sdcard.active
        if self._progress is not None and not printing and eventtime - self._said_at > _FRESH:
            self._progress = None
        progress = self._progress
        if progress is None:
            progress = self._sdcard.progress if self._sdcard is not None else 0.0
        return DisplayStatusStatus(progress, self._message)


def build_display_status(
    config: DisplayStatusConfig, clock: IReactorTime, sdcard: VirtualSdcard | None
) -> DisplayStatus:
    """Build the C{display_status} object."""
    return DisplayStatus(clock, sdcard)


display_status = PrinterObject("display_status", DisplayStatusConfig, build_display_status)
