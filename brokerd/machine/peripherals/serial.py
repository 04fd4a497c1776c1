"""Serial ports: UARTs of the board and USB adapters."""

import os
from pathlib import Path
from typing import Any

from brokerd.machine.peripherals.sysfs import link_to, read, usb_location

__all__ = ["list_serial"]


def list_serial(root: Path = Path("/")) -> list[dict[str, Any]]:
    """All serial ports that have hardware behind them."""
    found = []
    for port in sorted((root / "sys/class/tty").glob("*")):
        driver = port / "device" / "driver"
        if not driver.exists() or _is_empty(port):
            continue
        device = Path(os.path.realpath(port / "device"))
        location = usb_location(device)
        found.append(
            {
                "device_type": "usb" if location is not None else "hardware_uart",
                "device_path": f"/dev/{port.name}",
                "device_name": port.name,
                "driver_name": os.path.basename(os.path.realpath(driver)),
                "path_by_hardware": link_to(root, "serial/by-path", port.name),
                "path_by_id": link_to(root, "serial/by-id", port.name),
                "usb_location": location,
            }
        )
    return found


def _is_empty(port: Path) -> bool:
    """The 8250 driver makes ports for hardware that is not there; those have the type 0."""
    return read(port / "type") == "0"
