"""Cameras: what V4L2 says of each capture device, asked by ioctl (linux/videodev2.h)."""

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from brokerd.machine.peripherals.sysfs import link_to, read, usb_location

__all__ = ["list_video"]

Ioctl = Callable[[int, int, bytearray], Any]

_QUERYCAP = 0x80685600  # _IOR('V', 0, struct v4l2_capability), 104 bytes
_ENUM_FMT = 0xC0405602  # _IOWR('V', 2, struct v4l2_fmtdesc), 64 bytes
_ENUM_FRAMESIZES = 0xC02C564A  # _IOWR('V', 74, struct v4l2_frmsizeenum), 44 bytes
_DEVICE_CAPS = 1 << 31
_VIDEO_CAPTURE = 1
_DISCRETE = 1
_MOST = 64  # formats, and sizes of each
_CAPABILITIES = {
    0: "VIDEO_CAPTURE", 1: "VIDEO_OUTPUT", 2: "VIDEO_OVERLAY", 4: "VBI_CAPTURE", 12: "VIDEO_CAPTURE_MPLANE",
    13: "VIDEO_OUTPUT_MPLANE", 14: "VIDEO_M2M_MPLANE", 15: "VIDEO_M2M", 16: "TUNER", 17: "AUDIO",
    18: "RADIO", 19: "MODULATOR", 21: "EXT_PIX_FORMAT", 22: "SDR_OUTPUT", 23: "META_CAPTURE",
    24: "READWRITE", 26: "STREAMING", 27: "META_OUTPUT", 28: "TOUCH", 29: "IO_MC",
}  # fmt: skip
_FLAGS = {0: "COMPRESSED", 1: "EMULATED"}


def _ioctl(descriptor: int, request: int, data: bytearray) -> None:
    fcntl.ioctl(descriptor, request, data)


def list_video(root: Path = Path("/"), ioctl: Ioctl = _ioctl) -> list[dict[str, Any]]:
    """All devices that capture video."""
    found = []
    for folder in sorted((root / "sys/class/video4linux").glob("video*"), key=_number):
        try:
            descriptor = os.open(root / "dev" / folder.name, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            described = _describe(root, folder, partial(ioctl, descriptor))
        except OSError:
            continue
        finally:
            os.close(descriptor)
        if described is not None:
            found.append(described)
    return found


def _number(folder: Path) -> int:
    digits = folder.name.removeprefix("video")
    return int(digits) if digits.isdigit() else -1


Ask = Callable[[int, bytearray], Any]


def _text(data: bytes) -> str:
    return data.split(b"\0")[0].decode("utf-8", "replace")


def _flags(bits: int, names: dict[int, str]) -> list[str]:
    return [name for bit, name in names.items() if bits & (1 << bit)]


def _describe(root: Path, folder: Path, ask: Ask) -> dict[str, Any] | None:
    data = bytearray(104)
    ask(_QUERYCAP, data)
    driver, card, bus, version, capabilities, of_device = struct.unpack_from("=16s32s32sIII", data)
    if capabilities & _DEVICE_CAPS:
        capabilities = of_device
    if not capabilities & _VIDEO_CAPTURE:
        return None
    return {
        "device_name": folder.name,
        "device_path": f"/dev/{folder.name}",
        "camera_name": _text(card),
        "driver_name": _text(driver),
        "alt_name": read(folder / "name"),
        "hardware_bus": _text(bus),
        "capabilities": _flags(capabilities, _CAPABILITIES),
        "version": f"{version >> 16}.{(version >> 8) & 0xFF}.{version & 0xFF}",
        "path_by_hardware": link_to(root, "v4l/by-path", folder.name),
        "path_by_id": link_to(root, "v4l/by-id", folder.name),
        "usb_location": usb_location(Path(os.path.realpath(folder / "device"))),
        "modes": list(_modes(ask)),
    }


def _modes(ask: Ask) -> Iterator[dict[str, Any]]:
    """The formats that come in discrete sizes."""
    for index in range(_MOST):
        data = bytearray(struct.pack("=II", index, _VIDEO_CAPTURE).ljust(64, b"\0"))
        try:
            ask(_ENUM_FMT, data)
        except OSError:
            return
        _, _, flags, description, fourcc = struct.unpack_from("=III32s4s", data)
        sizes = list(_sizes(ask, fourcc))
        if sizes:
            yield {
                "format": fourcc.decode("latin-1").strip(),
                "description": _text(description),
                "flags": _flags(flags, _FLAGS),
                "resolutions": sizes,
            }


def _sizes(ask: Ask, fourcc: bytes) -> Iterator[str]:
    for index in range(_MOST):
        data = bytearray((struct.pack("=I", index) + fourcc).ljust(44, b"\0"))
        try:
            ask(_ENUM_FRAMESIZES, data)
        except OSError:
            return
        _, _, kind, width, height = struct.unpack_from("=I4sIII", data)
        if kind != _DISCRETE:
            return
        yield f"{width}x{height}"
