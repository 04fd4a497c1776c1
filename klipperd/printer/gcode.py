"""The G-code commands of this printer as a status object, and M105."""

from collections.abc import Mapping

from attrs import define, field, frozen

from klipperd.gcode.dispatch import Dispatcher, GcodeCall
from klipperd.gcode.temperatures import TemperatureReport
from klipperd.objects import PrinterObject, command, status_field

__all__ = ["GcodeCommands", "GcodeConfig", "GcodeStatus", "gcode"]


@frozen(kw_only=True)
class GcodeConfig:
    """The G-code commands; there is nothing to configure."""


@frozen
class GcodeStatus:
    """Status of C{gcode}."""

    commands: Mapping[str, Mapping[str, str]] = status_field(
        doc="every command on offer, with its help text where it has one"
    )


@define(eq=False, repr=False)
class GcodeCommands:
    """Shows the dispatcher's table to clients, and the printer's state to terminals."""

    _dispatcher: Dispatcher
    _report: TemperatureReport | None
    _docs: Mapping[str, str] = field(factory=dict, init=False)
    _status: GcodeStatus = field(factory=lambda: GcodeStatus({}), init=False)

    def ready(self) -> None:
        """Tell terminals, in the words that print hosts look for."""
        self._dispatcher.output.info("Klipper state: Ready")

    def shutdown(self, reason: str) -> None:
        """Tell terminals, and why."""
        self._dispatcher.output.error(reason)
        self._dispatcher.output.info("Klipper state: Shutdown")

    async def close(self) -> None:
        """Tell terminals."""
        self._dispatcher.output.info("Klipper state: Disconnect")

    @command("M105")
    async def report_temperatures(self, call: GcodeCall) -> None:
        """Report the temperatures."""
        call.acknowledge(self._report.temperature_report() if self._report else "T:0")

    def status(self, eventtime: float) -> GcodeStatus:
        """All commands with their help."""
        docs = self._dispatcher.commands()
        if docs is not self._docs:
            self._docs = docs
            self._status = GcodeStatus({name: {"help": doc} if doc else {} for name, doc in docs.items()})
        return self._status


def build_gcode(
    config: GcodeConfig, dispatcher: Dispatcher, report: TemperatureReport | None
) -> GcodeCommands:
    """Build the C{gcode} object."""
    return GcodeCommands(dispatcher, report)


gcode = PrinterObject("gcode", GcodeConfig, build_gcode, internal=True)
