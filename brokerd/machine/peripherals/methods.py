"""C{machine.peripherals.*}."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from attrs import define

from brokerd.machine.peripherals.canbus import list_unassigned
from brokerd.machine.peripherals.serial import list_serial
from brokerd.machine.peripherals.usb import list_usb
from brokerd.machine.peripherals.video import list_video
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape
from brokerd.threads import WorkerThreads

__all__ = ["PeripheralMethods"]

shape(
    "UsbDevice",
    """{
    device_num: int
    bus_num: int
    vendor_id: str
    product_id: str
    usb_location: str
    manufacturer: str | null
    product: str | null
    serial: str | null
    class: str | null
    subclass: str | null
    protocol: str | null
    description: str | null
}""",
)
shape(
    "SerialDevice",
    """{
    device_type: "usb" | "hardware_uart"
    device_path: str
    device_name: str
    driver_name: str
    path_by_hardware: str | null
    path_by_id: str | null
    usb_location: str | null
}""",
)
shape(
    "Camera",
    """{
    device_name: str
    device_path: str
    camera_name: str
    driver_name: str
    alt_name: str | null
    hardware_bus: str
    capabilities: [str]
    version: str
    path_by_hardware: str | null
    path_by_id: str | null
    usb_location: str | null
    modes: [{format: str, description: str, flags: [str], resolutions: [str]}]
}""",
)


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
        result="{usb_devices: [UsbDevice]}",
        permission=Role.VIEWER,
    )
    async def usb(self) -> dict[str, Any]:
        """USB devices."""
        return {"usb_devices": await self._threads.run(list_usb, self._root)}

    @method(
        "machine.peripherals.serial",
        "GET /machine/peripherals/serial",
        result="{serial_devices: [SerialDevice]}",
        permission=Role.VIEWER,
    )
    async def serial(self) -> dict[str, Any]:
        """Serial ports."""
        return {"serial_devices": await self._threads.run(list_serial, self._root)}

    @method(
        "machine.peripherals.video",
        "GET /machine/peripherals/video",
        result="{v4l2_devices: [Camera], libcamera_devices: [any]}",
        permission=Role.VIEWER,
    )
    async def video(self) -> dict[str, Any]:
        """Cameras; those behind libcamera show up as the V4L2 devices that it uses."""
        return {"v4l2_devices": await self._threads.run(list_video, self._root), "libcamera_devices": []}

    @method(
        "machine.peripherals.canbus",
        "GET /machine/peripherals/canbus",
        result="{can_uuids: [{uuid: str, application: str}]}",
        permission=Role.OPERATOR,
    )
    async def canbus(self, interface: Annotated[str, "name of a CAN interface"] = "can0") -> dict[str, Any]:
        """Nodes on a CAN bus that have no identifier yet."""
        return {"can_uuids": await self._threads.run(list_unassigned, interface)}
