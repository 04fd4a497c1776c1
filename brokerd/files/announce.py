"""Telling clients what changed in the roots."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define, field

from brokerd.files.listing import describe
from brokerd.files.roots import Location
from brokerd.notifications import Broadcaster, notification
from brokerd.threads import WorkerThreads

__all__ = ["FileChanges"]

FILELIST_CHANGED = notification(
    "notify_filelist_changed",
    "a file or directory was created, changed, moved or deleted",
    params=("FileChange",),
)


@define(eq=False, repr=False)
class FileChanges:
    """Describes changes, and sends each description to all clients.

    @ivar on_own: told of each change that the broker makes itself, before the clients are.
    """

    _threads: WorkerThreads
    _broadcaster: Broadcaster
    on_own: Callable[[Location, Location | None], Awaitable[None]] | None = field(init=False, default=None)
    _under_way: int = field(init=False, default=0)

    @property
    def busy(self) -> bool:
        """Whether the broker is changing something right now."""
        return self._under_way > 0

    @contextmanager
    def own(self) -> Iterator[None]:
        """While the broker changes files itself, until it has told of it."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def tell(self, action: str, location: Location, source: Location | None = None) -> dict[str, Any]:
        """Send one change of ours and return it: the answer to the request has the same form."""
        if self.on_own is not None:
            await self.on_own(location, source)
        return await self.tell_of_others(action, location, source)

    async def tell_of_others(
        self, action: str, location: Location, source: Location | None = None
    ) -> dict[str, Any]:
        """Send one change that somebody else made."""
        change: dict[str, Any] = {"item": await self._threads.run(describe, location)}
        if source is not None:
            change["source_item"] = {"root": source.root.name, "path": source.path}
        change["action"] = action
        self._broadcaster.send(FILELIST_CHANGED, change)
        return change
