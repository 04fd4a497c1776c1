"""All parts of one printer's broker, put together; L{brokerd.printers.running} starts and stops them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field

from brokerd.access.entrance import Entrance
from brokerd.access.gate import Gate
from brokerd.access.methods import AccessMethods
from brokerd.analysis.config import AnalysisConfig
from brokerd.analysis.methods import AnalysisMethods
from brokerd.analysis.simulator import Simulator, installed
from brokerd.chores import Chores
from brokerd.commons import THREADS, Commons, database_of
from brokerd.connection_methods import ConnectionMethods
from brokerd.database.maintenance import DatabaseDebugMethods, DatabaseMaintenance
from brokerd.database.methods import DatabaseMethods
from brokerd.database.store import Database
from brokerd.extensions import ExtensionMethods
from brokerd.faces.file_sender import FileSender
from brokerd.faces.http import BrokerSite
from brokerd.faces.http_services import HttpServices
from brokerd.faces.jsonrpc import JsonRpc
from brokerd.faces.pages import Pages
from brokerd.faces.port import PortFactory
from brokerd.faces.unix import UnixFace
from brokerd.faces.websocket import SocketFactory
from brokerd.files.announce import FileChanges
from brokerd.files.config import FileManagerConfig
from brokerd.files.host_files import HostFiles
from brokerd.files.metadata import GcodeMetadata
from brokerd.files.methods import FileMethods
from brokerd.files.observer import FileObserver
from brokerd.files.processing import ObjectProcessing
from brokerd.files.roots import PARTIAL, Root, Roots
from brokerd.files.transfer import FileTransfer
from brokerd.hostlink import HostLink
from brokerd.http_client import HttpClient
from brokerd.integrations.house import House
from brokerd.jobs.history import HistoryMethods
from brokerd.jobs.progress import PrintProgress
from brokerd.jobs.queue import JobQueueConfig, JobQueueMethods
from brokerd.jobs.starter import PrintStarter
from brokerd.jobs.watch import JobWatch
from brokerd.log_methods import LogMethods, RotatedLog
from brokerd.machine.assembly import Machine
from brokerd.machine.load import LoadWatch
from brokerd.news.announcements import AnnouncementMethods
from brokerd.notifications import Broadcaster, declared_notifications
from brokerd.octoprint import OctoprintConfig, OctoprintEndpoints
from brokerd.printer.methods import PrinterMethods
from brokerd.printer.passthrough import HostProcedures
from brokerd.printer.session import HostSession
from brokerd.programs import Programs
from brokerd.registry.table import Registry
from brokerd.server_methods import ServerFacts, ServerMethods
from brokerd.settings import BrokerSettings
from brokerd.stores.console import ConsoleStore
from brokerd.stores.methods import StoreMethods
from brokerd.stores.temperatures import TemperatureStore
from brokerd.threads import WorkerThreads
from brokerd.tls.context import ServerTls
from brokerd.webcams import WebcamConfig, WebcamMethods

__all__ = ["FOLDERS", "Assembly"]

FOLDERS = ("config", "gcodes", "logs", "database", "comms")


@define(eq=False, repr=False)
class Assembly:
    """The parts, wired. Those that all printers share come from C{commons}.

    @ivar settings: what they were made from.
    @ivar services: parts that are started after the database and stopped before it.
    """

    settings: BrokerSettings
    link: HostLink
    commons: Commons
    reactor: Any = field(init=False)
    restart: Callable[[], None] = field(init=False)
    now: Callable[[], float] = field(init=False)
    registry: Registry = field(init=False, factory=Registry)
    broadcaster: Broadcaster = field(init=False, factory=Broadcaster)
    chores: Chores = field(init=False)
    threads: WorkerThreads = field(init=False)
    database: Database = field(init=False)
    host: HostSession = field(init=False)
    roots: Roots = field(init=False, factory=Roots)
    metadata: GcodeMetadata = field(init=False)
    history: HistoryMethods = field(init=False)
    queue: JobQueueMethods = field(init=False)
    services: list[Any] = field(init=False, factory=list)
    programs: Programs = field(init=False)
    observer: FileObserver = field(init=False)
    host_files: HostFiles = field(init=False)
    machine: Machine = field(init=False)
    announcements: AnnouncementMethods = field(init=False)
    http: HttpClient = field(init=False)
    temperatures: TemperatureStore = field(init=False)
    load: LoadWatch = field(init=False)
    extensions: ExtensionMethods = field(init=False)
    jobs: JobWatch = field(init=False)
    progress: PrintProgress = field(init=False)
    rpc: JsonRpc = field(init=False)
    addresses: list[tuple[str, int]] = field(init=False, factory=list)
    unix: UnixFace = field(init=False)
    house: House = field(init=False)
    entrance: Entrance = field(init=False)
    gate: Gate = field(init=False)
    sockets: SocketFactory = field(init=False)
    site: BrokerSite = field(init=False)
    tls: ServerTls = field(init=False)
    port: PortFactory = field(init=False)

    def __attrs_post_init__(self) -> None:
        settings, commons = self.settings, self.commons
        self._take(commons)
        first = settings.data == commons.settings.data
        if not first:
            # A slow disk or a long queue of one printer holds up no other.
            self.threads = WorkerThreads(self.reactor, f"brokerd-{settings.name}", THREADS)
        self.database = commons.database if first else database_of(settings, self.reactor)
        label = "the motion host" if first else f"the motion host of {settings.name}"
        self.host = HostSession(self.link, self.reactor, self.broadcaster, self.chores, label)
        self.rpc = JsonRpc(self.registry)
        self._add_roots()
        self.gate = self.entrance.gate.of_printer(settings.name)
        self._make_faces()
        self._make_components()
        commons.sharing.append(self)

    def _take(self, commons: Commons) -> None:
        """What is shared has its place here, too: the other parts need not know that it is."""
        self.reactor, self.restart, self.now = commons.reactor, commons.restart, commons.now
        self.threads, self.programs, self.http = commons.threads, commons.programs, commons.http
        self.chores, self.entrance, self.tls = commons.chores, commons.entrance, commons.tls
        self.machine, self.load, self.announcements = commons.machine, commons.load, commons.announcements
        commons.broadcaster.attach(self.broadcaster)

    @property
    def printing(self) -> str | None:
        """The file that is being printed, or None."""
        return self.jobs.printing

    @property
    def clients(self) -> int:
        """How many websockets are open."""
        return self.sockets.count

    def _add_roots(self) -> None:
        data = self.settings.data
        writable = {"gcodes": True, "config": self._files.enable_config_write_access}
        for name in ("config", "logs", "gcodes"):
            self.roots.add(Root(name, data / name, writable.get(name, False)))

    def _make_faces(self) -> None:
        settings, rpc = self.settings, self.rpc
        self.extensions = ExtensionMethods(self.host, self.broadcaster, self.reactor)
        rpc.on_answer = self.extensions.answered
        self.sockets = SocketFactory(
            rpc,
            self.gate,
            self.host.hub,
            self.chores,
            settings.max_websockets,
            self.reactor,
            self.commons.numbers,
        )
        self.broadcaster.attach(self.sockets)
        socket = settings.data / "comms" / "moonraker.sock"
        numbers = self.commons.unix_numbers
        self.unix = UnixFace(rpc, self.chores, self.reactor, self.host.hub, socket, numbers)
        self.broadcaster.attach(self.unix)
        self.services.append(self.unix)
        services = HttpServices(
            clock=self.reactor,
            chores=self.chores,
            registry=self.registry,
            rpc=rpc,
            gate=self.gate,
            pages=Pages(settings.pages, self.threads),
            sender=FileSender(self.threads),
            threads=self.threads,
            uploads=self.uploads,
            upload_limit=settings.max_upload_size,
            prefix=f"/{settings.route_prefix}".encode() if settings.route_prefix else b"",
        )
        self.site = BrokerSite(services, self.sockets, self.reactor)
        self.site.neighbours[settings.name.encode()] = self.site
        self.port = PortFactory(self.site, self.tls if settings.tls else None, self.reactor)

    @property
    def uploads(self) -> Path:
        """Where uploads grow: on the disk that most of them end on."""
        return self.settings.data / "gcodes" / PARTIAL

    def _make_components(self) -> None:
        settings, host, threads, now = self.settings, self.host, self.threads, self.now
        console = ConsoleStore(now, self.broadcaster, settings.gcode_store_size)
        host.on_gcode_response(console.response)
        self.temperatures = TemperatureStore(self.reactor, host, settings.temperature_store_size)
        self.metadata = GcodeMetadata(self.roots, threads, self.database)
        changes = FileChanges(threads, self.broadcaster)
        self._watch_files(changes)
        jobs = self.jobs = JobWatch(host)
        self.progress = PrintProgress(host)
        start_print = PrintStarter(host, jobs).start
        self.history = HistoryMethods(self.database, self.metadata, jobs, self.broadcaster, now)
        self.queue = JobQueueMethods(
            self.database,
            self.metadata,
            jobs,
            start_print,
            host,
            self.reactor,
            self.broadcaster,
            now,
            self.chores,
            settings.sections.one(JobQueueConfig),
        )
        self._offer_remote_methods()
        printing = lambda: jobs.printing  # noqa: E731
        components = (
            ServerMethods(host, self.roots, self._facts()),
            ConnectionMethods(self.gate, self.extensions.identified),
            self.extensions,
            AccessMethods(self.gate, self.entrance.logins, threads),
            DatabaseMethods(self.database),
            DatabaseMaintenance(self.database, printing, self.restart),
            DatabaseDebugMethods(self.database),
            FileMethods(self.roots, threads, self.metadata, changes, printing),
            FileTransfer(
                self.roots,
                threads,
                self.metadata,
                changes,
                printing,
                start_print,
                self._log_file,
                self._upload_queue(),
            ),
            PrinterMethods(host, console),
            StoreMethods(self.temperatures, console),
            self.history,
            self.queue,
            WebcamMethods(self.database, self.broadcaster, self.http, settings.sections.named(WebcamConfig)),
            LogMethods(self._logs(), self.machine.units, threads, printing),
            self._make_analysis(changes, printing),
            OctoprintEndpoints(host, jobs, settings.sections.one(OctoprintConfig)),
            *self.commons.components,
        )
        for component in components:
            self.registry.add(component)
        self.house = House(self)
        self.house.build(settings.sections.titles)
        self.registry.add_fallback(HostProcedures(host).find)

    def _make_analysis(self, changes: FileChanges, printing: Callable[[], str | None]) -> AnalysisMethods:
        config = self.settings.sections.one(AnalysisConfig)
        program = self.settings.simulator or installed(config.simulator)
        return AnalysisMethods(
            config,
            Simulator(program, self.programs),
            self.roots,
            self.metadata,
            changes,
            self.host,
            self.threads,
            self.programs,
            self.chores,
            self.settings.data / "tools" / "analysis" / "default_estimator_cfg.json",
            printing,
        )

    def _logs(self) -> dict[str, RotatedLog]:
        reopen = self.settings.reopen_log
        return {
            "moonraker": RotatedLog(lambda: self._log_file("moonraker.log"), reopen),
            "klipper": RotatedLog(lambda: self._log_file("klippy.log"), None),
        }

    @property
    def _files(self) -> FileManagerConfig:
        return self.settings.sections.one(FileManagerConfig)

    def _watch_files(self, changes: FileChanges) -> None:
        config = self._files
        if config.enable_object_processing:
            step = ObjectProcessing(self.programs, self.threads).step
            self.metadata.processors.add("object processing", step)
        self.observer = FileObserver(
            self.reactor, self.roots, self.threads, self.metadata, changes, self.chores
        )
        if config.file_system_observer == "inotify":
            self.services.append(self.observer)
        self.host_files = HostFiles(self.host, self.roots, self.threads, changes, config)

    def _upload_queue(self) -> Callable[[list[str]], Any] | None:
        return self.queue.add if self._files.queue_gcode_uploads else None

    def _offer_remote_methods(self) -> None:
        """What macros of the motion host may call."""

        async def pause_job_queue() -> None:
            await self.queue.pause()

        async def start_job_queue() -> None:
            await self.queue.start()

        async def shutdown_machine() -> None:
            await self.machine.units.shutdown()

        async def reboot_machine() -> None:
            await self.machine.units.reboot()

        self.host.offer("shutdown_machine", shutdown_machine)
        self.host.offer("reboot_machine", reboot_machine)
        self.host.offer("pause_job_queue", pause_job_queue)
        self.host.offer("start_job_queue", start_job_queue)

    def _facts(self) -> ServerFacts:
        return ServerFacts(
            components=lambda: self.registry.components,
            warnings=lambda: [
                *self.settings.warnings,
                *self.database.warnings,
                *self.commons.warnings,
                *filter(None, [self.unix.warning]),
                *self.house.warnings,
                *self.host_files.warnings,
                *(self.observer.warnings if self._files.enable_observer_warnings else ()),
            ],
            failed=lambda: self.house.failed,
            sockets=lambda: self.sockets.count,
            config=self.settings.config,
            restart=self.restart,
            openapi=self._openapi,
        )

    async def _openapi(self) -> dict[str, Any]:
        components = self.registry.component_types
        return await self.threads.run(_openapi, components)

    def _log_file(self, name: str) -> Path | None:
        if name == "moonraker.log":
            return self.settings.broker_log
        path = self.host.info.get("log_file")
        return Path(path) if path else self.settings.data / "logs" / name


def _openapi(components: list[type]) -> dict[str, Any]:
    """Takes some 15 ms: runs in a worker thread."""
    from brokerd.registry.reference import openapi  # rarely asked for

    return openapi(components, declared_notifications())
