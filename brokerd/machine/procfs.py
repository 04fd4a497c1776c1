"""Load of the machine and of this process, from /proc and /sys. Blocks: runs in a worker thread."""

import os
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from brokerd.machine.throttling import throttled_state

__all__ = ["LoadMeter", "Sample"]

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
_INTERFACE_FIELDS = (
    ("rx_bytes", 0), ("tx_bytes", 8), ("rx_packets", 1), ("tx_packets", 9),
    ("rx_errs", 2), ("tx_errs", 10), ("rx_drop", 3), ("tx_drop", 11),
)  # fmt: skip


@frozen
class Sample:
    """One look at the machine.

    @ivar process: {time (Unix s), cpu_usage (%), memory (kB), mem_units}.
    @ivar cpu_temperature: in C, or None.
    @ivar cpus: per CPU and in all, busy percentage.
    @ivar uptime: seconds.
    @ivar throttled: {bits, flags}, or None where nobody says.
    """

    process: dict[str, Any]
    cpu_temperature: float | None
    network: dict[str, dict[str, Any]]
    cpus: dict[str, float]
    memory: dict[str, int]
    uptime: float
    throttled: dict[str, Any] | None = None


class _Kept:
    """A file of the kernel's that stays open until its last reference goes: it is read each second.

    That costs half of opening it each time.

    @raise OSError: if it can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = -1
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> str:
        """What it says now."""
        text = b""
        while part := os.pread(self._descriptor, 1 << 16, len(text)):
            text += part
        return text.decode()

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


@define(eq=False, repr=False)
class LoadMeter:
    """Takes samples; rates are those since the one before.

    @ivar root: where /proc and /sys are (for tests).
    """

    root: Path = Path("/")
    _files: dict[str, _Kept | None] = field(init=False, factory=dict)
    _last_time: float = field(init=False, default=0.0)
    _last_process: float = field(init=False, default=0.0)
    _last_cpus: dict[str, tuple[float, float]] = field(init=False, factory=dict)
    _last_bytes: dict[str, int] = field(init=False, factory=dict)

    def sample(self, unix_time: float, monotonic: float) -> Sample:
        """Look now."""
        elapsed = monotonic - self._last_time
        self._last_time = monotonic
        return Sample(
            process=self._process(unix_time, elapsed),
            cpu_temperature=self._cpu_temperature(),
            network=self._network(elapsed),
            cpus=self._cpus(),
            memory=self._memory(),
            uptime=float(self._read("proc/uptime", "0").split()[0]),
            throttled=throttled_state(self._read),
        )

    def _read(self, path: str, default: str = "") -> str:
        """A file's text; one that was not there at first is not looked for again."""
        try:
            if path not in self._files:
                self._files[path] = None
                self._files[path] = _Kept(self.root / path)
            kept = self._files[path]
            return kept.read() if kept is not None else default
        except OSError:
            return default

    def _process(self, unix_time: float, elapsed: float) -> dict[str, Any]:
        times = os.times()
        used, before = times.user + times.system, self._last_process
        self._last_process = used
        usage = 100.0 * (used - before) / elapsed if before and elapsed > 0 else 0.0
        pages = self._read("proc/self/statm").split()
        return {
            "time": unix_time,
            "cpu_usage": round(usage, 2),
            "memory": int(pages[1]) * _PAGE_KB if pages else None,
            "mem_units": "kB" if pages else None,
        }

    def _cpu_temperature(self) -> float | None:
        text = self._read("sys/class/thermal/thermal_zone0/temp").strip()
        return round(int(text) / 1000.0, 2) if text.lstrip("-").isdigit() else None

    def _network(self, elapsed: float) -> dict[str, dict[str, Any]]:
        found = {}
        for line in self._read("proc/net/dev").splitlines()[2:]:
            name, _, rest = line.partition(":")
            numbers = [int(each) for each in rest.split()]
            usage: dict[str, Any] = {each: numbers[index] for each, index in _INTERFACE_FIELDS}
            name = name.strip()
            total = usage["rx_bytes"] + usage["tx_bytes"]
            before = self._last_bytes.get(name, total)
            self._last_bytes[name] = total
            usage["bandwidth"] = round((total - before) / elapsed, 2) if elapsed > 0 else 0.0
            found[name] = usage
        return found

    def _cpus(self) -> dict[str, float]:
        found = {}
        for line in self._read("proc/stat").partition("intr")[0].splitlines():
            name, *fields = line.split()
            if not name.startswith("cpu"):
                break
            numbers = [int(each) / _TICKS for each in fields[:8]]
            total, idle = sum(numbers), numbers[3] + numbers[4]
            total_before, idle_before = self._last_cpus.get(name, (total, idle))
            self._last_cpus[name] = total, idle
            passed = total - total_before
            found[name] = round(100.0 * (1.0 - (idle - idle_before) / passed), 2) if passed > 0 else 0.0
        return found

    def _memory(self) -> dict[str, int]:
        fields = {}
        for line in self._read("proc/meminfo").splitlines()[:3]:  # total, free, available
            name, _, rest = line.partition(":")
            fields[name] = int(rest.split()[0])
        if "MemTotal" not in fields:
            return {}
        total, available = fields["MemTotal"], fields.get("MemAvailable", fields.get("MemFree", 0))
        return {"total": total, "available": available, "used": total - available}
