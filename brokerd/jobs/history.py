"""C{server.history.*}: the jobs that were, and the one that is."""

from collections.abc import Awaitable, Callable
from copy import copy
from typing import Annotated, Any, ClassVar, Literal

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from brokerd.database.store import Database
from brokerd.errors import BadRequest
from brokerd.files.metadata import GcodeMetadata
from brokerd.jobs import ledger
from brokerd.jobs.fields import HistoryField
from brokerd.jobs.watch import JobWatch, PrintStats
from brokerd.notifications import Broadcaster, notification
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape

__all__ = ["HistoryMethods"]

shape(
    "JobStatus",
    '"in_progress" | "completed" | "cancelled" | "error" | "klippy_shutdown" | "klippy_disconnect"'
    ' | "interrupted"',
)
shape(
    "HistoryJob",
    """{
    job_id: str
    filename: str
    status: JobStatus
    user: str | null
    start_time: num  # Unix time (s)
    end_time: num | null
    print_duration: num  # s
    total_duration: num  # s, with pauses
    filament_used: num  # mm
    metadata: FileMetadata
    auxiliary_data: [{provider: str, name: str, value: any, description: str, units: str | null}]
    exists: bool  # whether the file is still the one that was printed
}""",
)
shape(
    "JobTotals",
    """{
    total_jobs: int
    total_time: num  # s
    total_print_time: num  # s
    total_filament_used: num  # mm
    longest_job: num  # s
    longest_print: num  # s
}""",
)
shape(
    "AuxiliaryTotal",
    """{
    provider: str
    field: str
    maximum: num | null
    total: num | null
}""",
)

log = Logger()

HISTORY_CHANGED = notification(
    "notify_history_changed",
    "a job began or ended",
    params=('{action: "added" | "finished", job: HistoryJob}',),
)

Uid = Annotated[str, "identifier of a job"]


def _durations(stats: PrintStats) -> tuple[float, float, float]:
    return stats.print_duration, stats.total_duration, stats.filament_used


