"""USB devices, with their class in words and their names from the system's list of identifiers."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from brokerd.machine.peripherals.sysfs import read

__all__ = ["list_usb"]

_LISTS = ("usr/share/hwdata/usb.ids", "usr/share/misc/usb.ids", "var/lib/usbutils/usb.ids")
# USB-IF: defined class codes.
_CLASSES = {
    0x01: "Audio", 0x02: "Communications", 0x03: "Human Interface Device", 0x05: "Physical Interface Device",
    0x06: "Imaging", 0x07: "Printer", 0x08: "Mass Storage", 0x09: "Hub", 0x0A: "CDC Data",
    0x0B: "Chip/SmartCard", 0x0D: "Content Security", 0x0E: "Video", 0x0F: "Personal Healthcare",
    0x10: "Audio/Video", 0xDC: "Diagnostic", 0xE0: "Wireless", 0xEF: "Miscellaneous Device",
    0xFE: "Application Specific Interface", 0xFF: "Vendor Specific Class",
}  # fmt: skip
_SUBCLASSES = {
    (0x02, 0x02): "Abstract (modem)",
    (0xE0, 0x01): "Radio Frequency",
    (0xFE, 0x01): "Device Firmware Update",
}
_PROTOCOLS = {
    (0x09, 0, 0): "Full speed (or root) hub", (0x09, 0, 1): "Single TT", (0x09, 0, 2): "TT per port",
    (0x09, 0, 3): None, (0xEF, 2, 1): "Interface Association", (0xE0, 1, 1): "Bluetooth",
}  # fmt: skip
_VENDOR = re.compile(r"([0-9a-f]{4})  (.+)$")
_PRODUCT = re.compile(r"\t([0-9a-f]{4})  (.+)$")


def list_usb(root: Path = Path("/")) -> list[dict[str, Any]]:
    """All USB devices, in the order of bus and number."""
    found = []
    for folder in sorted((root / "sys/bus/usb/devices").glob("*")):
        bus, number, vendor = (read(folder / each) for each in ("busnum", "devnum", "idVendor"))
        if bus is not None and number is not None and vendor is not None:
            found.append(_describe(folder, int(bus), int(number), vendor))
    names = _names(root, {(each["vendor_id"], each["product_id"]) for each in found})
    for each in found:
        each["description"] = names.get((each["vendor_id"], each["product_id"]))
    return sorted(found, key=lambda each: (each["bus_num"], each["device_num"]))


def _describe(folder: Path, bus: int, number: int, vendor: str) -> dict[str, Any]:
    kind, subclass, protocol = (
        int(read(folder / f"bDevice{each}") or "0", 16) for each in ("Class", "SubClass", "Protocol")
    )
    return {
        "device_num": number,
        "bus_num": bus,
        "vendor_id": vendor,
        "product_id": read(folder / "idProduct") or "",
        "usb_location": f"{bus}:{number}",
        "manufacturer": read(folder / "manufacturer"),
        "product": read(folder / "product"),
        "serial": read(folder / "serial"),
        "class": _CLASSES.get(kind),
        "subclass": _SUBCLASSES.get((kind, subclass)),
        "protocol": _PROTOCOLS.get((kind, subclass, protocol)),
        "description": None,
    }


def _names(root: Path, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Vendor and product in words, as far as the system's list knows them."""
    for name in _LISTS:
        try:
            with (root / name).open(encoding="utf-8", errors="replace") as lines:
                return _search(lines, wanted)
        except OSError:
            continue
    return {}


def _search(lines: Iterable[str], wanted: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    vendors = {vendor for vendor, _ in wanted}
    found: dict[tuple[str, str], str] = {}
    vendor, words = "", ""
    for line in lines:
        match = _VENDOR.match(line)
        if match is not None:
            vendor, words = match.groups()
            if vendor in vendors:
                found.update({pair: words for pair in wanted if pair[0] == vendor})
            continue
        product = _PRODUCT.match(line) if vendor in vendors else None
        if product is not None and (vendor, product.group(1)) in wanted:
            found[vendor, product.group(1)] = f"{words} {product.group(2)}"
        if line.startswith("C "):
            break  # the classes follow; all vendors were before them
    return found
