"""The commands that a host serves in every state, whatever its configuration says."""

from attrs import define

from klipperd.gcode.dispatch import Dispatcher, GcodeCall
from klipperd.objects.call import Call, command
from klipperd.objects.services import HostControl, HostSettings, HostState

__all__ = ["BaseCommands"]


@define(eq=False, repr=False)
class BaseCommands:
    """C{M112}, C{M115}, C{M110}, C{RESTART} and so on; one for each host, living as long as it does."""

    dispatcher: Dispatcher
    host: HostControl
    settings: HostSettings

    def install(self) -> None:
        """Offer the commands, and let the host's state decide which others run."""
        self.dispatcher.add(self)
        self.dispatcher.refusal = self._refusal
        self.dispatcher.on_fault = self.host.shutdown

    def _refusal(self) -> str | None:
        return None if self.host.state() is HostState.READY else self.host.state_message()

    @command("M112", when_not_ready=True, immediate=True)
    async def emergency_stop(self, call: Call) -> None:
        """Emergency stop: the printer shuts down at once."""
        self.host.shutdown("Shutdown due to M112 command")

    @command("M115", when_not_ready=True)
    async def firmware_version(self, call: Call) -> None:
        """Report the firmware's name and version."""
        version = self.settings.software_version
        # Print hosts choose their dialect by this name; it is the one whose dialect we speak.
        call.respond(f"FIRMWARE_NAME:Klipper FIRMWARE_VERSION:{version} PROTOCOL_VERSION:1.0")

    @command("M110", when_not_ready=True)
    async def set_line_number(self, call: Call) -> None:
        """Set the current line number (of whoever sends numbered lines)."""

    @command("RESTART", when_not_ready=True, immediate=True)
    async def restart(self, call: Call) -> None:
        """Reload the configuration and restart the host software."""
        self.host.restart(firmware=False)

    @command("FIRMWARE_RESTART", when_not_ready=True, immediate=True)
    async def firmware_restart(self, call: Call) -> None:
        """Reset the micro-controllers, reload the configuration and restart the host software."""
        self.host.restart(firmware=True)

    @command("STATUS", when_not_ready=True, immediate=True)
    async def report_status(self, call: Call) -> None:
        """Report the state of the printer."""
        state = self.host.state()
        if state is HostState.READY:
            call.info("Klipper state: Ready")
        else:
            call.info(f"{self.host.state_message()}\nKlipper state: Not ready")

    @command("HELP", when_not_ready=True, immediate=True)
    async def report_help(self, call: Call) -> None:
        """Report the list of extended G-code commands."""
        lines = ["Available extended commands:"]
        if self.host.state() is not HostState.READY:
            lines.insert(0, "Printer is not ready - not all commands available.")
        extended = ((n, doc) for n, doc in self.dispatcher.commands().items() if not n[1:2].isdigit())
        lines.extend(f"{name:<10}: {doc}" for name, doc in extended)
        call.info("\n".join(lines))

    @command("ECHO", when_not_ready=True)
    async def echo(self, call: GcodeCall) -> None:
        """Send the command back as information."""
        call.info(call.raw)
