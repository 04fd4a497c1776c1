"""The broker as a service: in the appliance's process, or alone behind C{brokerd}."""

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from brokerd.assembly import Assembly
from brokerd.chores import settled
from brokerd.commons import Commons
from brokerd.errors import BadRequest
from brokerd.hostlink import HostLink, NoLink
from brokerd.listening import Listener
from brokerd.printers.running import RunningPrinter
from brokerd.settings import BrokerSettings, FurtherPrinter

__all__ = ["Broker", "make_broker"]

log = Logger()

_GOODBYE = 0.5  # seconds that websockets get to say goodbye


LinkTo = Callable[[FurtherPrinter], HostLink]


def _no_link(printer: FurtherPrinter) -> HostLink:
    raise ValueError("nobody said how to reach the motion hosts of further printers")


@define(eq=False, repr=False, slots=False)
class Broker(Service):
    """Builds its parts from the settings each time that it starts.

    @ivar settings: gives the settings; asked again at each start.
    @ivar link: the way to the motion host; started and stopped with the broker if it is a service.
    @ivar link_to: makes the way to the motion host of a further printer; its links stay through restarts.
    @ivar parts: the running parts of the first printer, or None.
    @ivar printers: all of them, the first one first.
    """

    _settings: Callable[[], BrokerSettings]
    _link: HostLink
    _reactor: Any
    _link_to: LinkTo = _no_link
    parts: Assembly | None = field(init=False, default=None)
    printers: list[RunningPrinter] = field(init=False, factory=list)
    _commons: Commons | None = field(init=False, default=None)
    _links: dict[tuple[str, str], HostLink] = field(init=False, factory=dict)
    _ready: Deferred[str] = field(init=False, factory=Deferred)
    _restarting: bool = field(init=False, default=False)

    def startService(self) -> None:
        """Listen and start everything.

        @raise CannotListenError: if an address can't be had; nothing runs then.
        """
        settings = self._settings()
        commons = Commons(settings, self._reactor, self.restart)
        first = RunningPrinter(settings, self._link, commons)
        parts = first.build()
        commons.entrance.load()
        first.listen()
        self.parts, self._commons = parts, commons
        self.printers = [first, *self._build_further(settings, commons, parts)]
        commons.printers.listed = [*self.printers]
        super().startService()
        commons.threads.startService()
        commons.entrance.names.startService()
        commons.database.startService()
        commons.load.startService()
        for each in commons.services:
            each.startService()
        for printer in self.printers:
            self._start(printer)

    def _build_further(
        self, settings: BrokerSettings, commons: Commons, first: Assembly
    ) -> list[RunningPrinter]:
        """Build the further printers; one that can't be stops no other."""
        built = []
        for each in settings.printers:
            printer = RunningPrinter(each.settings(settings), NoLink(), commons)
            built.append(printer)
            try:
                printer.link = self._link_for(each)
                parts = printer.build()
                printer.listen()
            except Exception as error:
                printer.give_up(str(error) or type(error).__name__)
                continue
            parts.addresses = parts.addresses or first.addresses
            parts.site.neighbours = first.site.neighbours
            first.site.neighbours[each.name.encode()] = parts.site
        self._drop_links({(each.name, each.default_socket) for each in settings.printers}, commons)
        return built

    def _drop_links(self, wanted: set[tuple[str, str]], commons: Commons) -> None:
        """Leave the motion hosts of printers that the settings no longer have."""
        for key in set(self._links) - wanted:
            commons.chores.spawn(_stop_link(self._links.pop(key)), f"leaving the motion host of {key[0]}")

    def _link_for(self, printer: FurtherPrinter) -> HostLink:
        key = printer.name, printer.default_socket
        if key not in self._links:
            self._links[key] = self._link_to(printer)
        return self._links[key]

    def _start(self, printer: RunningPrinter) -> None:
        if printer is self.printers[0]:
            printer.start(self._loaded)
        elif not printer.problem:
            try:
                printer.start()
            except Exception as error:
                log.failure("starting the printer {name}", name=printer.name)
                printer.give_up(str(error) or type(error).__name__)

    def _loaded(self) -> None:
        if not self._ready.called:
            self._ready.callback(self.url)

    @property
    def url(self) -> str:
        """Where the first listener can be reached."""
        return self._listeners[0].url

    @property
    def _listeners(self) -> list[Listener]:
        """Those of the first printer."""
        return self.printers[0].listeners if self.printers else []

    def when_ready(self) -> Deferred[str]:
        """Fires with the URL once the broker listens and knows its jobs."""
        waiting: Deferred[str] = Deferred()

        def tell(url: str) -> str:
            waiting.callback(url)
            return url

        self._ready.addCallback(tell)
        return waiting

    def stopService(self) -> Deferred[None]:
        """Stop in order: listeners, connections, parts, database."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._stop_parts()
        for link in (self._link, *self._links.values()):
            await _stop_link(link)

    async def _stop_parts(self) -> None:
        commons, self._commons, self.parts = self._commons, None, None
        printers = self.printers
        if commons is None:
            return
        running = [each.parts for each in printers if each.parts is not None]
        for printer in printers:
            await printer.close()
        await settled(lambda: self._leave_clients(running))
        for printer in printers:
            await printer.leave_host()
        await settled(commons.entrance.names.stopService)
        commons.chores.cancel()
        await settled(commons.programs.cancel)
        await settled(commons.http.close)
        for each in reversed(commons.services):
            await settled(each.stopService)
        for printer in printers:
            await printer.stop()
        await settled(commons.load.stopService)
        for service in (*(each.threads for each in running), *(each.database for each in running)):
            if service.running:
                await settled(service.stopService)

    async def _leave_clients(self, running: list[Assembly]) -> None:
        for parts in running:
            parts.sockets.close_all()
            parts.site.close_idle()
            parts.port.abort_all()
        if any(parts.sockets.count for parts in running):
            await deferLater(self._reactor, _GOODBYE)
        for parts in running:
            parts.sockets.abort_all()
            parts.site.abort_all()

    def restart(self) -> None:
        """Stop everything but the links and start again, once the caller has its answer.

        @raise BadRequest: if the configuration has become unusable; all goes on as before then.
        """
        try:
            self._settings()
        except Exception as error:
            raise BadRequest(f"not restarted: {error}") from None
        if not self._restarting:
            self._restarting = True
            restarting = Deferred.fromCoroutine(self._restart())
            restarting.addErrback(lambda failure: log.failure("restarting", failure))

    async def _restart(self) -> None:
        await deferLater(self._reactor, 0.1)
        log.info("restarting")
        try:
            await self._stop_parts()
            if self.running:
                self.startService()
        finally:
            self._restarting = False


async def _stop_link(link: Any) -> None:
    """Stop a link that is a service and runs."""
    if IService.providedBy(link) and link.running:
        await settled(link.stopService)


def make_broker(settings: BrokerSettings, link: HostLink, reactor: Any, link_to: LinkTo = _no_link) -> Broker:
    """A broker that is not running yet.

    @param reactor: provides time, threads and listening (TCP, UNIX).
    @param link_to: the way to the motion host of a further printer.
    """
    return Broker(lambda: settings, link, reactor, link_to)
