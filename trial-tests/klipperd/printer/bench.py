"""A printer of G-code objects only, built from printer.cfg text as the host builds it, on a clock."""

import os
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from klipperd.config.configuration import Configuration
from klipperd.config.document import read_config
from klipperd.gcode.base import BaseCommands
from klipperd.gcode.dispatch import Dispatcher
from klipperd.gcode.moves import GcodeMove
from klipperd.objects import PrinterObject
from klipperd.objects.build import Built, build_plan
from klipperd.objects.catalogue import Catalogue
from klipperd.objects.plan import make_plan
from klipperd.objects.services import HostControl, HostSettings, Objects
from klipperd.printer import (
    bed_mesh,
    bed_mesh_options,
    bed_tilt,
    configfile,
    delayed_gcode,
    display_status,
    exclude_object,
    gcode,
    gcode_arcs,
    gcode_macro,
    gcode_templates,
    idle_timeout,
    pause_resume,
    print_stats,
    respond,
    save_variables,
    sdcard_loop,
    skew_correction,
    virtual_sdcard,
)
from klipperd.remote.procedures import Procedures
from klipperd.workers import SameThread, Workers

from ..gcode.planner import PretendHost, RecordingPlanner

MODULES = (
    bed_mesh,
    bed_mesh_options,
    bed_tilt,
    configfile,
    delayed_gcode,
    display_status,
    exclude_object,
    gcode,
    gcode_arcs,
    gcode_macro,
    gcode_templates,
    idle_timeout,
    pause_resume,
    print_stats,
    respond,
    save_variables,
    sdcard_loop,
    skew_correction,
    virtual_sdcard,
)


@define
class _NoConfig:
    """Nothing."""


@define(eq=False)
class Bench:
    """One life of a printer; its files are in C{folder}."""

    folder: str
    config: str = ""
    clock: Clock = field(factory=Clock)
    planner: RecordingPlanner = field(factory=RecordingPlanner)
    host: PretendHost = field(factory=PretendHost)
    dispatcher: Dispatcher = field(init=False)
    procedures: Procedures = field(factory=Procedures)
    configuration: Configuration = field(factory=Configuration)
    built: Built = field(factory=Built)
    output: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        os.makedirs(os.path.join(self.folder, "gcodes"), exist_ok=True)
        self.dispatcher = Dispatcher(self.clock)
        self.dispatcher.listen(self.output.append)

    @property
    def path(self) -> str:
        return os.path.join(self.folder, "printer.cfg")

    def _catalogue(self) -> Catalogue:
        planner = self.planner

        def build_gcode_move(config: _NoConfig) -> GcodeMove:
            return GcodeMove(planner)

        moves = PrinterObject("gcode_move", _NoConfig, build_gcode_move, internal=True)
        found = [v for module in MODULES for v in vars(module).values() if isinstance(v, PrinterObject)]
        return Catalogue((moves, *found))

    async def start(self) -> None:
        """As the host does."""
        with open(self.path, "w", encoding="utf-8") as target:
            target.write(self.config)
        settings = HostSettings(self.path)
        services: dict[Any, Any] = {
            IReactorTime: self.clock,
            HostControl: self.host,
            HostSettings: settings,
            Objects: Objects(lambda: self.built.with_status()),
            Dispatcher: self.dispatcher,
            Procedures: self.procedures,
            Configuration: self.configuration,
            Workers: SameThread(),
        }
        BaseCommands(self.dispatcher, self.host, settings).install()
        document = read_config(self.path)
        plan = make_plan(document, self._catalogue(), services)
        self.configuration.load(document, plan)
        await build_plan(plan, services, self.built)
        for name, made in self.built.objects.items():
            self.dispatcher.add(made, getattr(made, "name", name))
            self.procedures.add(made)
        await self.built.connect()
        self.built.ready()
        assert self.output == ["// Klipper state: Ready"], self.output
        self.output.clear()

    def begin(self, script: str) -> "Deferred[None]":
        """Run a script that may take its time."""
        return Deferred.fromCoroutine(self.dispatcher.run_script(script))

    def status(self, name: str) -> Any:
        """The status of one object."""
        return self.built.objects[name].status(self.clock.seconds())

    def put_file(self, name: str, text: str) -> str:
        """Add a print file."""
        path = os.path.join(self.folder, "gcodes", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as target:
            target.write(text)
        return path

    def x_moves(self) -> list[float]:
        """Where the moves went."""
        return [position[0] for position, _ in self.planner.moves]
