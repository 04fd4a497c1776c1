"""Remote procedures for G-code: run a script, listen to what is answered."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from klipperd.gcode.dispatch import Dispatcher
from klipperd.objects.call import param, remote
from klipperd.remote.procedures import Client

__all__ = ["GcodeProcedures"]


@define(eq=False, repr=False)
class GcodeProcedures:
    """C{gcode/...}: all of them wait for their turn behind what runs already."""

    _dispatcher: Dispatcher
    _listening: dict[Client, Callable[[], None]] = field(factory=dict, init=False)

    @remote("gcode/help")
    async def help(self) -> Mapping[str, Any]:
        """All commands that have a help text, with it."""
        return {name: doc for name, doc in self._dispatcher.commands().items() if doc}

    @remote("gcode/script")
    async def script(self, *, script: str) -> Mapping[str, Any]:
        """Run G-code; answers when all of it is done."""
        await self._dispatcher.run_script(script)
        return {}

    @remote("gcode/restart")
    async def restart(self) -> Mapping[str, Any]:
        """RESTART."""
        await self._dispatcher.run_script("RESTART")
        return {}

    @remote("gcode/firmware_restart")
    async def firmware_restart(self) -> Mapping[str, Any]:
        """FIRMWARE_RESTART."""
        await self._dispatcher.run_script("FIRMWARE_RESTART")
        return {}

    @remote("gcode/subscribe_output", with_client=True)
    async def subscribe_output(
        self, client: Client, *, response_template: Mapping[str, Any] = param(default={})
    ) -> Mapping[str, Any]:
        """Send the client every line that G-code commands answer."""
        stop = self._listening.pop(client, None)
        if stop is not None:
            stop()  # a client hears each line once, by the last template that it gave
        else:
            client.on_close.append(lambda: self._listening.pop(client)())
        self._listening[client] = self._dispatcher.listen(
            lambda line: client.notify(response_template, {"response": line})
        )
        return {}
