"""C{server.analysis.*}: how long a file prints, by the exact simulation."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import orjson
from attrs import define
from twisted.logger import Logger

from brokerd.analysis.config import AnalysisConfig
from brokerd.analysis.retime import is_processed
from brokerd.analysis.simulator import Simulator, as_estimate, layer_times
from brokerd.chores import Chores
from brokerd.errors import ApiError, BadRequest, Forbidden, NotFound
from brokerd.files.announce import FileChanges
from brokerd.files.metadata import GcodeMetadata
from brokerd.files.roots import Location, Roots, is_gcode
from brokerd.printer.session import HostSession
from brokerd.programs import ProgramFailed, Programs
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape
from brokerd.threads import WorkerThreads

__all__ = ["AnalysisMethods"]

shape(
    "AnalysisStatus",
    """{
    estimator_executable: str
    estimator_ready: bool
    estimator_version: str
    estimator_config_exists: bool
    using_default_config: bool
}""",
)
shape(
    "PrinterLimits",
    """{
    max_velocity: num  # mm/s
    max_acceleration: num  # mm/s^2
    minimum_cruise_ratio: num
    square_corner_velocity: num  # mm/s
    instant_corner_velocity: num  # of the extruder, mm/s
    move_checkers: [{
        axis_limiter?: {axis: [num], max_velocity: num, max_accel: num}
        extruder_limiter?: {max_velocity: num, max_accel: num}
    }]
}""",
)

log = Logger()

Filename = Annotated[str, "path below the gcodes root"]
ConfigName = Annotated[str | None, "a printer.cfg below the config root; the printer's own by default"]


@define(eq=False, repr=False)
class AnalysisMethods:
    """Time analysis.

    @ivar _default: where the printer's limits are dumped without a destination.
    @ivar _printing: the file that is being printed, or None.
    """

    component: ClassVar[str] = "analysis"
    _config: AnalysisConfig
    _simulator: Simulator
    _roots: Roots
    _metadata: GcodeMetadata
    _changes: FileChanges
    _host: HostSession
    _threads: WorkerThreads
    _programs: Programs
    _chores: Chores
    _default: Path
    _printing: Callable[[], str | None]

    def __attrs_post_init__(self) -> None:
        self._host.follow(self)
        if self._config.enable_auto_analysis:
            self._metadata.processors.add("time analysis", self._step)

    async def host_ready(self) -> None:
        """The printer became ready."""
        if self._config.auto_dump_default_config:
            await self._dump(None)

    def host_stopped(self, state: str) -> None:
        """Nothing to do."""

    @property
    def _version(self) -> str:
        return self._simulator.program.version if self._simulator.program is not None else ""

    def _printer_config(self, name: str | None) -> tuple[Path | None, bool]:
        """The configuration to simulate with, and whether it is the printer's own."""
        wanted = name or self._config.estimator_config
        if not wanted:
            known = self._host.info.get("config_file")
            own = Path(known) if known else self._roots.root("config").path / "printer.cfg"
            return own, True
        if wanted.lower().endswith(".json"):
            raise BadRequest(f"{wanted} is no printer.cfg: the simulation takes the printer's configuration")
        return self._roots.locate(wanted, "config").real(), False

    async def _found(self, location: Location, name: str | None) -> dict[str, Any]:
        config, own = await self._threads.run(self._printer_config, name)
        if config is not None and not await self._threads.run(config.is_file):
            if not own:
                raise NotFound(f"there is no configuration {name or self._config.estimator_config!r}")
            config = None  # the simulation has one of its own
        path = await self._threads.run(location.real)
        if not await self._threads.run(path.is_file):
            raise NotFound(f"there is no file {location.text}")
        return await self._simulator.run(path, config, self._config.estimator_timeout)

    def _locate(self, filename: str) -> Location:
        location = self._roots.locate(filename, "gcodes")
        if not is_gcode(location.path):
            raise NotFound(f"{filename!r} is no G-code file")
        return location

    @method(
        "server.analysis.status",
        "GET /server/analysis/status",
        result="AnalysisStatus",
        permission=Role.VIEWER,
    )
    async def status(self) -> dict[str, Any]:
        """Whether files can be analysed."""
        program = self._simulator.program
        config, own = await self._threads.run(self._printer_config, None)
        ready = program is not None and await self._threads.run(shutil.which, program.command[0]) is not None
        return {
            "estimator_executable": os.path.basename(program.command[0])
            if program is not None
            else "unknown",
            "estimator_ready": ready,
            "estimator_version": self._version or "?",
            "estimator_config_exists": config is not None and await self._threads.run(config.is_file),
            "using_default_config": own,
        }

    @method("server.analysis.estimate", "POST /server/analysis/estimate", result="Estimate")
    async def estimate(self, filename: Filename, estimator_config: ConfigName = None) -> dict[str, Any]:
        """How long a file prints, and what takes the time."""
        found = await self._found(self._locate(filename), estimator_config)
        return as_estimate(found, self._filament_diameter())

    def _filament_diameter(self) -> float:
        settings = self._host.hub.known("configfile").get("settings", {})
        return float(settings.get("extruder", {}).get("filament_diameter", 1.75))

    @method(
        "server.analysis.process",
        "POST /server/analysis/process",
        result="{prev_processed: bool, version: str, bypassed: bool}",
    )
    async def process(
        self,
        filename: Filename,
        estimator_config: ConfigName = None,
        force: Annotated[bool, "even if it was done before"] = False,
    ) -> dict[str, Any]:
        """Write exact times into a file."""
        location = self._locate(filename)
        if self._printing() == location.path:
            raise Forbidden(f"{location.path} is being printed")
        path = await self._threads.run(location.real)
        if not await self._threads.run(path.is_file):
            raise NotFound(f"there is no file {location.text}")
        before = await self._threads.run(is_processed, path)
        if not before or force:
            with self._changes.own():
                await self._process(location, path, estimator_config)
                await self._metadata.scan(location.path)
                await self._changes.tell("modify_file", location)
        return {"prev_processed": before, "version": self._version, "bypassed": before and not force}

    async def _step(self, path: Path) -> bool:
        """See L{brokerd.files.processing.Step}."""
        if self._simulator.program is None or await self._threads.run(is_processed, path):
            return False
        root = self._roots.root("gcodes")
        name = os.path.relpath(path, os.path.realpath(root.path))
        await self._process(Location(root, name), path, None)
        return True

    async def _process(self, location: Location, path: Path, config: str | None) -> None:
        found = await self._found(location, config)
        times = {
            "total": as_estimate(found)["total_time"],
            "layers": layer_times(found),
            "version": self._version,
        }
        folder = Path(await self._threads.run(tempfile.mkdtemp, "", ".", path.parent))
        fresh, listed = folder / "new.part", folder / "times.part"
        try:
            await self._threads.run(listed.write_bytes, orjson.dumps(times))
            words = (sys.executable, "-m", "brokerd.analysis.retime", path, fresh, listed)
            (await self._programs.run(*words, timeout=self._config.estimator_timeout)).check()
            await self._threads.run(_replace, fresh, path)
        except (ProgramFailed, OSError) as error:
            raise ApiError(f"writing the times into {location.path}: {error}") from None
        finally:
            await self._threads.run(shutil.rmtree, folder, True)

    @method(
        "server.analysis.dump_config",
        "POST /server/analysis/dump_config",
        result="{dest_root: str | null, dest_config_path: str, klipper_estimator_config: PrinterLimits}",
    )
    async def dump_config(
        self, dest_config: Annotated[str | None, "path below the config root"] = None
    ) -> dict[str, Any]:
        """Write the printer's limits into a file."""
        if self._host.state != "ready":
            raise ApiError("the printer is not ready", 503)
        return await self._dump(dest_config)

    async def _dump(self, dest: str | None) -> dict[str, Any]:
        wanted = {"configfile": ["settings"], "toolhead": None}
        answer = await self._host.request("objects/query", {"objects": wanted})
        limits = _limits(answer.get("status", {}))
        content = orjson.dumps(limits, option=orjson.OPT_INDENT_2)
        if dest is None:
            await self._threads.run(_write, self._default, content)
            return {
                "dest_root": None,
                "dest_config_path": self._default.name,
                "klipper_estimator_config": limits,
            }
        location = self._roots.locate(dest, "config")
        location.check_writable()
        with self._changes.own():
            path = await self._threads.run(location.real)
            await self._threads.run(_write, path, content)
            await self._changes.tell("create_file", location)
        return {"dest_root": "config", "dest_config_path": location.path, "klipper_estimator_config": limits}


