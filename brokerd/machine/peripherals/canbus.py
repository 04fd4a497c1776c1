"""CAN: nodes that have no identifier yet, asked over the bus's administration (identifiers 0x3f0 and 0x3f1).

A request is one byte, 0x00. Each node without an identifier answers with 0x20, its six-byte UUID and, since
some years, the number of the program that it runs.
"""

import re
import socket
import struct
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

from brokerd.errors import ApiError, BadRequest

__all__ = ["CanSocket", "list_unassigned", "open_can"]

_TO_NODES, _FROM_NODES = 0x3F0, 0x3F1
_QUERY, _ANSWER = 0x00, 0x20
_FRAME = struct.Struct("=IB3x8s")
_APPLICATIONS = {0x01: "Klipper", 0x11: "Katapult"}
_PATIENCE = 2.0  # seconds
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,15}")


class CanSocket(Protocol):
    """What is used of a raw CAN socket."""

    def send(self, frame: bytes, /) -> int:
        """Send one frame."""

    def recv(self, size: int, /) -> bytes:
        """Receive one frame."""

    def settimeout(self, seconds: float, /) -> None:
        """Limit the next receive."""

    def close(self) -> None:
        """Close it."""


def open_can(interface: str) -> CanSocket:
    """A raw socket on an interface that hears only answers of nodes.

    @raise OSError: if there is no such interface, or the system has no CAN.
    """
    can = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
    try:
        can.setsockopt(socket.SOL_CAN_RAW, socket.CAN_RAW_FILTER, struct.pack("=II", _FROM_NODES, 0x7FF))
        can.bind((interface,))
    except OSError:
        can.close()
        raise
    return can


def list_unassigned(
    interface: str,
    open_socket: Callable[[str], CanSocket] = open_can,
    clock: Callable[[], float] = monotonic,
) -> list[dict[str, Any]]:
    """Nodes without an identifier. Takes two seconds.

    @raise ApiError: if the interface can't be used.
    """
    if _NAME.fullmatch(interface) is None:
        raise BadRequest(f"{interface!r} is no name of a network interface")
    try:
        can = open_socket(interface)
    except OSError as error:
        raise ApiError(
            f"the CAN interface {interface} can't be used: {error.strerror or error}", 503
        ) from None
    try:
        can.send(_FRAME.pack(_TO_NODES, 1, bytes([_QUERY]).ljust(8, b"\0")))
        return _collect(can, clock)
    except OSError as error:
        raise ApiError(f"the CAN interface {interface} failed: {error.strerror or error}", 503) from None
    finally:
        can.close()


def _collect(can: CanSocket, clock: Callable[[], float]) -> list[dict[str, Any]]:
    found: dict[str, str] = {}
    end = clock() + _PATIENCE
    while (left := end - clock()) > 0.0:
        can.settimeout(left)
        try:
            frame = can.recv(_FRAME.size)
        except TimeoutError:
            break
        identifier, length, data = _FRAME.unpack(frame)
        if identifier & 0x7FF != _FROM_NODES or length < 7 or data[0] != _ANSWER:
            continue
        program = data[7] if length > 7 else 0x01
        found[data[1:7].hex()] = _APPLICATIONS.get(program, "Unknown")
    return [{"uuid": uuid, "application": program} for uuid, program in found.items()]
