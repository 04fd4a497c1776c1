"""C{machine.update.*}: one update at a time, never while the printer prints."""

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from brokerd.chores import Chores
from brokerd.errors import ApiError, BadRequest, Forbidden, NotFound
from brokerd.notifications import Broadcaster, notification
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape
from brokerd.updates.config import UpdateConfig
from brokerd.updates.journal import Journal
from brokerd.updates.releases import Releases
from brokerd.updates.updater import Say, UpdateFailed, Updater

__all__ = ["UpdateMethods"]

shape(
    "UpdateStatus",
    """{
    busy: bool
    github_rate_limit: int | null
    github_requests_remaining: int | null
    github_limit_reset_time: num | null  # Unix time (s)
    version_info: {*: Software}
}""",
)
shape(
    "Software",
    """{
    name: str
    configured_type?: "git_repo" | "web" | "zip" | "executable" | "python" | "system"
    detected_type?: str
    channel?: str
    channel_invalid?: bool
    debug_enabled?: bool
    is_valid?: bool
    corrupt?: bool
    info_tags?: [str]
    remote_alias?: str
    branch?: str | null
    owner?: str
    repo_name?: str
    version?: str
    remote_version?: str
    rollback_version?: str
    current_hash?: str
    remote_hash?: str
    repo_detected?: bool
    is_dirty?: bool
    pristine?: bool
    detached?: bool
    commits_behind?: [{sha: str, author: str, date: str, subject: str, message: str, tag: str | null}]
    commits_behind_count?: int
    git_messages?: [str]
    full_version_string?: str
    recovery_url?: str
    remote_url?: str
    changelog_url?: str
    last_error?: str
    warnings?: [str]
    anomalies?: [str]
    package_count?: int
    package_list?: [str]
}""",
)

log = Logger()

UPDATE_RESPONSE = notification(
    "notify_update_response",
    "a word on an update under way",
    params=("{application: str, proc_id: int, message: str, complete: bool}",),
)
UPDATE_REFRESHED = notification(
    "notify_update_refreshed", "it is known anew what can be updated", params=("UpdateStatus",)
)
_HOUR = 3600.0
_CLOCK = ".clock"  # the journal's record of when was looked last
_OWN_NAMES = ("moonraker", "klipper")
Name = Annotated[str, "name of the software"]


