"""Telling clients what changed in the roots."""

from collections.abc import Mapping
from typing import Any

from attrs import define

from brokerd.files.listing import describe
from brokerd.files.roots import Location
from brokerd.notifications import Broadcaster, notification
from brokerd.threads import WorkerThreads

__all__ = ["FileChanges"]

FILELIST_CHANGED = notification(
    "notify_filelist_changed", "a file or directory was created, changed, moved or deleted: {action, item}"
)


@define(eq=False)
class FileChanges:
    """Describes changes, and sends each description to all clients."""

    _threads: WorkerThreads
    _broadcaster: Broadcaster

    async def tell(self, action: str, location: Location, source: Location | None = None) -> dict[str, Any]:
        """Send one change and return it: the answer to the request that made it has the same form."""
        change: dict[str, Any] = {"item": await self._threads.run(describe, location)}
        if source is not None:
            change["source_item"] = {"root": source.root.name, "path": source.path}
        change["action"] = action
        self._broadcaster.send(FILELIST_CHANGED, change)
        return change

    def tell_described(self, change: Mapping[str, Any]) -> None:
        """Send a change that is described already."""
        self._broadcaster.send(FILELIST_CHANGED, change)
