"""The names and addresses under which clients find this machine: what its certificate must hold."""

import fcntl
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

__all__ = ["own_addresses", "own_names"]

_SIOCGIFADDR = 0x8915
_IF_INET6 = Path("/proc/net/if_inet6")


def own_names() -> list[str]:
    """Host names, without a domain and with C{.local}."""
    host = socket.gethostname().lower().partition(".")[0]
    names = ["localhost", host, f"{host}.local", f"{host}.lan"]
    return list(dict.fromkeys(each for each in names if each.strip(".")))


def own_addresses() -> list[str]:
    """IP addresses of all interfaces."""
    return list(dict.fromkeys(["127.0.0.1", "::1", *_addresses_4(), *_addresses_6()]))


def _addresses_4() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(any_socket.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue  # no IPv4 on this one
            yield str(IPv4Address(answer[20:24]))


def _addresses_6() -> Iterator[str]:
    try:
        lines = _IF_INET6.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        yield str(IPv6Address(bytes.fromhex(line.split()[0])))
