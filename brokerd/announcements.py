"""C{server.announcements.*}: news for the user. The broker subscribes to no feed yet, so all is its own."""

from typing import Annotated, Any, ClassVar

from attrs import define

from brokerd.registry.caller import Role
from brokerd.registry.declare import method

__all__ = ["AnnouncementMethods"]


@define(eq=False)
class AnnouncementMethods:
    """Announcements."""

    component: ClassVar[str] = "announcements"

    @method(
        "server.announcements.list",
        "GET /server/announcements/list",
        result="{entries, feeds}",
        permission=Role.VIEWER,
    )
    async def list_entries(
        self, include_dismissed: Annotated[bool, "with those that were dismissed"] = True
    ) -> dict[str, Any]:
        """The announcements: none, without a feed."""
        return {"entries": [], "feeds": []}

    @method(
        "server.announcements.feeds",
        "GET /server/announcements/feeds",
        result="{feeds}",
        permission=Role.VIEWER,
    )
    async def feeds(self) -> dict[str, Any]:
        """The feeds that are subscribed to."""
        return {"feeds": []}
