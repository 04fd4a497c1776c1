"""C{machine.device_power.*}, and the macros' C{set_device_power}."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from attrs import define
from twisted.internet.defer import Deferred, gatherResults

from brokerd.errors import BadRequest, NotFound
from brokerd.integrations.power.device import PowerDevice
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape
from brokerd.registry.parameters import OTHERS

__all__ = ["PowerMethods"]

shape("PowerState", '"on" | "off" | "init" | "error"')
shape("PowerDevice", "{device: str, status: PowerState, locked_while_printing: bool, type: str}")

Name = Annotated[str, "name of the device"]
Names = Annotated[dict[str, Any], "names of devices, with null for each", OTHERS]


@define(eq=False, repr=False)
class PowerMethods:
    """Shows and switches devices."""

    component: ClassVar[str] = "power"
    _devices: Mapping[str, PowerDevice]

    def _find(self, name: str) -> PowerDevice:
        found = self._devices.get(name)
        if found is None:
            close = difflib.get_close_matches(name, list(self._devices), 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise NotFound(f"there is no power device {name!r}{hint}")
        return found

    def _chosen(self, names: Mapping[str, Any]) -> list[PowerDevice]:
        if not names:
            raise BadRequest("name at least one power device")
        return [self._find(name) for name in names]

    async def _all(self, names: Mapping[str, Any], action: str) -> dict[str, str]:
        chosen = self._chosen(names)
        work = [Deferred.fromCoroutine(each.request(action)) for each in chosen]
        states = await gatherResults(work, consumeErrors=True).addErrback(_first_failure)
        return dict(zip((each.name for each in chosen), states, strict=True))

    @method(
        "machine.device_power.devices",
        "GET /machine/device_power/devices",
        result="{devices: [PowerDevice]}",
        permission=Role.VIEWER,
    )
    async def devices(self) -> dict[str, Any]:
        """All power devices."""
        return {"devices": [each.describe() for each in self._devices.values()]}

    @method(
        "machine.device_power.get_device",
        "GET /machine/device_power/device",
        result="{*: PowerState}",
        permission=Role.VIEWER,
    )
    async def get_device(self, device: Name) -> dict[str, str]:
        """The state of a device; it is asked."""
        found = self._find(device)
        return {found.name: await found.refresh()}

    @method("machine.device_power.post_device", "POST /machine/device_power/device", result="{*: PowerState}")
    async def post_device(
        self, device: Name, action: Annotated[Literal["on", "off", "toggle"], "what to do"]
    ) -> dict[str, str]:
        """Switch a device."""
        found = self._find(device)
        return {found.name: await found.request(action)}

    @method(
        "machine.device_power.status",
        "GET /machine/device_power/status",
        result="{*: PowerState}",
        permission=Role.VIEWER,
    )
    async def status(self, devices: Names) -> dict[str, str]:
        """The states of devices; they are asked."""
        chosen = self._chosen(devices)
        states = await gatherResults([Deferred.fromCoroutine(each.refresh()) for each in chosen])
        return dict(zip((each.name for each in chosen), states, strict=True))

    @method("machine.device_power.on", "POST /machine/device_power/on", result="{*: PowerState}")
    async def on(self, devices: Names) -> dict[str, str]:
        """Switch devices on."""
        return await self._all(devices, "on")

    @method("machine.device_power.off", "POST /machine/device_power/off", result="{*: PowerState}")
    async def off(self, devices: Names) -> dict[str, str]:
        """Switch devices off."""
        return await self._all(devices, "off")

    async def set_from_macro(self, device: str, state: Any, force: bool = False) -> None:
        """The remote method C{set_device_power}."""
        action = {True: "on", False: "off"}.get(state, state) if isinstance(state, bool) else state
        await self._find(device).request(str(action).lower(), bool(force))


def _first_failure(failure: Any) -> Any:
    """The error of the first device that failed, rather than that of the list of them."""
    first = getattr(failure.value, "subFailure", None)
    return first if first is not None else failure