@define(eq=False, repr=False, slots=False)
class UpdateMethods(Service):
    """All software that can be updated.

    @ivar _updaters: in the order in which they are updated; what the broker itself belongs to is last.
    @ivar _own: names of the updater of the appliance, which stands for host and broker; or nothing.
    @ivar _printing: the file that is being printed, or None.
    @ivar _now: Unix time (s).
    """

    component: ClassVar[str] = "update_manager"
    _updaters: Mapping[str, Updater]
    _own: str
    _config: UpdateConfig
    _releases: Releases
    _journal: Journal
    _broadcaster: Broadcaster
    _chores: Chores
    _printing: Callable[[], str | None]
    _reactor: Any
    _now: Callable[[], float] = time.time
    busy: bool = field(init=False, default=False)
    ready: bool = field(init=False, default=False)
    _count: int = field(init=False, default=0)
    _problems: dict[str, str] = field(init=False, factory=dict)
    _looking: LoopingCall = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._looking = LoopingCall(lambda: Deferred.fromCoroutine(self._look_if_due()))
        self._looking.clock = self._reactor

    def startService(self) -> None:
        super().startService()
        self._chores.spawn(self._begin(), "finding out what is installed")

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        if self._looking.running:
            self._looking.stop()
        return None

    async def _begin(self) -> None:
        for name, updater in self._updaters.items():
            try:
                await updater.begin()
            except ApiError as error:
                self._note(name, error)
        self.ready = True
        if self._config.enable_auto_refresh and self.running:
            self._looking.start(_HOUR)

    def _note(self, name: str, error: ApiError) -> None:
        log.warn("{name}: {error}", name=name, error=error.message)
        self._problems[name] = error.message

    # Looking for updates by ourselves.

    async def _look_if_due(self) -> None:
        hour = time.localtime(self._now()).tm_hour
        first, last = self._config.refresh_window
        inside = first <= hour < last if first <= last else hour >= first or hour < last
        if not inside or self.busy or self._printing() is not None:
            return
        looked = await self._journal.read(_CLOCK)
        due = [name for name in self._updaters if self._is_due(name, looked)]
        if due:
            await self._exclusively(lambda: self._refresh(due))

    def _is_due(self, name: str, looked: Mapping[str, Any]) -> bool:
        interval = self._updaters[name].interval
        hours = self._config.refresh_interval if interval is None else interval
        return self._now() - float(looked.get(name, 0.0)) >= hours * _HOUR

    async def _refresh(self, names: list[str]) -> None:
        for name in names:
            try:
                await self._updaters[name].refresh()
                self._problems.pop(name, None)
                await self._journal.note(_CLOCK, **{name: self._now()})
            except ApiError as error:
                self._note(name, error)
        self._broadcaster.send(UPDATE_REFRESHED, {**self._status(), "busy": False})

    # One thing at a time.

    async def _exclusively(self, work: Callable[[], Awaitable[None]]) -> None:
        if self.busy:
            raise ApiError("an update is under way", 503)
        if not self.ready:
            raise ApiError("it is not known yet what is installed: try again in a moment", 503)
        if self._printing() is not None:
            raise Forbidden("not while the printer is printing")
        self.busy = True
        try:
            await work()
        finally:
            self.busy = False

    def _find(self, name: str) -> Updater:
        found = self._updaters.get(name)
        if found is None and name in _OWN_NAMES and self._own:
            found = self._updaters[self._own]
        if found is None:
            known = ", ".join(self._updaters) or "nothing"
            raise NotFound(f"there is no software {name!r} to update, only {known}")
        return found

    async def _do(
        self, what: str, updaters: list[Updater], work: Callable[[Updater, Say], Awaitable[None]]
    ) -> None:
        """Work through some software, and tell how it goes."""
        self._count += 1
        number, last = self._count, updaters[-1].name if updaters else what

        def tell(name: str, message: str, complete: bool = False) -> None:
            content = {"application": name, "proc_id": number, "message": message, "complete": complete}
            self._broadcaster.send(UPDATE_RESPONSE, content)

        async def all_of_them() -> None:
            failures = []
            for each in updaters:
                tell(each.name, f"{what} {each.name}...")
                try:
                    await work(each, partial(tell, each.name))
                except ApiError as error:
                    failures.append(error)
                    if len(updaters) > 1:
                        tell(each.name, f"Error: {error.message}")
            if len(updaters) == 1 and failures:
                raise failures[0]
            if failures:
                raise UpdateFailed("; ".join(each.message for each in failures))

        try:
            await self._exclusively(all_of_them)
        except ApiError as error:
            tell(last, f"Error: {error.message}", complete=True)
            raise
        except Exception:
            tell(last, "Error: a fault in the broker, see its log", complete=True)
            raise
        tell(last, f"{what} finished", complete=True)
        self._broadcaster.send(UPDATE_REFRESHED, self._status())

    def _status(self) -> dict[str, Any]:
        software = {}
        for name, updater in self._updaters.items():
            status = updater.status()
            if name in self._problems and "anomalies" in status:
                status["anomalies"] = [*status["anomalies"], self._problems[name]]
            software[name] = status
        return {"busy": self.busy, **self._releases.limits, "version_info": software}

    # The methods.

    @method(
        "machine.update.status", "GET /machine/update/status", result="UpdateStatus", permission=Role.VIEWER
    )
    async def status(
        self, refresh: Annotated[bool, "ask anew first, if that is possible now (deprecated)"] = False
    ) -> dict[str, Any]:
        """What is installed, and what is to be had."""
        if refresh and not self.busy and self.ready and self._printing() is None:
            await self._exclusively(lambda: self._refresh(list(self._updaters)))
        return self._status()

    @method("machine.update.refresh", "POST /machine/update/refresh", result="UpdateStatus")
    async def refresh(self, name: Name | None = None) -> dict[str, Any]:
        """Find out anew what is to be had."""
        names = list(self._updaters) if name is None else [self._find(name).name]
        await self._exclusively(lambda: self._refresh(names))
        if name is not None and names[0] in self._problems:
            raise ApiError(self._problems[names[0]], 502)
        return self._status()

    async def _upgrade(self, name: str | None) -> str:
        updaters = [self._find(name)] if name is not None else list(self._updaters.values())
        if name is None:
            updaters = [each for each in updaters if each.name == "system" or each.behind]
        await self._do("Updating", updaters, lambda each, say: each.update(say))
        return "ok"

    @method("machine.update.upgrade", "POST /machine/update/upgrade", result='"ok"', permission=Role.ADMIN)
    async def upgrade(self, name: Name | None = None) -> str:
        """Update one piece of software, or all."""
        return await self._upgrade(name)

    @method("machine.update.full", "POST /machine/update/full", result='"ok"', permission=Role.ADMIN)
    async def full(self) -> str:
        """Update all software (deprecated: machine.update.upgrade)."""
        return await self._upgrade(None)

    @method("machine.update.client", "POST /machine/update/client", result='"ok"', permission=Role.ADMIN)
    async def client(self, name: Name) -> str:
        """Update one piece of software (deprecated: machine.update.upgrade)."""
        return await self._upgrade(name)

    @method(
        "machine.update.moonraker", "POST /machine/update/moonraker", result='"ok"', permission=Role.ADMIN
    )
    async def moonraker(self) -> str:
        """Update what the broker belongs to (deprecated: machine.update.upgrade)."""
        return await self._upgrade("moonraker")

    @method("machine.update.klipper", "POST /machine/update/klipper", result='"ok"', permission=Role.ADMIN)
    async def klipper(self) -> str:
        """Update what the motion host belongs to (deprecated: machine.update.upgrade)."""
        return await self._upgrade("klipper")

    @method("machine.update.system", "POST /machine/update/system", result='"ok"', permission=Role.ADMIN)
    async def system(self) -> str:
        """Update the system's packages (deprecated: machine.update.upgrade)."""
        return await self._upgrade("system")

    @method("machine.update.rollback", "POST /machine/update/rollback", result='"ok"', permission=Role.ADMIN)
    async def rollback(self, name: Name) -> str:
        """Go back to what was installed before the last update."""
        await self._do("Rolling back", [self._find(name)], lambda each, say: each.rollback(say))
        return "ok"

    @method("machine.update.recover", "POST /machine/update/recover", result='"ok"', permission=Role.ADMIN)
    async def recover(self, name: Name, hard: Annotated[bool, "fetch all of it anew"] = False) -> str:
        """Mend what is installed."""
        if not name:
            raise BadRequest("machine.update.recover: 'name' is empty")
        await self._do("Recovering", [self._find(name)], lambda each, say: each.recover(hard, say))
        return "ok"
