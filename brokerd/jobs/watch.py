"""Notices when print jobs begin and end, from the motion host's C{print_stats}."""

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import define, field, frozen

from brokerd.printer.session import HostSession
from brokerd.printer.subscriptions import Watcher

__all__ = ["JobListener", "JobWatch", "PrintStats"]

_FIELDS = ("state", "filename", "print_duration", "total_duration", "filament_used", "message")
_ACTIVE = ("printing", "paused")
_ENDS = {"complete": "completed", "cancelled": "cancelled", "error": "error", "standby": "cancelled"}


@frozen
class PrintStats:
    """The host's account of a job.

    @ivar state: standby, printing, paused, complete, cancelled or error.
    @ivar print_duration: seconds without pauses.
    @ivar total_duration: seconds with pauses.
    @ivar filament_used: mm.
    """

    state: str = "standby"
    filename: str = ""
    print_duration: float = 0.0
    total_duration: float = 0.0
    filament_used: float = 0.0
    message: str = ""

    def updated(self, values: Mapping[str, Any]) -> "PrintStats":
        """With newer values."""
        known = {name: getattr(self, name) for name in _FIELDS}
        known.update({name: values[name] for name in _FIELDS if name in values})
        return PrintStats(**known)


class JobListener(Protocol):
    """Told of jobs."""

    def job_started(self, stats: PrintStats) -> None:
        """A job began, or was found running."""

    def job_paused(self, paused: bool) -> None:
        """A job was paused, or goes on."""

    def job_finished(self, stats: PrintStats, status: str) -> None:
        """A job ended: completed, cancelled, error, klippy_shutdown or klippy_disconnect."""


@define(eq=False, repr=False)
class JobWatch:
    """Follows C{print_stats}.

    @ivar stats: the host's last account.
    """

    _host: HostSession
    stats: PrintStats = field(init=False, factory=PrintStats)
    _running: bool = field(init=False, default=False)
    _listeners: list[JobListener] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._host.hub.want(Watcher(self._changed), {"print_stats": list(_FIELDS)})
        self._host.follow(self)

    def follow(self, listener: JobListener) -> None:
        self._listeners.append(listener)

    @property
    def printing(self) -> str | None:
        """The file that is being printed or is paused, or None."""
        return self.stats.filename if self._running and self.stats.filename else None

    async def host_ready(self) -> None:
        """The subscription brings what there is to know."""

    def host_stopped(self, state: str) -> None:
        """A job does not survive its host."""
        if self._running:
            self._finish(self.stats, "klippy_disconnect" if state == "disconnected" else "klippy_shutdown")
        self.stats = PrintStats()

    def _changed(self, status: Mapping[str, Mapping[str, Any]], eventtime: float) -> None:
        values = status.get("print_stats")
        if values is None:
            return
        before, now = self.stats, self.stats.updated(values)
        self.stats = now
        again = now.state == "printing" and now.total_duration < before.total_duration
        if self._running and (again or now.state not in _ACTIVE):
            # A reset clears the account: what the job came to is in the one before.
            account = before if again or now.state == "standby" else now
            self._finish(account, _ENDS.get(now.state, "cancelled"))
        if now.state in _ACTIVE and not self._running:
            self._running = True
            for listener in self._listeners:
                listener.job_started(now)
        elif self._running and (before.state == "paused") != (now.state == "paused"):
            for listener in self._listeners:
                listener.job_paused(now.state == "paused")

    def _finish(self, stats: PrintStats, status: str) -> None:
        self._running = False
        for listener in self._listeners:
            listener.job_finished(stats, status)
