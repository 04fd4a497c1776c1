"""What the machine is: processor, system, network, card. Blocks: runs in a worker thread."""

import fcntl
import os
import platform
import socket
import struct
import subprocess
import sys
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import orjson

__all__ = ["describe_machine", "own_unit"]

_SIOCGIFADDR = 0x8915
_ARPHRD_CAN = "280"


# Codes that cards give their makers, as far as they are known in public.
_CARD_MAKERS = {
    "01": "Panasonic", "02": "Toshiba", "03": "Sandisk", "08": "Silicon Power", "18": "Infineon",
    "1b": "Samsung", "1d": "AData", "27": "Phison", "28": "Lexar", "31": "Silicon Power", "41": "Kingston",
    "6f": "STMicroelectronics", "74": "Transcend", "76": "Patriot", "82": "Sony", "9c": "Angelbird",
}  # fmt: skip


def _read(path: Path | str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


def _fields(text: str, separator: str) -> dict[str, str]:
    pairs = (line.partition(separator) for line in text.splitlines())
    return {name.strip(): value.strip().strip('"') for name, sign, value in pairs if sign}


def describe_machine() -> dict[str, Any]:
    """The C{system_info} object of the API, but for the system's services."""
    return {
        "python": {"version": list(sys.version_info), "version_string": sys.version.replace("\n", " ")},
        "cpu_info": _cpu(),
        "sd_info": _card(),
        "distribution": _distribution(),
        "virtualization": _virtualization(),
        "network": _network(),
        "canbus": _canbus(),
    }


def _cpu() -> dict[str, Any]:
    info = _fields(_read("/proc/cpuinfo"), ":")
    memory = _fields(_read("/proc/meminfo"), ":").get("MemTotal", "").split()
    return {
        "cpu_count": os.cpu_count(),
        "bits": f"{struct.calcsize('P') * 8}bit",
        "processor": platform.machine(),
        "cpu_desc": info.get("model name", ""),
        "serial_number": info.get("Serial", ""),
        "hardware_desc": info.get("Hardware", ""),
        "model": info.get("Model", "") or _read("/proc/device-tree/model").strip("\0"),
        "total_memory": int(memory[0]) if memory else None,
        "memory_units": memory[1] if len(memory) > 1 else "",
    }


def _card() -> dict[str, Any]:
    """The SD card, if the system has one."""
    device = Path("/sys/block/mmcblk0/device")
    if _read(device / "type") != "SD":
        return {}
    revision = int(_read(device / "hwrev") or "0", 16), int(_read(device / "fwrev") or "0", 16)
    total = int(_read("/sys/block/mmcblk0/size") or 0) * 512
    return {
        "manufacturer_id": _read(device / "manfid")[-2:],
        "manufacturer": _CARD_MAKERS.get(_read(device / "manfid")[-2:].lower(), "Unknown"),
        "oem_id": _read(device / "oemid")[-4:],
        "product_name": _read(device / "name"),
        "product_revision": f"{revision[0]}.{revision[1]}",
        "serial_number": _read(device / "serial").removeprefix("0x"),
        "manufacturer_date": _read(device / "date"),
        "capacity": f"{total / 2**30:.1f} GiB",
        "total_bytes": total,
    }


def _distribution() -> dict[str, Any]:
    release = _fields(_read("/etc/os-release"), "=")
    version = release.get("VERSION_ID", "")
    parts = [*version.split("."), "", "", ""][:3]
    return {
        "name": release.get("PRETTY_NAME", ""),
        "id": release.get("ID", ""),
        "version": version,
        "version_parts": {"major": parts[0], "minor": parts[1], "build_number": parts[2]},
        "like": release.get("ID_LIKE", ""),
        "codename": release.get("VERSION_CODENAME", ""),
        "release_info": release,
        "kernel_version": platform.release(),
    }


def _virtualization() -> dict[str, str]:
    container = _read("/run/systemd/container") or ("docker" if Path("/.dockerenv").exists() else "")
    if container:
        return {"virt_type": "container", "virt_identifier": container}
    if " hypervisor" in _read("/proc/cpuinfo"):
        vendor = _read("/sys/class/dmi/id/sys_vendor").lower() or "unknown"
        return {"virt_type": "vm", "virt_identifier": vendor}
    return {"virt_type": "none", "virt_identifier": "none"}


def _network() -> dict[str, Any]:
    """Interfaces that have an address, without the loopback."""
    six = _addresses_v6()
    found = {}
    for _, name in socket.if_nameindex():
        addresses = _addresses_v4(name) + six.get(name, [])
        if name != "lo" and addresses:
            mac = _read(f"/sys/class/net/{name}/address")
            found[name] = {"mac_address": mac, "ip_addresses": addresses}
    return found


def _addresses_v4(interface: str) -> list[dict[str, Any]]:
    request = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe, _SIOCGIFADDR, request)
        except OSError:
            return []
    address = socket.inet_ntoa(answer[20:24])
    return [{"family": "ipv4", "address": address, "is_link_local": address.startswith("169.254.")}]


def _addresses_v6() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in _read("/proc/net/if_inet6").splitlines():
        digits, *_, interface = line.split()
        address = IPv6Address(int(digits, 16))
        entry = {"family": "ipv6", "address": str(address), "is_link_local": address.is_link_local}
        found.setdefault(interface, []).append(entry)
    return found


def _canbus() -> dict[str, Any]:
    """CAN interfaces; their bit rates as C{ip} tells them, which asks the kernel over netlink."""
    found: dict[str, Any] = {}
    for interface in Path("/sys/class/net").glob("*"):
        if _read(interface / "type") == _ARPHRD_CAN:
            driver = os.path.basename(os.path.realpath(interface / "device/driver"))
            length = int(_read(interface / "tx_queue_len") or 0)
            found[interface.name] = {"tx_queue_len": length, "bitrate": None, "driver": driver}
    if found:
        for name, bit_rate in _bit_rates().items():
            if name in found:
                found[name]["bitrate"] = bit_rate
    return found


def _bit_rates() -> dict[str, int]:
    try:
        words = ("ip", "-json", "-details", "link", "show", "type", "can")
        listed = orjson.loads(subprocess.run(words, capture_output=True, timeout=2, check=True).stdout)
        timings = {each["ifname"]: each["linkinfo"]["info_data"]["bittiming"] for each in listed}
        return {name: int(timing["bitrate"]) for name, timing in timings.items()}
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return {}


def own_unit() -> str:
    """The systemd unit that this process runs in, without its suffix; empty outside of systemd."""
    for part in reversed(_read("/proc/self/cgroup").splitlines()[-1:]):
        for segment in reversed(part.split("/")):
            if segment.endswith(".service") and not segment.startswith("user@"):
                return segment.removesuffix(".service")
    return ""
