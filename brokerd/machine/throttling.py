"""Whether the processor is held back, on boards whose firmware says so. Blocks: runs in a worker thread."""

from collections.abc import Callable
from typing import Any

__all__ = ["throttled_state"]

_FILES = (
    "sys/devices/platform/soc/soc:firmware/get_throttled",
    "sys/class/hwmon/get_throttled",
    "sys/devices/platform/axi/soc:firmware/get_throttled",
)
_FLAGS = {
    0: "Under-Voltage Detected",
    1: "Frequency Capped",
    2: "Currently Throttled",
    3: "Temperature Limit Active",
    16: "Previously Under-Volted",
    17: "Previously Frequency Capped",
    18: "Previously Throttled",
    19: "Previously Temperature Limited",
}


def throttled_state(read: Callable[[str], str]) -> dict[str, Any] | None:
    """C{{bits, flags}}, or None where nobody says.

    @param read: gives the text of a file, or an empty one.
    """
    for name in _FILES:
        try:
            bits = int(read(name).strip(), 16)
        except ValueError:
            continue
        return {"bits": bits, "flags": [text for bit, text in _FLAGS.items() if bits & (1 << bit)]}
    return None
