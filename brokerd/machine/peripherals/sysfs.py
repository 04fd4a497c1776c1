"""Reading sysfs. Its root is a parameter, so that tests bring their own."""

import os
from pathlib import Path

__all__ = ["link_to", "read", "usb_location"]


def read(path: Path) -> str | None:
    """The text of an attribute, or None if there is none."""
    try:
        return path.read_text(errors="replace").strip() or None
    except OSError:
        return None


def link_to(root: Path, folder: str, name: str) -> str | None:
    """The link in C{/dev/FOLDER} that leads to the device C{name}, or None."""
    try:
        links = sorted((root / "dev" / folder).iterdir())
    except OSError:
        return None
    for link in links:
        if os.path.basename(os.path.realpath(link)) == name:
            return f"/dev/{folder}/{link.name}"
    return None


def usb_location(device: Path) -> str | None:
    """Bus and device number of the USB device that a sysfs directory belongs to, or None."""
    for folder in (device, *device.parents):
        bus, number = read(folder / "busnum"), read(folder / "devnum")
        if bus is not None and number is not None:
            return f"{int(bus)}:{int(number)}"
        if folder.name in ("devices", "sys"):
            return None
    return None
