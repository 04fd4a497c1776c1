"""How far a print is."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from brokerd.printer.session import HostSession
from brokerd.printer.subscriptions import Watcher

__all__ = ["PrintProgress"]


@define(eq=False, repr=False)
class PrintProgress:
    """Follows the host's C{virtual_sdcard}.

    @ivar value: 0 to 1.
    """

    _host: HostSession
    value: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._host.hub.want(Watcher(self._changed), {"virtual_sdcard": ["progress"]})
        self._host.follow(self)

    async def host_ready(self) -> None:
        """The subscription brings what there is to know."""

    def host_stopped(self, state: str) -> None:
        """A print does not survive its host."""
        self.value = 0.0

    def _changed(self, status: Mapping[str, Mapping[str, Any]], eventtime: float) -> None:
        value = status.get("virtual_sdcard", {}).get("progress")
        if isinstance(value, int | float):
            self.value = float(value)
