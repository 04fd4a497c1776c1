"""The few paths of OctoPrint's API that slicers use to upload and to show the printer."""

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import define, field, frozen

from brokerd import SERVER_VERSION
from brokerd.errors import ApiError, BadRequest
from brokerd.jobs.watch import JobWatch
from brokerd.options import option, section
from brokerd.printer.session import HostSession
from brokerd.registry.caller import Role
from brokerd.registry.declare import endpoint, shape
from brokerd.registry.exchange import Content, HttpRequest

__all__ = ["OctoprintConfig", "OctoprintEndpoints"]

shape(
    "OctoprintLogin",
    """{
    _is_external_client: bool
    _login_mechanism: "apikey"
    name: str
    active: bool
    user: bool
    admin: bool
    apikey: null
    permissions: [any]
    groups: [str]
}""",
)
shape(
    "OctoprintSettings",
    """{
    plugins: {*: any}
    feature: {sdSupport: bool, temperatureGraph: bool}
    webcam: {flipH: bool, flipV: bool, rotate90: bool, streamUrl: str, webcamEnabled: bool}
}""",
)
shape(
    "OctoprintJob",
    """{
    job: {
        file: {name: str | null}
        estimatedPrintTime: num | null
        filament: {length: num | null}
        user: str | null
    }
    progress: {
        completion: num | null  # percent
        filepos: int | null
        printTime: num | null  # s
        printTimeLeft: num | null
        printTimeOrigin: str | null
    }
    state: OctoprintState
}""",
)
shape("OctoprintState", '"Operational" | "Printing" | "Paused" | "Error" | "Offline"')
shape(
    "OctoprintPrinter",
    """{
    temperature: {*: {actual: num | null, offset: num, target: num | null}}  # C, by heater
    state: {text: OctoprintState, flags: {*: bool}}
}""",
)
shape(
    "OctoprintProfile",
    """{
    id: str
    name: str
    color: str
    model: str
    default: bool
    current: bool
    heatedBed: bool
    heatedChamber: bool
}""",
)

_OCTOPRINT = "1.5.0"
_UFP_PLUGIN: Mapping[str, Any] = {
    "align_inline_thumbnail": False,
    "inline_thumbnail": False,
    "inline_thumbnail_align_value": "left",
    "inline_thumbnail_scale_value": "50",
    "installed": True,
    "installed_version": "0.2.2",
    "scale_inline_thumbnail": False,
    "state_panel_thumbnail": True,
}


@frozen(kw_only=True)
class OctoprintConfig:
    """C{[octoprint_compat]}: what programs made for OctoPrint are told; always there."""

    enable_ufp: bool = option(True, doc="whether Cura may upload UFP archives")
    flip_h: bool = option(False, doc="whether the camera's picture is flipped horizontally")
    flip_v: bool = option(False, doc="whether it is flipped vertically")
    rotate_90: bool = option(False, doc="whether it is turned by 90 degrees")
    stream_url: str = option("/webcam/?action=stream", doc="where the camera's stream is")
    webcam_enabled: bool = option(True, doc="whether there is a camera")


section("octoprint_compat", OctoprintConfig)


