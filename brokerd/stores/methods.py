"""The methods that read the stores."""

from typing import Annotated, Any, ClassVar

from attrs import define

from brokerd.errors import BadRequest
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape
from brokerd.stores.console import ConsoleStore
from brokerd.stores.temperatures import TemperatureStore

__all__ = ["StoreMethods"]

shape(
    "TemperatureHistory",
    """{
    temperatures?: [num | null]  # C, one a second, the last one newest
    targets?: [num | null]
    powers?: [num | null]  # 0 to 1
    speeds?: [num | null]
}""",
)


@define(eq=False, repr=False)
class StoreMethods:
    """What clients draw when they connect."""

    component: ClassVar[str] = "data_store"
    _temperatures: TemperatureStore
    _console: ConsoleStore

    @method(
        "server.temperature_store",
        "GET /server/temperature_store",
        result="{*: TemperatureHistory}",
        permission=Role.VIEWER,
    )
    async def temperature_store(
        self, include_monitors: Annotated[bool, "with sensors whose values may be null"] = False
    ) -> dict[str, Any]:
        """Temperatures of the last minutes, one value a second."""
        return self._temperatures.histories(include_monitors)

    @method(
        "server.gcode_store",
        "GET /server/gcode_store",
        result='{gcode_store: [{message: str, time: num, type: "command" | "response"}]}',
        permission=Role.VIEWER,
    )
    async def gcode_store(self, count: Annotated[int | None, "how many lines"] = None) -> dict[str, Any]:
        """The last lines of the console."""
        if count is not None and count < 0:
            raise BadRequest(f"server.gcode_store: argument 'count' must be 0 or more, not {count}")
        return {"gcode_store": self._console.last(count)}
