"""C{server.printers.list}: all printers of this broker with what they do, and news of it."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from brokerd.errors import NotFound
from brokerd.notifications import Broadcaster, notification
from brokerd.registry.caller import Role
from brokerd.registry.declare import endpoint, method, shape
from brokerd.registry.exchange import Content, HttpRequest
from brokerd.sections import nearest

__all__ = ["ListedPrinter", "PrinterList"]

log = Logger()

PRINTERS_CHANGED = notification(
    "notify_printers_changed", "printers that do something else now", params=("{printers: [PrinterSummary]}",)
)
shape(
    "PrinterSummary",
    """{
    name: str
    default: bool  # whether it is the one at /
    path: str  # below which it is reached on each port of the broker, as in /printers/voron/
    port: int | null  # its own port
    state: "disconnected" | "startup" | "ready" | "shutdown" | "error" | "failed"
    message: str  # what there is to say of the state
    print_state: str  # standby, printing, paused, complete, cancelled or error
    filename: str
    progress: num  # 0 to 1
    print_duration: num  # seconds without pauses
    total_duration: num  # seconds with pauses
}""",
)

_PERIOD = 1.0  # seconds between two looks
# These change all the time while a printer prints.
_RESTLESS = ("print_duration", "total_duration")


class ListedPrinter(Protocol):
    """One printer, as the list needs it."""

    @property
    def name(self) -> str:
        """What it is called."""

    def summary(self) -> dict[str, Any]:
        """Its entry in the list."""

    @property
    def problem(self) -> str:
        """Why it can't be served, or an empty text."""


@define(eq=False, repr=False, slots=False)
class PrinterList(Service):
    """All printers.

    @ivar listed: the printers, the first one first.
    """

    component: ClassVar[str] = "printers"
    _clock: IReactorTime
    _broadcaster: Broadcaster
    _first: str
    listed: list[ListedPrinter] = field(init=False, factory=list)
    _told: dict[str, Mapping[str, Any]] = field(init=False, factory=dict)
    _looking: LoopingCall | None = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        if len(self.listed) > 1:
            self._looking = LoopingCall(self._look)
            self._looking.clock = self._clock
            ended: Deferred[Any] = self._looking.start(_PERIOD, now=False)
            ended.addErrback(lambda failure: log.failure("looking at the printers", failure))

    def stopService(self) -> None:
        super().stopService()
        if self._looking is not None and self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        """Tell what has changed since the last look."""
        changed = []
        for entry in self._entries():
            lasting = {name: value for name, value in entry.items() if name not in _RESTLESS}
            if self._told.get(entry["name"]) != lasting:
                self._told[entry["name"]] = lasting
                changed.append(entry)
        if changed:
            self._broadcaster.send(PRINTERS_CHANGED, {"printers": changed})

    def _entries(self) -> list[dict[str, Any]]:
        return [{**each.summary(), "default": each.name == self._first} for each in self.listed]

    @property
    def warnings(self) -> list[str]:
        """Printers that can't be served, and why."""
        return [f"the printer {each.name!r}: {each.problem}" for each in self.listed if each.problem]

    @method(
        "server.printers.list",
        "GET /server/printers",
        result="{printers: [PrinterSummary]}",
        permission=Role.VIEWER,
    )
    async def list(self) -> dict[str, Any]:
        """All printers of this broker, and what they do; path and port lead to their own API."""
        return {"printers": self._entries()}

    @endpoint("GET /printers/{name}", result="bytes", permission=Role.ANYONE)
    async def enter(self, request: HttpRequest) -> Content:
        """The way to a printer's page: /printers/NAME/, below which is all that it serves."""
        name = request.values["name"]
        known = [each.name for each in self.listed]
        if name not in known:
            word = name.partition("/")[0]
            raise NotFound(
                f"there is no printer {word!r}; there are {', '.join(known)}{nearest(word, known)}"
            )
        return Content(b"", 308, {"Location": f"{name}/", "Content-Type": "text/plain"})
