"""C{server.info} and its kin: the broker itself."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from attrs import define

from brokerd import API_VERSION, SERVER_VERSION
from brokerd.files.roots import Roots
from brokerd.printer.session import HostSession
from brokerd.registry.caller import Role
from brokerd.registry.declare import endpoint, method, shape
from brokerd.registry.exchange import Content, HttpRequest

__all__ = ["ServerFacts", "ServerMethods"]

shape(
    "ServerInfo",
    """{
    klippy_connected: bool
    klippy_state: "ready" | "startup" | "shutdown" | "error" | "disconnected" | "initializing"
    components: [str]
    failed_components: [str]
    registered_directories: [str]
    warnings: [str]
    websocket_count: int
    moonraker_version: str
    missing_klippy_requirements: [str]
    api_version: [int]
    api_version_string: str
}""",
)
shape(
    "ServerConfig",
    """{
    config: {*: {*: any}}  # as used, with defaults
    orig: {*: {*: str}}  # as read
    files: [{filename: str, sections: [str]}]
}""",
)


@define(eq=False, repr=False)
class ServerFacts:
    """What the broker says about itself.

    @ivar components: names of what it serves.
    @ivar warnings: what the user should know.
    @ivar failed: names of what could not be started.
    @ivar sockets: how many websockets are open.
    @ivar config: the C{server.config} answer.
    @ivar restart: restarts the broker, a moment after it was called.
    @ivar openapi: the description of the HTTP forms.
    """

    components: Callable[[], list[str]]
    warnings: Callable[[], list[str]]
    failed: Callable[[], list[str]]
    sockets: Callable[[], int]
    config: Mapping[str, Any]
    restart: Callable[[], None]
    openapi: Callable[[], Awaitable[Mapping[str, Any]]]


@define(eq=False, repr=False)
class ServerMethods:
    """The broker itself."""

    component: ClassVar[str] = "application"
    _host: HostSession
    _roots: Roots
    _facts: ServerFacts

    @method("server.info", "GET /server/info", result="ServerInfo", permission=Role.VIEWER)
    async def info(self) -> dict[str, Any]:
        """State of the broker and of the motion host."""
        host, facts = self._host, self._facts
        return {
            "klippy_connected": host.present,
            "klippy_state": host.state,
            "components": facts.components(),
            "failed_components": facts.failed(),
            "registered_directories": [each.name for each in self._roots],
            "warnings": facts.warnings(),
            "websocket_count": facts.sockets(),
            "moonraker_version": SERVER_VERSION,
            "missing_klippy_requirements": host.missing,
            "api_version": list(API_VERSION),
            "api_version_string": ".".join(map(str, API_VERSION)),
        }

    @method("server.config", "GET /server/config", result="ServerConfig", permission=Role.VIEWER)
    async def config(self) -> Mapping[str, Any]:
        """The broker's configuration, as read and as used."""
        return self._facts.config

    @method("server.restart", "POST /server/restart", result='"ok"', permission=Role.ADMIN)
    async def restart(self) -> str:
        """Restart the broker; all connections are closed."""
        self._facts.restart()
        return "ok"

    @endpoint("GET /server/openapi.json", result="{openapi: str, ...}")
    async def openapi(self, request: HttpRequest) -> Content:
        """The description of the HTTP forms."""
        return Content(await self._facts.openapi())
