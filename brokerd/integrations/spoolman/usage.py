"""Counts the filament that the printer takes from the active spool, and reports it."""

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from brokerd.database import namespaces
from brokerd.errors import NotFound
from brokerd.http_client import HttpFailure
from brokerd.integrations.house import House
from brokerd.jobs.fields import HistoryField
from brokerd.notifications import notification
from brokerd.printer.subscriptions import Watcher

__all__ = ["SpoolUsage"]

log = Logger()

SPOOL_SET = notification(
    "notify_active_spool_set", "another spool is in use, or none", params=("{spool_id: int | null}",)
)
STATUS_CHANGED = notification(
    "notify_spoolman_status_changed", "the server came or went", params=("{spoolman_connected: bool}",)
)

_FAR = 1000.0  # mm; nobody retracts so much
_NAMESPACE, _KEY = "moonraker", ["spoolman", "spool_id"]


class _Presence(Protocol):
    connected: bool


@define(eq=False, repr=False, slots=False)
class SpoolUsage(Service):
    """The active spool, and what was used of each and is not reported yet.

    @ivar spool_id: the active spool, or None.
    @ivar pending: spool -> mm.
    @ivar _highest: the furthest position of the extruder (mm): what lies below was counted already.
    """

    _house: House
    _server: str
    _sync_rate: float
    _spools: HistoryField
    presence: _Presence | None = field(init=False, default=None)
    spool_id: int | None = field(init=False, default=None)
    pending: dict[int, float] = field(init=False, factory=dict)
    _highest: float | None = field(init=False, default=None)
    _extruder: str | None = field(init=False, default=None)
    _reporting: LoopingCall | None = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        parts = self._house.parts
        parts.host.hub.want(Watcher(self._moved), {"toolhead": ["position", "extruder"]})
        parts.host.follow(self)
        parts.chores.spawn(self._load(), "reading the active spool")
        reporting = self._reporting = LoopingCall(self._spawn_report)
        reporting.clock = parts.reactor
        reporting.start(self._sync_rate, now=False).addErrback(lambda f: log.failure("spoolman", f))

    def stopService(self) -> None:
        super().stopService()
        if self._reporting is not None and self._reporting.running:
            self._reporting.stop()

    # The active spool.

    async def _load(self) -> None:
        try:
            stored = await self._house.parts.database.run(lambda db: namespaces.read(db, _NAMESPACE, _KEY))
        except NotFound:
            return
        if isinstance(stored, int) and self.spool_id is None:
            self.spool_id = stored
            self._spools.measured(stored)

    async def choose(self, spool_id: int | None) -> None:
        """Use another spool, or none."""
        if spool_id == self.spool_id:
            return
        self.spool_id = spool_id
        if spool_id is not None:
            self._spools.measured(spool_id)
        await self._house.parts.database.run(lambda db: namespaces.insert(db, _NAMESPACE, _KEY, spool_id))
        self._house.parts.broadcaster.send(SPOOL_SET, {"spool_id": spool_id})

    def came(self) -> None:
        """The server is there: is our spool?"""
        self._tell(True)
        self._house.parts.chores.spawn(self._check(), "looking for the active spool")

    def left(self) -> None:
        """The server is gone; what is used is kept until it is back."""
        self._tell(False)

    def _tell(self, connected: bool) -> None:
        log.info("spoolman at {server}: {word}", server=self._server, word="there" if connected else "gone")
        self._house.parts.broadcaster.send(STATUS_CHANGED, {"spoolman_connected": connected})

    async def _check(self) -> None:
        spool_id = self.spool_id
        if spool_id is None:
            return
        try:
            answer = await self._house.http.get(f"{self._server}/api/v1/spool/{spool_id}")
        except HttpFailure as error:
            log.warn("spoolman: {error}", error=error)
            return
        if answer.status == 404:
            self.spool_deleted(spool_id)

    def spool_deleted(self, spool_id: int) -> None:
        """Nothing can be reported for it any more."""
        self.pending.pop(spool_id, None)
        if spool_id == self.spool_id:
            log.warn("the active spool {spool} is no longer known to spoolman", spool=spool_id)
            self._house.parts.chores.spawn(self.choose(None), "clearing the active spool")

    # Counting.

    async def host_ready(self) -> None:
        """The subscription brings where the extruder is."""

    def host_stopped(self, state: str) -> None:
        """It may be anywhere when it comes back."""
        self._highest = None

    def _moved(self, status: Mapping[str, Mapping[str, Any]], eventtime: float) -> None:
        toolhead = status.get("toolhead", {})
        extruder = toolhead.get("extruder", self._extruder)
        position = toolhead.get("position")
        if extruder != self._extruder:
            self._extruder, self._highest = extruder, None
        if not isinstance(position, list | tuple) or len(position) < 4:
            return
        now = float(position[3])
        if self._highest is None or now < self._highest - _FAR:
            self._highest = now  # a new beginning, not a retraction
        elif now > self._highest:
            used, self._highest = now - self._highest, now
            if self.spool_id is not None:
                self.pending[self.spool_id] = self.pending.get(self.spool_id, 0.0) + used

    # Reporting.

    def _spawn_report(self) -> None:
        if self.pending and self.presence is not None and self.presence.connected:
            self._house.parts.chores.spawn(self.report(), "reporting used filament")

    async def report(self) -> None:
        """Tell the server what was used; what it does not take is kept."""
        pending, self.pending = self.pending, {}
        for spool_id, length in pending.items():
            url = f"{self._server}/api/v1/spool/{spool_id}/use"
            try:
                answer = await self._house.http.request("PUT", url, body={"use_length": length})
                if answer.status == 404:
                    self.spool_deleted(spool_id)
                    continue
                answer.check()
            except HttpFailure as error:
                log.warn("spoolman: {error}", error=error)
                self.pending[spool_id] = self.pending.get(spool_id, 0.0) + length
