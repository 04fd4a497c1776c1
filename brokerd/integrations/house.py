"""Builds and runs what is configured. One that fails is logged and published; the others go on."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field
from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from brokerd.chores import Chores
from brokerd.database.store import Database
from brokerd.faces.jsonrpc import JsonRpc
from brokerd.http_client import HttpClient
from brokerd.integrations.kinds import KINDS, module
from brokerd.jobs.history import HistoryMethods
from brokerd.jobs.queue import JobQueueMethods
from brokerd.jobs.watch import JobWatch
from brokerd.notifications import Broadcaster
from brokerd.printer.session import HostSession
from brokerd.registry.caller import Caller, Role
from brokerd.registry.table import Registry
from brokerd.settings import BrokerSettings
from brokerd.threads import WorkerThreads

if TYPE_CHECKING:
    from brokerd.integrations.mqtt.client import MqttClient
    from brokerd.integrations.mqtt.home_assistant import HomeAssistant

__all__ = ["House", "Neighbours"]

log = Logger()


class Neighbours(Protocol):
    """The parts of the broker that integrations work with."""

    settings: BrokerSettings
    reactor: Any
    now: Callable[[], float]
    registry: Registry
    broadcaster: Broadcaster
    chores: Chores
    threads: WorkerThreads
    database: Database
    host: HostSession
    history: HistoryMethods
    queue: JobQueueMethods
    jobs: JobWatch
    rpc: JsonRpc
    http: HttpClient
    addresses: list[tuple[str, int]]


@define(eq=False, repr=False, slots=False)
class House(Service):
    """All integrations of one broker.

    @ivar parts: the rest of the broker.
    @ivar failed: kinds of which nothing runs.
    @ivar built: what was built, by kind.
    @ivar mqtt: the connection to an MQTT broker, if one is configured.
    @ivar home_assistant: told of what Home Assistant shall know, if that is wanted.
    """

    parts: Neighbours
    failed: list[str] = field(init=False, factory=list)
    built: dict[str, list[Any]] = field(init=False, factory=dict)
    mqtt: "MqttClient | None" = field(init=False, default=None)
    home_assistant: "HomeAssistant | None" = field(init=False, default=None)
    _warnings: dict[str, str] = field(init=False, factory=dict)
    _services: list[tuple[str, Any]] = field(init=False, factory=list)

    @property
    def http(self) -> HttpClient:
        """The client for all of them."""
        return self.parts.http

    @property
    def warnings(self) -> list[str]:
        """What the user should know, for C{server.info}."""
        return list(self._warnings.values())

    @property
    def caller(self) -> Caller:
        """Who integrations are when they call methods of the API."""
        return Caller(Role.ADMIN)

    async def call(self, method: str, /, **arguments: Any) -> Any:
        """Call a method of the API.

        @raise ApiError: if it is refused or fails.
        """
        return await self.parts.registry.call(method, arguments, self.caller)

    def warn(self, what: str, text: str) -> None:
        """Log and publish what is wrong with C{what}, in the place of what was wrong before."""
        if self._warnings.get(what) != text:
            log.warn("{text}", text=text)
        self._warnings[what] = text

    def clear(self, what: str) -> None:
        """All is well with C{what} again."""
        self._warnings.pop(what, None)

    def build(self, titles: Iterable[str]) -> None:
        """Build what is configured.

        @param titles: of the sections in the configuration.
        """
        failures = self.parts.settings.sections.failures
        for title, text in failures.items():
            self.warn(title, text)
        wanted = {title.split()[0] for title in titles if title}
        for kind in KINDS:
            if kind in wanted:
                self._build(kind)

    def _build(self, kind: str) -> None:
        try:
            built = self.built[kind] = list(module(kind).build(self))
        except Exception as error:
            log.failure("[{kind}]", kind=kind)
            self._fail(kind, error)
            return
        if not built:
            self._note_failed(kind)
        for each in built:
            if hasattr(each, "component"):
                self.parts.registry.add(each)
            if IService.providedBy(each):
                self._services.append((kind, each))

    def _fail(self, kind: str, error: Exception) -> None:
        self.warn(kind, f"[{kind}] failed to start: {str(error) or type(error).__name__}")
        self._note_failed(kind)

    def _note_failed(self, kind: str) -> None:
        if kind not in self.failed:
            self.failed.append(kind)

    def startService(self) -> None:
        super().startService()
        for kind, service in self._services:
            try:
                service.startService()
            except Exception as error:
                log.failure("[{kind}]", kind=kind)
                self._fail(kind, error)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for kind, service in reversed(self._services):
            if not service.running:
                continue
            try:
                await maybeDeferred(service.stopService)
            except Exception:
                log.failure("stopping [{kind}]", kind=kind)