@define(eq=False, repr=False)
class HistoryMethods:
    """Keeps and shows the history.

    @ivar _now: Unix time (s).
    """

    component: ClassVar[str] = "history"
    _database: Database
    _metadata: GcodeMetadata
    _jobs: JobWatch
    _broadcaster: Broadcaster
    _now: Callable[[], float]
    _fields: list[HistoryField] = field(init=False, factory=list)
    _current: str | None = field(init=False, default=None)
    _work: Deferred[None] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._jobs.follow(self)

    def add_field(self, added: HistoryField) -> None:
        """Record one value more with each job from now on."""
        self._fields.append(added)

    async def load(self) -> None:
        """Close what an earlier broker left open."""
        await self._database.run(ledger.close_interrupted)

    async def settle(self) -> None:
        """Wait until what happened so far is recorded."""
        if self._work is not None:
            await self._work

    def job_started(self, stats: PrintStats) -> None:
        for each in self._fields:
            each.begin()
        self._queue(self._started(stats, self._now()))

    def job_paused(self, paused: bool) -> None:
        for each in self._fields:
            each.pause(paused)

    def job_finished(self, stats: PrintStats, status: str) -> None:
        for each in self._fields:
            each.end()
        fields = tuple(copy(each) for each in self._fields)  # the next job may begin before this is written
        self._queue(self._finished(stats, status, self._now(), fields))

    def _queue(self, work: Awaitable[None]) -> None:
        """Records are written in the order of what happened."""
        before = self._work

        async def in_turn() -> None:
            if before is not None:
                await before
            await work

        after = self._work = Deferred.fromCoroutine(in_turn())
        after.addErrback(lambda failure: log.failure("recording a job", failure))

    async def _started(self, stats: PrintStats, start_time: float) -> None:
        known = dict(self._metadata.known(stats.filename) or {})
        for name in ("job_id", "print_start_time"):
            known.pop(name, None)
        job = await self._database.run(lambda db: ledger.add(db, stats.filename, start_time, known))
        self._current = job["job_id"]
        await self._metadata.mark_printed(stats.filename, job["job_id"], start_time)
        self._broadcaster.send(HISTORY_CHANGED, {"action": "added", "job": self._with_exists(job)})

    async def _finished(
        self, stats: PrintStats, status: str, end_time: float, fields: tuple[HistoryField, ...]
    ) -> None:
        uid, self._current = self._current, None
        if uid is None:
            return
        durations = _durations(stats)
        job = await self._database.run(lambda db: ledger.finish(db, uid, status, end_time, durations, fields))
        self._broadcaster.send(HISTORY_CHANGED, {"action": "finished", "job": self._with_exists(job)})

    def _with_exists(self, job: dict[str, Any]) -> dict[str, Any]:
        """Say whether the file is still the one that was printed, and what a running job has come to."""
        known = self._metadata.known(job["filename"])
        printed = job["metadata"]
        same = ("size", "modified")
        exists = known is not None and all(known.get(name) == printed.get(name) for name in same)
        if job["job_id"] == self._current:
            stats = self._jobs.stats
            names = ("print_duration", "total_duration", "filament_used")
            job = {**job, **dict(zip(names, _durations(stats), strict=True))}
            job["auxiliary_data"] = [each.entry for each in self._fields]
        return {**job, "exists": exists}

    @method(
        "server.history.list",
        "GET /server/history/list",
        result="{count: int, jobs: [HistoryJob]}",
        permission=Role.VIEWER,
    )
    async def list_jobs(
        self,
        limit: Annotated[int, "most entries"] = 50,
        start: Annotated[int, "number of the first entry"] = 0,
        since: Annotated[float | None, "Unix time (s)"] = None,
        before: Annotated[float | None, "Unix time (s)"] = None,
        order: Annotated[Literal["asc", "desc"], "by start time"] = "desc",
    ) -> dict[str, Any]:
        """Jobs."""
        if limit < 0 or start < 0:
            raise BadRequest("server.history.list: 'limit' and 'start' must be 0 or more")
        found = await self._database.run(
            lambda db: ledger.listing(db, start, limit, since, before, order == "asc")
        )
        return {"count": found["count"], "jobs": [self._with_exists(job) for job in found["jobs"]]}

    @method(
        "server.history.totals",
        "GET /server/history/totals",
        result="{job_totals: JobTotals, auxiliary_totals: [AuxiliaryTotal]}",
        permission=Role.VIEWER,
    )
    async def totals(self) -> dict[str, Any]:
        """What all jobs since the last reset came to."""
        fields = tuple(self._fields)
        auxiliary = await self._database.run(lambda db: ledger.auxiliary_totals(db, fields))
        return {"job_totals": await self._database.run(ledger.totals), "auxiliary_totals": auxiliary}

    @method(
        "server.history.reset_totals",
        "POST /server/history/reset_totals",
        result="{last_totals: JobTotals, last_auxiliary_totals: [AuxiliaryTotal]}",
    )
    async def reset_totals(self) -> dict[str, Any]:
        """Set the totals to zero."""
        before = await self.totals()
        await self._database.run(ledger.reset_totals)
        return {"last_totals": before["job_totals"], "last_auxiliary_totals": before["auxiliary_totals"]}

    @method(
        "server.history.get_job",
        "GET /server/history/job",
        result="{job: HistoryJob}",
        permission=Role.VIEWER,
    )
    async def get_job(self, uid: Uid) -> dict[str, Any]:
        """One job."""
        return {"job": self._with_exists(await self._database.run(lambda db: ledger.one(db, uid)))}

    @method("server.history.delete_job", "DELETE /server/history/job", result="{deleted_jobs: [str]}")
    async def delete_job(
        self, uid: Uid | None = None, all: Annotated[bool, "every job that is over"] = False
    ) -> dict[str, Any]:
        """Delete a job, or all."""
        if uid is None and not all:
            raise BadRequest("server.history.delete_job: no argument 'uid'")
        if uid is not None and not all and uid == self._current:
            raise BadRequest(f"the job {uid} is running")
        return {"deleted_jobs": await self._database.run(lambda db: ledger.remove(db, None if all else uid))}
