"""What all printers of one broker share: who comes in, the computer, updates, announcements."""

import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Protocol

from attrs import define, field

from brokerd.access.entrance import Entrance, make_entrance
from brokerd.chores import Chores
from brokerd.database.store import Database
from brokerd.http_client import HttpClient
from brokerd.machine.assembly import Machine, make_machine
from brokerd.machine.config import MachineConfig
from brokerd.machine.load import LoadWatch
from brokerd.machine.methods import LoadMethods
from brokerd.news.announcements import AnnouncementMethods, AnnouncementsConfig
from brokerd.notifications import Broadcaster
from brokerd.printers.methods import PrinterList
from brokerd.programs import Programs
from brokerd.settings import BrokerSettings
from brokerd.threads import WorkerThreads
from brokerd.tls.context import ServerTls
from brokerd.tls.methods import TlsEndpoints
from brokerd.updates.assembly import make_updates
from brokerd.updates.methods import UpdateMethods

__all__ = ["THREADS", "Commons", "SharedBy"]

THREADS = 4


class SharedBy(Protocol):
    """One of the printers that share it."""

    @property
    def printing(self) -> str | None:
        """The file that is being printed, or None."""

    @property
    def clients(self) -> int:
        """How many websockets are open."""


@define(eq=False, repr=False)
class Commons:
    """The shared parts, wired.

    @ivar settings: of the first printer; they say what counts for all.
    @ivar restart: restarts the whole broker.
    @ivar broadcaster: reaches the clients of all printers.
    @ivar database: of the first printer.
    @ivar sharing: the printers.
    @ivar numbers: of websockets; no two have the same.
    @ivar unix_numbers: of connections over unix sockets.
    """

    settings: BrokerSettings
    reactor: Any
    restart: Callable[[], None]
    now: Callable[[], float] = time.time
    broadcaster: Broadcaster = field(init=False, factory=Broadcaster)
    chores: Chores = field(init=False, factory=Chores)
    sharing: list[SharedBy] = field(init=False, factory=list)
    numbers: "count[int]" = field(init=False, factory=lambda: count(1))
    unix_numbers: "count[int]" = field(init=False, factory=lambda: count(1_000_001))
    threads: WorkerThreads = field(init=False)
    programs: Programs = field(init=False)
    http: HttpClient = field(init=False)
    database: Database = field(init=False)
    entrance: Entrance = field(init=False)
    tls: ServerTls = field(init=False)
    machine: Machine = field(init=False)
    load: LoadWatch = field(init=False)
    announcements: AnnouncementMethods = field(init=False)
    updates: UpdateMethods = field(init=False)
    printers: PrinterList = field(init=False)

    def __attrs_post_init__(self) -> None:
        settings, reactor, now = self.settings, self.reactor, self.now
        threads = self.threads = WorkerThreads(reactor, "brokerd", THREADS)
        self.programs = Programs(reactor)
        self.http = HttpClient(reactor, self.threads)
        self.database = database_of(settings, reactor)
        self.entrance = make_entrance(settings, reactor, threads, self.broadcaster, now)
        self.tls = ServerTls(settings.data / "certs", threads, now)
        self.machine = self._make_machine()
        self.load = LoadWatch(reactor, threads, self.broadcaster, now, self._count_clients)
        self.announcements = self._make_announcements()
        self.updates = self._make_updates()
        self.printers = PrinterList(reactor, self.broadcaster, settings.name)

    def _make_machine(self) -> Machine:
        return make_machine(
            self.reactor,
            self.settings.sections.one(MachineConfig),
            self.settings.data,
            self.programs,
            self.threads,
            self.broadcaster,
            self.chores,
            self.restart,
        )

    def _make_announcements(self) -> AnnouncementMethods:
        return AnnouncementMethods(
            self.settings.sections.one(AnnouncementsConfig),
            self.settings.data,
            self.reactor,
            self.http,
            self.threads,
            self.database,
            self.broadcaster,
            self.chores,
            self.now,
        )

    def _make_updates(self) -> UpdateMethods:
        return make_updates(
            self.settings,
            self.reactor,
            self.programs,
            self.threads,
            self.http,
            self.database,
            self.machine,
            self.broadcaster,
            self.chores,
            self.printing,
            self.now,
        )

    def printing(self) -> str | None:
        """A file that any of the printers prints, or None."""
        return next((each.printing for each in self.sharing if each.printing), None)

    def _count_clients(self) -> int:
        return sum(each.clients for each in self.sharing)

    @property
    def services(self) -> list[Any]:
        """What is started after the database and stopped before it."""
        return [self.machine.units, self.announcements, self.updates, self.printers]

    @property
    def components(self) -> Sequence[Any]:
        """Groups of API methods that each printer serves alike."""
        return (
            *self.machine.components,
            LoadMethods(self.load),
            self.announcements,
            self.updates,
            self.printers,
            TlsEndpoints(self.tls, self.threads),
        )

    @property
    def warnings(self) -> list[str]:
        """What the users of all printers should know."""
        problem = [self.tls.problem] if self.tls.problem else []
        return [*self.entrance.warnings, *problem, *self.printers.warnings]


def database_of(settings: BrokerSettings, reactor: Any) -> Database:
    """The database of one printer."""
    backups = settings.data / "backup" / "database"
    return Database(reactor, settings.data / "database" / "brokerd.sqlite", backups)
