"""The broker as a service: in the appliance's process, or alone behind C{brokerd}."""

import shutil
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field
from twisted.application.service import IService, Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from brokerd.assembly import FOLDERS, Assembly
from brokerd.hostlink import DetachableLink, HostLink
from brokerd.listening import Listener
from brokerd.settings import BrokerSettings

__all__ = ["Broker", "make_broker"]

log = Logger()

_GOODBYE = 0.5  # seconds that websockets get to say goodbye


@define(eq=False, repr=False, slots=False)
class Broker(Service):
    """Builds its parts from the settings each time that it starts.

    @ivar settings: gives the settings; asked again at each start.
    @ivar link: the way to the motion host; started and stopped with the broker if it is a service.
    @ivar parts: the running parts, or None.
    """

    _settings: Callable[[], BrokerSettings]
    _link: HostLink
    _reactor: Any
    parts: Assembly | None = field(init=False, default=None)
    _listeners: list[Listener] = field(init=False, factory=list)
    _attached: DetachableLink | None = field(init=False, default=None)
    _loading: Deferred[None] | None = field(init=False, default=None)
    _ready: Deferred[str] = field(init=False, factory=Deferred)
    _restarting: bool = field(init=False, default=False)

    def startService(self) -> None:
        """Listen and start everything.

        @raise CannotListenError: if an address can't be had; nothing runs then.
        """
        settings = self._settings()
        _prepare(settings)
        self._attached = DetachableLink(self._link)
        parts = self.parts = Assembly(settings, self._attached, self._reactor, self.restart)
        parts.entrance.load()
        self._listen(settings, parts)
        super().startService()
        parts.threads.startService()
        parts.entrance.names.startService()
        parts.database.startService()
        parts.temperatures.startService()
        parts.load.startService()
        for each in parts.services:
            each.startService()
        parts.house.startService()
        parts.host.startService()
        if IService.providedBy(self._link) and not self._link.running:
            self._link.startService()
        self._loading = Deferred.fromCoroutine(self._load(parts))
        self._loading.addErrback(_log_unless_cancelled)

    def _listen(self, settings: BrokerSettings, parts: Assembly) -> None:
        self._listeners = []
        for description in settings.listen:
            listener = Listener(self._reactor, description, parts.port)
            try:
                listener.startService()
            except Exception:
                for started in self._listeners:
                    started.stopService()
                self.parts = None
                raise
            self._listeners.append(listener)
            parts.addresses.append(listener.address)

    async def _load(self, parts: Assembly) -> None:
        """Take up what earlier brokers left; clients are served meanwhile."""
        await parts.history.load()
        await parts.queue.load()
        if not self._ready.called:
            self._ready.callback(self.url)
        if self.parts is not parts:
            return  # who waited for that has stopped us
        await parts.threads.run(parts.entrance.prepare)
        await parts.metadata.load()

    @property
    def url(self) -> str:
        """Where the first listener can be reached."""
        return self._listeners[0].url

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
        if IService.providedBy(self._link) and self._link.running:
            await _settled(self._link.stopService())

    async def _stop_parts(self) -> None:
        parts, self.parts = self.parts, None
        if parts is None:
            return
        if self._loading is not None:
            self._loading.cancel()
        for listener in self._listeners:
            await _ended(listener.stopService)
        await _ended(lambda: self._leave_clients(parts))
        if self._attached is not None:
            self._attached.detach()
        await _ended(parts.entrance.names.stopService)
        await _ended(parts.house.stopService)
        parts.chores.cancel()
        await _ended(parts.programs.cancel)
        await _ended(parts.http.close)
        for each in reversed(parts.services):
            await _ended(each.stopService)
        await _ended(parts.history.settle)
        for service in (parts.host, parts.temperatures, parts.load, parts.threads, parts.database):
            await _ended(service.stopService)

    async def _leave_clients(self, parts: Assembly) -> None:
        parts.sockets.close_all()
        parts.site.close_idle()
        parts.port.abort_all()
        if parts.sockets.count:
            await deferLater(self._reactor, _GOODBYE)
        parts.sockets.abort_all()
        parts.site.abort_all()

    def restart(self) -> None:
        """Stop everything but the link and start again, once the caller has its answer."""
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


def _log_unless_cancelled(failure: Failure) -> None:
    if failure.check(CancelledError) is None:
        log.failure("starting", failure)


async def _settled(result: Awaitable[Any] | None) -> None:
    if result is not None:
        await result


async def _ended(stop: Callable[[], Awaitable[Any] | None]) -> None:
    """One step of stopping; that it fails does not keep the others."""
    try:
        await _settled(stop())
    except Exception:
        log.failure("stopping: {step}", step=stop)


def _prepare(settings: BrokerSettings) -> None:
    """Make the data directory, and remove uploads that an earlier broker did not finish."""
    for folder in FOLDERS:
        (settings.data / folder).mkdir(parents=True, exist_ok=True)
    shutil.rmtree(settings.data / "gcodes" / ".uploads", ignore_errors=True)


def make_broker(settings: BrokerSettings, link: HostLink, reactor: Any) -> Broker:
    """A broker that is not running yet.

    @param reactor: provides time, threads and listening (TCP, UNIX).
    """
    return Broker(lambda: settings, link, reactor)
