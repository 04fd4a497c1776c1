"""C{machine.peripherals.*}."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from attrs import define

from brokerd.machine.peripherals.canbus import list_unassigned
from brokerd.machine.peripherals.serial import list_serial
from brokerd.machine.peripherals.usb import list_usb
from brokerd.machine.peripherals.video import list_video
from brokerd.registry.caller import Role
from brokerd.registry.declare import method
from brokerd.threads import WorkerThreads

__all__ = ["PeripheralMethods"]


@define(eq=False, repr=False)
class PeripheralMethods:
    """What is plugged in.

    @ivar _root: where /sys and /dev are.
    """

    component: ClassVar[str] = "machine"
    _threads: WorkerThreads
    _root: Path = Path("/")

    @method(
        "machine.peripherals.usb",
        "GET /machine/peripherals/usb",
        result="{usb_devices}",
        permission=Role.VIEWER,
    )
    async def usb(self) -> dict[str, Any]:
        """USB devices."""
        return {"usb_devices": await self._threads.run(list_usb, self._root)}

    @method(
        "machine.peripherals.serial",
        "GET /machine/peripherals/serial",
        result="{serial_devices}",
        permission=Role.VIEWER,
    )
    async def serial(self) -> dict[str, Any]:
        """Serial ports."""
        return {"serial_devices": await self._threads.run(list_serial, self._root)}

    @method(
        "machine.peripherals.video",
        "GET /machine/peripherals/video",
        result="{v4l2_devices, libcamera_devices}",
        permission=Role.VIEWER,
    )
    async def video(self) -> dict[str, Any]:
        """Cameras; those behind libcamera show up as the V4L2 devices that it uses."""
        return {"v4l2_devices": await self._threads.run(list_video, self._root), "libcamera_devices": []}

    @method(
        "machine.peripherals.canbus",
        "GET /machine/peripherals/canbus",
        result="{can_uuids}",
        permission=Role.OPERATOR,
    )
    async def canbus(self, interface: Annotated[str, "name of a CAN interface"] = "can0") -> dict[str, Any]:
        """Nodes on a CAN bus that have no identifier yet."""
        return {"can_uuids": await self._threads.run(list_unassigned, interface)}
