"""C{printer.*}: the methods that reach the motion host."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Protocol

from attrs import define

from brokerd.errors import BadRequest
from brokerd.printer.objects_query import objects_argument
from brokerd.printer.session import HostSession
from brokerd.printer.subscriptions import Subscriber, parse_objects
from brokerd.registry.caller import Caller, Role
from brokerd.registry.declare import form, method, shape

__all__ = ["PrinterMethods", "print_command"]

shape(
    "HostInfo",
    """{
    state: str
    state_message: str
    hostname?: str
    software_version?: str
    config_file?: str
    log_file?: str
    ...
}""",
)
shape(
    "ObjectStatus",
    """{
    eventtime: num  # s of the host's clock
    status: {*: {*: any}}  # fields by object
}""",
)


class CommandRecord(Protocol):
    """Keeps the G-code that came over the API."""

    def command(self, script: str) -> None:
        """Note one script."""


def print_command(filename: str) -> str:
    """The G-code that prints a file.

    @raise BadRequest: if the name cannot stand in a line of G-code.
    """
    if any(ord(each) < 32 for each in filename):
        raise BadRequest("the file name has control characters")
    name = filename.lstrip("/").replace("\\", "\\\\").replace('"', '\\"')
    return f'SDCARD_PRINT_FILE FILENAME="{name}"'


@define(eq=False, repr=False)
class PrinterMethods:
    """The motion host's procedures, under the names that clients know."""

    component: ClassVar[str] = "klippy_apis"
    _host: HostSession
    _record: CommandRecord

    async def _command(self, procedure: str, params: Mapping[str, Any] | None = None) -> str:
        await self._host.request(procedure, params)
        return "ok"

    @method("printer.info", "GET /printer/info", result="HostInfo", permission=Role.VIEWER)
    async def info(self) -> Any:
        """State, version and paths of the motion host."""
        return await self._host.request("info")

    @method("printer.emergency_stop", "POST /printer/emergency_stop", result='"ok"')
    async def emergency_stop(self) -> str:
        """Stop at once, whatever is running."""
        return await self._command("emergency_stop")

    @method("printer.restart", "POST /printer/restart", result='"ok"')
    async def restart(self) -> str:
        """Restart the motion host's software and read its configuration again."""
        return await self._command("gcode/restart")

    @method("printer.firmware_restart", "POST /printer/firmware_restart", result='"ok"')
    async def firmware_restart(self) -> str:
        """Restart the motion host and the microcontrollers."""
        return await self._command("gcode/firmware_restart")

    @method(
        "printer.objects.list", "GET /printer/objects/list", result="{objects: [str]}", permission=Role.VIEWER
    )
    async def objects_list(self) -> Any:
        """Names of the printer objects."""
        return await self._host.request("objects/list")

    @method(
        "printer.objects.query",
        form("GET /printer/objects/query", objects_argument),
        form("POST /printer/objects/query", objects_argument),
        result="ObjectStatus",
        permission=Role.VIEWER,
    )
    async def objects_query(
        self, objects: Annotated[dict[str, Any], "object name -> list of fields, or null for all"]
    ) -> Any:
        """The present values of printer objects."""
        wanted = parse_objects(objects)
        fields = {name: None if names is None else sorted(names) for name, names in wanted.items()}
        return await self._host.request("objects/query", {"objects": fields})

    @method("printer.objects.subscribe", result="ObjectStatus", permission=Role.VIEWER, persistent=True)
    async def objects_subscribe(
        self,
        caller: Caller,
        objects: Annotated[dict[str, Any], "object name -> list of fields, or null for all"],
    ) -> Any:
        """Follow printer objects on this connection; replaces what it followed before."""
        connection = caller.connection
        assert connection is not None
        subscriber: Subscriber = connection  # type: ignore[assignment]
        return await self._host.hub.subscribe(subscriber, objects)

    @method(
        "printer.query_endstops.status",
        "GET /printer/query_endstops/status",
        result='{*: "open" | "TRIGGERED"}',
        permission=Role.VIEWER,
    )
    async def query_endstops(self) -> Any:
        """The state of the endstops."""
        return await self._host.request("query_endstops/status")

    @method("printer.gcode.script", "POST /printer/gcode/script", result='"ok"')
    async def gcode_script(self, script: Annotated[str, "lines of G-code"]) -> str:
        """Run G-code; returns when it is done."""
        self._record.command(script)
        return await self._command("gcode/script", {"script": script})

    @method("printer.gcode.help", "GET /printer/gcode/help", result="{*: str}", permission=Role.VIEWER)
    async def gcode_help(self) -> Any:
        """The commands that have a description."""
        return await self._host.request("gcode/help")

    @method("printer.print.start", "POST /printer/print/start", result='"ok"')
    async def print_start(self, filename: Annotated[str, "path below the gcodes root"]) -> str:
        """Print a file."""
        return await self._command("gcode/script", {"script": print_command(filename)})

    @method("printer.print.pause", "POST /printer/print/pause", result='"ok"')
    async def print_pause(self) -> str:
        """Pause the print."""
        return await self._command("pause_resume/pause")

    @method("printer.print.resume", "POST /printer/print/resume", result='"ok"')
    async def print_resume(self) -> str:
        """Resume a paused print."""
        return await self._command("pause_resume/resume")

    @method("printer.print.cancel", "POST /printer/print/cancel", result='"ok"')
    async def print_cancel(self) -> str:
        """Cancel the print."""
        return await self._command("pause_resume/cancel")
