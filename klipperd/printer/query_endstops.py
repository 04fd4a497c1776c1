"""The state of endstop switches on request."""

from collections.abc import Mapping

from attrs import define, field, frozen

from klipperd.gcode.dispatch import Dispatcher
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import PrinterObject, command, remote, status_field
from klipperd.objects.call import Call

__all__ = ["QueryEndstops", "QueryEndstopsConfig", "QueryEndstopsStatus", "query_endstops"]


@frozen(kw_only=True)
class QueryEndstopsConfig:
    """There is nothing to configure."""


@frozen
class QueryEndstopsStatus:
    """Status of C{query_endstops}."""

    last_query: Mapping[str, bool] = status_field(doc="endstop -> whether it was triggered when last asked")


@define(eq=False, repr=False)
class QueryEndstops:
    """Asks the endstops of all rails."""

    _toolhead: Toolhead
    _dispatcher: Dispatcher
    _last: dict[str, bool] = field(factory=dict)

    async def _query(self) -> Mapping[str, str]:
        """Endstop -> C{open} or C{TRIGGERED}, once all moves have ended."""
        await self._toolhead.wait_moves()
        found = {}
        for endstop in self._toolhead.kinematics.endstops:
            found[endstop.name] = await endstop.endstop.query()
        self._last = found
        return {name: "TRIGGERED" if triggered else "open" for name, triggered in found.items()}

    @command("QUERY_ENDSTOPS", "M119")
    async def report(self, call: Call) -> None:
        """Report on the status of each endstop."""
        call.respond(" ".join(f"{name}:{state}" for name, state in (await self._query()).items()))

    @remote("query_endstops/status")
    async def query(self) -> Mapping[str, str]:
        """Query the endstops after any pending G-code commands."""
        async with self._dispatcher.turn():
            return await self._query()

    def status(self, eventtime: float) -> QueryEndstopsStatus:
        """The last answers."""
        return QueryEndstopsStatus(self._last)


def build_query_endstops(
    config: QueryEndstopsConfig, toolhead: Toolhead, dispatcher: Dispatcher
) -> QueryEndstops:
    """Serve the tool head's endstops."""
    return QueryEndstops(toolhead, dispatcher)


query_endstops = PrinterObject("query_endstops", QueryEndstopsConfig, build_query_endstops, internal=True)