def _limits(status: Mapping[str, Any]) -> dict[str, Any]:
    """The printer's limits as its host has them now."""
    toolhead = status.get("toolhead", {})
    settings = status.get("configfile", {}).get("settings", {})
    printer, extruder = settings.get("printer", {}), settings.get("extruder", {})

    def limit(name: str, default: float) -> float:
        return float(toolhead.get(name, printer.get(name, default)))

    velocity, acceleration = limit("max_velocity", 0.0), limit("max_accel", 0.0)
    checkers: list[dict[str, Any]] = []
    if "max_z_velocity" in printer:
        z_acceleration = printer.get("max_z_accel", acceleration)
        axis = {"axis": [0, 0, 1], "max_velocity": printer["max_z_velocity"], "max_accel": z_acceleration}
        checkers.append({"axis_limiter": axis})
    if "max_extrude_only_velocity" in extruder:
        only = {
            "max_velocity": extruder["max_extrude_only_velocity"],
            "max_accel": extruder.get("max_extrude_only_accel", acceleration),
        }
        checkers.append({"extruder_limiter": only})
    return {
        "max_velocity": velocity,
        "max_acceleration": acceleration,
        "minimum_cruise_ratio": limit("minimum_cruise_ratio", 0.5),
        "square_corner_velocity": limit("square_corner_velocity", 5.0),
        "instant_corner_velocity": float(extruder.get("instantaneous_corner_velocity", 1.0)),
        "move_checkers": checkers,
    }


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.part")
    fresh.write_bytes(content)
    os.replace(fresh, path)


def _replace(fresh: Path, path: Path) -> None:
    os.chmod(fresh, path.stat().st_mode & 0o777)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(fresh, path)
