"""C{server.job_queue.*}: files to print one after another.

::

    paused --start--> ready --the printer is free--> loading --> starting --printing--> paused or ready
      ^                 |                               |           |
      +-----pause-------+-------------pause-------------+           |
      +-----the print can't be started------------------------------+

The queue survives a restart of the broker, and is then paused unless C{load_on_startup} is set. After a job
was loaded it pauses, since somebody must clear the bed, unless C{automatic_transition} is set. Between two
jobs it waits C{job_transition_delay} and runs C{job_transition_gcode}.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, ClassVar
from uuid import uuid4

from attrs import asdict, define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from brokerd.chores import Chores
from brokerd.database import namespaces
from brokerd.database.store import Database
from brokerd.errors import ApiError, BadRequest, NotFound
from brokerd.files.metadata import GcodeMetadata
from brokerd.jobs.watch import JobWatch, PrintStats
from brokerd.notifications import Broadcaster, notification
from brokerd.options import option, section
from brokerd.printer.session import HostSession
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape

__all__ = ["JobQueueConfig", "JobQueueMethods"]

shape(
    "QueuedJob",
    """{
    job_id: str
    filename: str
    time_added: num  # Unix time (s)
    time_in_queue: num  # s
}""",
)
shape("QueueState", '"ready" | "loading" | "starting" | "paused"')
shape("JobQueue", "{queued_jobs: [QueuedJob], queue_state: QueueState}")
shape(
    "JobQueueChange",
    """{
    action: "state_changed" | "jobs_added" | "jobs_removed" | "job_loaded"
    updated_queue: [QueuedJob] | null  # null if only the state changed
    queue_state: QueueState
}""",
)

log = Logger()

JOB_QUEUE_CHANGED = notification("notify_job_queue_changed", "the queue changed", params=("JobQueueChange",))
_NAMESPACE = "job_queue"


@frozen
class JobQueueConfig:
    """C{[job_queue]}: files to print one after another."""

    load_on_startup: bool = option(False, doc="load the next job when the printer becomes ready")
    automatic_transition: bool = option(False, doc="follow a completed job by the next one")
    job_transition_delay: float = option(0.0, minimum=0.0, doc="wait between two jobs, s")
    job_transition_gcode: str = option("", doc="G-code between two jobs, after the wait")


section("job_queue", JobQueueConfig)


@frozen
class _Queued:
    job_id: str
    filename: str
    time_added: float


@define(eq=False, repr=False)
class JobQueueMethods:
    """The queue.

    @ivar _start_print: starts a print if the printer is free for it; tells whether it did.
    @ivar _now: Unix time (s).
    """

    component: ClassVar[str] = "job_queue"
    _database: Database
    _metadata: GcodeMetadata
    _jobs: JobWatch
    _start_print: Callable[[str], Awaitable[bool]]
    _host: HostSession
    _clock: IReactorTime
    _broadcaster: Broadcaster
    _now: Callable[[], float]
    _chores: Chores
    _config: JobQueueConfig = field(factory=JobQueueConfig)
    _queue: list[_Queued] = field(init=False, factory=list)
    _state: str = field(init=False, default="paused")
    _loaded: bool = field(init=False, default=False)
    _on_added: list[Callable[[], None]] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._jobs.follow(self)
        self._host.follow(self)

    def on_added(self, listener: Callable[[], None]) -> None:
        """Call C{listener} whenever jobs are added."""
        self._on_added.append(listener)

    async def load(self) -> None:
        """Take up the queue of an earlier broker."""
        stored = await self._database.run(lambda db: namespaces.read_all(db, _NAMESPACE))
        self._queue = [_Queued(**each) for each in stored.get("queue", [])] + self._queue
        self._loaded = True
        if self._host.state == "ready":
            await self.host_ready()

    async def host_ready(self) -> None:
        """The printer became ready: go on by ourselves if that is wished."""
        if (
            self._loaded
            and self._config.load_on_startup
            and self._queue
            and self._state in ("paused", "ready")
        ):
            await self._load_next()

    def host_stopped(self, state: str) -> None:
        """What was under way can't be finished."""
        if self._state in ("loading", "starting"):
            self._set_state("paused")

    def job_started(self, stats: PrintStats) -> None:
        """The queue waits until it is over."""

    def job_paused(self, paused: bool) -> None:
        """The queue waits on."""

    def job_finished(self, stats: PrintStats, status: str) -> None:
        if self._state not in ("ready", "starting"):
            return
        if status != "completed":
            self._set_state("paused")  # also if it ends before its start is recorded
        elif self._state == "starting":
            return
        elif self._queue:
            self._chores.spawn(self._load_next(transition=True), "loading the next job")

    def _content(self) -> list[dict[str, Any]]:
        now = self._now()
        return [{**asdict(each), "time_in_queue": now - each.time_added} for each in self._queue]

    def _tell(self, action: str) -> None:
        queue = None if action == "state_changed" else self._content()
        change = {"action": action, "updated_queue": queue, "queue_state": self._state}
        self._broadcaster.send(JOB_QUEUE_CHANGED, change)

    def _set_state(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self._tell("state_changed")

    async def _store(self) -> None:
        queue = [asdict(each) for each in self._queue]
        await self._database.run(lambda db: namespaces.put(db, _NAMESPACE, "queue", queue))

    async def _load_next(self, transition: bool = False) -> None:
        """Print the first job, unless the printer is busy."""
        if not self._queue or self._jobs.printing is not None:
            self._set_state("ready")
            return
        self._set_state("loading")
        try:
            if transition:
                await self._make_transition()
            job = self._queue[0] if self._queue else None
            if self._state != "loading" or job is None:
                self._set_state("paused" if self._state == "paused" else "ready")
                return
            started = await self._print(job)
        except ApiError as error:
            log.warn("the queue can't print: {error}", error=error.message)
            started = False
        if not started:
            self._set_state("paused")

    async def _print(self, job: _Queued) -> bool:
        await self._metadata.get(job.filename)
        if self._state != "loading":
            return False
        self._set_state("starting")
        if not await self._start_print(job.filename):
            return False
        self._queue = [each for each in self._queue if each is not job]
        await self._store()
        # A pause that was asked for meanwhile stays.
        goes_on = self._config.automatic_transition and self._state == "starting"
        self._state = "ready" if goes_on else "paused"
        self._tell("job_loaded")
        return True

    async def _make_transition(self) -> None:
        """What lies between two jobs."""
        if self._config.job_transition_delay:
            await deferLater(self._clock, self._config.job_transition_delay)
        script = self._config.job_transition_gcode.strip()
        if script and self._state == "loading":
            await self._host.request("gcode/script", {"script": script})

    @method(
        "server.job_queue.status", "GET /server/job_queue/status", result="JobQueue", permission=Role.VIEWER
    )
    async def status(self) -> dict[str, Any]:
        """The jobs that wait."""
        return {"queued_jobs": self._content(), "queue_state": self._state}

    @method("server.job_queue.post_job", "POST /server/job_queue/job", result="JobQueue")
    async def post_job(
        self,
        filenames: Annotated[list[str], "paths below the gcodes root"],
        reset: Annotated[bool, "empty the queue first"] = False,
    ) -> dict[str, Any]:
        """Add jobs at the end."""
        return await self.add(filenames, reset)

    async def add(self, filenames: list[str], reset: bool = False) -> dict[str, Any]:
        """Add jobs at the end; returns the queue.

        @raise NotFound: if one is no G-code file; nothing is added then.
        """
        for filename in filenames:
            await self._metadata.get(filename)
        if reset:
            self._queue.clear()
        now = self._now()
        self._queue += [_Queued(uuid4().hex[:16].upper(), filename, now) for filename in filenames]
        await self._store()
        self._tell("jobs_added")
        for listener in self._on_added:
            listener()
        return await self.status()

    @method("server.job_queue.delete_job", "DELETE /server/job_queue/job", result="JobQueue")
    async def delete_job(
        self,
        job_ids: Annotated[list[str] | None, "identifiers of jobs"] = None,
        all: Annotated[bool, "every job"] = False,
    ) -> dict[str, Any]:
        """Remove jobs; those that don't exist are passed over."""
        if job_ids is None and not all:
            raise BadRequest("server.job_queue.delete_job: no argument 'job_ids'")
        gone = set(job_ids or ())
        self._queue = [] if all else [each for each in self._queue if each.job_id not in gone]
        await self._store()
        self._tell("jobs_removed")
        return await self.status()

    @method("server.job_queue.pause", "POST /server/job_queue/pause", result="JobQueue")
    async def pause(self) -> dict[str, Any]:
        """Load no further job."""
        self._set_state("paused")
        return await self.status()

    @method("server.job_queue.start", "POST /server/job_queue/start", result="JobQueue")
    async def start(self) -> dict[str, Any]:
        """Print the next job as soon as the printer is free."""
        if self._state in ("paused", "ready"):
            await self._load_next()
        return await self.status()

    @method("server.job_queue.jump", "POST /server/job_queue/jump", result="JobQueue")
    async def jump(self, job_id: Annotated[str, "identifier of a job"]) -> dict[str, Any]:
        """Move a job to the front."""
        chosen = [each for each in self._queue if each.job_id == job_id]
        if not chosen:
            raise NotFound(f"there is no job {job_id!r} in the queue")
        self._queue = chosen + [each for each in self._queue if each.job_id != job_id]
        await self._store()
        self._tell("jobs_added")
        return await self.status()
