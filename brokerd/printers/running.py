"""One printer of a broker: its parts built, started and stopped."""

import shutil
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.application.service import IService
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from brokerd.assembly import FOLDERS, Assembly
from brokerd.chores import settled
from brokerd.commons import Commons
from brokerd.hostlink import DetachableLink, HostLink
from brokerd.listening import Listener
from brokerd.settings import BrokerSettings

__all__ = ["RunningPrinter"]

log = Logger()


@define(eq=False, repr=False)
class RunningPrinter:
    """A printer that is served, or that can't be.

    @ivar link: the way to its motion host; started with it if it is a service that does not run.
    @ivar parts: what serves it; None if it could not be built.
    @ivar problem: why it can't be served, or an empty text.
    """

    settings: BrokerSettings
    link: HostLink
    _commons: Commons
    parts: Assembly | None = field(init=False, default=None)
    problem: str = field(init=False, default="")
    listeners: list[Listener] = field(init=False, factory=list)
    _attached: DetachableLink | None = field(init=False, default=None)
    _loading: Deferred[None] | None = field(init=False, default=None)
    _started: bool = field(init=False, default=False)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.settings.name

    def build(self) -> Assembly:
        """Make the data directory and the parts. Blocks for a moment.

        @raise OSError: if the directory can't be made.
        """
        for folder in FOLDERS:
            (self.settings.data / folder).mkdir(parents=True, exist_ok=True)
        # Uploads that an earlier broker did not finish.
        shutil.rmtree(self.settings.data / "gcodes" / ".uploads", ignore_errors=True)
        self._attached = DetachableLink(self.link)
        parts = self.parts = Assembly(self.settings, self._attached, self._commons)
        return parts

    def listen(self) -> None:
        """Open its own ports.

        @raise CannotListenError: if one can't be had; then none is open.
        """
        assert self.parts is not None
        for description in self.settings.listen:
            listener = Listener(self._commons.reactor, description, self.parts.port)
            try:
                listener.startService()
            except Exception:
                for started in self.listeners:
                    started.stopService()
                self.listeners = []
                raise
            self.listeners.append(listener)
            self.parts.addresses.append(listener.address)

    def start(self, loaded: Callable[[], Any] = lambda: None) -> None:
        """Start the parts; C{loaded} is called once its jobs are known."""
        parts = self.parts
        assert parts is not None
        self._started = True
        for service in (parts.threads, parts.database):
            if not service.running:
                service.startService()
        parts.temperatures.startService()
        for each in parts.services:
            each.startService()
        parts.house.startService()
        parts.host.startService()
        link: Any = self.link
        if IService.providedBy(link) and not link.running:
            link.startService()
        self._loading = Deferred.fromCoroutine(self._load(parts, loaded))
        self._loading.addErrback(_log_unless_cancelled)

    async def _load(self, parts: Assembly, loaded: Callable[[], Any]) -> None:
        """Take up what earlier brokers left; clients are served meanwhile."""
        await parts.history.load()
        await parts.queue.load()
        loaded()
        if self.parts is not parts:
            return  # who waited for that has stopped us
        await parts.threads.run(parts.entrance.prepare)
        await parts.metadata.load()

    def give_up(self, problem: str) -> None:
        """It can't be served; what of it runs goes on until L{stop}."""
        self.problem = problem
        if self.parts is not None and not self._started:
            self._commons.sharing.remove(self.parts)
            self.parts = None
        log.error("the printer {name} can't be served: {problem}", name=self.name, problem=problem)

    async def close(self) -> None:
        """Stop listening, and loading."""
        if self._loading is not None:
            self._loading.cancel()
        for listener in self.listeners:
            await settled(listener.stopService)

    async def leave_host(self) -> None:
        """Stop all that reacts to the motion host or to other machines."""
        if self._attached is not None:
            self._attached.detach()
        if self.parts is not None:
            await settled(self.parts.house.stopService)

    async def stop(self) -> None:
        """Stop the rest but for the database; nobody is connected any more."""
        parts, self.parts = self.parts, None
        if parts is None:
            return
        for each in reversed(parts.services):
            await settled(each.stopService)
        await settled(parts.history.settle)
        await settled(parts.host.stopService)
        await settled(parts.temperatures.stopService)

    def summary(self) -> dict[str, Any]:
        """See L{brokerd.printers.methods.ListedPrinter}."""
        parts = self.parts
        entry: dict[str, Any] = {
            "name": self.name,
            "path": f"/printers/{self.name}/",
            "port": self.listeners[0].address[1] if self.listeners else None,
        }
        if parts is None or self.problem:
            return {**entry, "state": "failed", "message": self.problem, **_NOTHING}
        stats, progress = parts.jobs.stats, parts.progress
        return {
            **entry,
            "state": parts.host.state,
            "message": parts.host.state_message,
            "print_state": stats.state,
            "filename": stats.filename,
            "progress": round(progress.value, 3),
            "print_duration": stats.print_duration,
            "total_duration": stats.total_duration,
        }


_NOTHING = {
    "print_state": "standby", "filename": "", "progress": 0.0, "print_duration": 0.0, "total_duration": 0.0,
}  # fmt: skip


def _log_unless_cancelled(failure: Failure) -> None:
    if failure.check(CancelledError) is None:
        log.failure("starting", failure)