@define(eq=False, repr=False)
class OctoprintEndpoints:
    """Speaks as OctoPrint does; uploads are in L{brokerd.files.transfer}."""

    component: ClassVar[str] = "octoprint_compat"
    _host: HostSession
    _jobs: JobWatch
    _config: OctoprintConfig = field(factory=OctoprintConfig)

    @endpoint("GET /api/version", result="{server: str, api: str, text: str}")
    async def version(self, request: HttpRequest) -> Content:
        """The version, as OctoPrint states it."""
        text = f"OctoPrint (Moonraker {SERVER_VERSION})"
        return Content({"server": _OCTOPRINT, "api": "0.1", "text": text})

    @endpoint("GET /api/server", result="{server: str, safemode: str | null}")
    async def server(self, request: HttpRequest) -> Content:
        """The server's state."""
        stopped = self._host.state in ("ready", "startup")
        return Content({"server": _OCTOPRINT, "safemode": None if stopped else "settings"})

    @endpoint("GET /api/login", "POST /api/login", result="OctoprintLogin")
    async def login(self, request: HttpRequest) -> Content:
        """Who one is."""
        return Content(
            {
                "_is_external_client": False,
                "_login_mechanism": "apikey",
                "name": "_api",
                "active": True,
                "user": True,
                "admin": request.caller.role >= Role.ADMIN,
                "apikey": None,
                "permissions": [],
                "groups": ["admins", "users"],
            }
        )

    @endpoint("GET /api/settings", result="OctoprintSettings")
    async def settings(self, request: HttpRequest) -> Content:
        """Settings that upload plug-ins look at: UFP and the camera."""
        config = self._config
        ufp = {"UltimakerFormatPackage": dict(_UFP_PLUGIN)} if config.enable_ufp else {}
        return Content(
            {
                "plugins": ufp,
                "feature": {"sdSupport": False, "temperatureGraph": False},
                "webcam": {
                    "flipH": config.flip_h,
                    "flipV": config.flip_v,
                    "rotate90": config.rotate_90,
                    "streamUrl": config.stream_url,
                    "webcamEnabled": config.webcam_enabled,
                },
            }
        )

    @endpoint("GET /api/job", result="OctoprintJob")
    async def job(self, request: HttpRequest) -> Content:
        """The running job."""
        stats, running = self._jobs.stats, self._jobs.printing
        completion = None
        if running is not None:
            answer = await self._query({"virtual_sdcard": ["progress"]})
            completion = 100.0 * float(answer.get("virtual_sdcard", {}).get("progress", 0.0))
        progress = {
            "completion": completion,
            "filepos": None,
            "printTime": stats.total_duration if running is not None else None,
            "printTimeLeft": None,
            "printTimeOrigin": None,
        }
        job = {
            "file": {"name": running},
            "estimatedPrintTime": None,
            "filament": {"length": stats.filament_used if running is not None else None},
            "user": None,
        }
        return Content({"job": job, "progress": progress, "state": self._text()})

    @endpoint("GET /api/printer", result="OctoprintPrinter")
    async def printer(self, request: HttpRequest) -> Content:
        """Temperatures and state."""
        temperature = {}
        if self._host.state == "ready":
            status = await self._query({"heaters": None})
            names = status.get("heaters", {}).get("available_heaters", ())
            values = await self._query({name: ["temperature", "target"] for name in names})
            temperature = {
                _tool(name): {"actual": each.get("temperature"), "offset": 0, "target": each.get("target")}
                for name, each in values.items()
            }
        return Content({"temperature": temperature, "state": {"text": self._text(), "flags": self._flags()}})

    @endpoint("POST /api/printer/command", result="{}", permission=Role.OPERATOR)
    async def command(self, request: HttpRequest) -> Content:
        """Run G-code."""
        commands = request.arguments.get("commands", request.arguments.get("command"))
        lines = [commands] if isinstance(commands, str) else commands
        if not isinstance(lines, list) or not all(isinstance(each, str) for each in lines):
            raise BadRequest("'commands' must be a list of lines")
        await self._host.request("gcode/script", {"script": "\n".join(lines)})
        return Content({})

    @endpoint("GET /api/printerprofiles", result="{profiles: {*: OctoprintProfile}}")
    async def profiles(self, request: HttpRequest) -> Content:
        """The one profile."""
        profile = {
            "id": "_default",
            "name": "Default",
            "color": "default",
            "model": "Default",
            "default": True,
            "current": True,
            "heatedBed": "heater_bed" in self._host.objects,
            "heatedChamber": False,
        }
        return Content({"profiles": {"_default": profile}})

    async def _query(self, objects: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer = await self._host.request("objects/query", {"objects": objects})
        except ApiError:
            return {}
        status: Mapping[str, Any] = answer.get("status", {})
        return status

    def _text(self) -> str:
        if self._host.state != "ready":
            return "Error" if self._host.state in ("error", "shutdown") else "Offline"
        return {"printing": "Printing", "paused": "Paused"}.get(self._jobs.stats.state, "Operational")

    def _flags(self) -> dict[str, bool]:
        ready, stats = self._host.state == "ready", self._jobs.stats
        return {
            "operational": ready,
            "paused": stats.state == "paused",
            "printing": stats.state == "printing",
            "cancelling": False,
            "pausing": False,
            "error": self._host.state in ("error", "shutdown"),
            "ready": ready and self._jobs.printing is None,
            "closedOrError": not ready,
        }


def _tool(heater: str) -> str:
    """OctoPrint's name of a heater."""
    if heater.startswith("extruder"):
        return f"tool{heater.removeprefix('extruder') or '0'}"
    return "bed" if heater == "heater_bed" else heater
