"""C{python -m trial-tests.bench.whole}: memory and start of the whole, ours against a peer's host and broker.

Both serve the same simulated printer: the firmware's simulator, and the simulated printer's configuration
without heaters, since the peer's host has another form of one of their messages.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from attrs import frozen

from appliance.resources import mcu_binary

from ..appliance.running import RunningAppliance
from ..peers.process import free_port
from ..peers.test_moonraker import CONFIG
from ..peers.venv import OWN_ENVIRONMENT, peer
from .motion import PEER
from .wire import PlainSocket

__all__ = ["TITLE", "measure_whole", "put_section"]

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs" / "benchmarks" / "broker.md"
TITLE = "## The whole: motion host, broker and page"
ROUNDS = 3
WITHIN = 60.0
SETTLED = 3.0
"""s after which it is ready for good."""
HEATED = re.compile(r"\[(extruder|heater_bed|heater_fan \w+)\]")


@frozen
class Memory:
    """Resident memory of some processes (MB): all of it, and what is no file of the disk."""

    whole: float
    anonymous: float

    @classmethod
    def of(cls, *pids: int) -> "Memory":
        """What they have now. Pages that they share count twice in C{whole}, and not in C{anonymous}."""
        found = [dict(_status(pid)) for pid in pids]
        return cls(*(sum(each[name] for each in found) / 1e3 for name in ("VmRSS", "RssAnon")))


def _status(pid: int) -> Iterator[tuple[str, float]]:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if value.endswith("kB"):
            yield name, float(value.split()[0]) * 1.024


@frozen
class Run:
    """One run: s until a client sees a ready printer; memory then, and with a client that watches all."""

    start: float
    ready: Memory
    watched: Memory


def _printer(data: Path) -> str:
    text = (ROOT / "config" / "simulated-printer.cfg").read_text("utf-8").replace("@DATA@", str(data))
    sections = re.split(r"(?m)^(?=\[)", text)
    return "".join(each for each in sections if not HEATED.match(each))


def _ready(port: int) -> PlainSocket | None:
    """A client that sees a ready printer, or None."""
    try:
        client = PlainSocket(port)
    except (OSError, AssertionError):
        return None
    if b'"klippy_state":"ready"' in client.call("server.info").replace(b" ", b""):
        return client
    client.socket.close()
    return None


def _finish(began: float, port: int, processes: Callable[[], list[int]]) -> Run:
    while (client := _ready(port)) is None:
        if time.monotonic() > began + WITHIN:
            raise RuntimeError("it does not become ready")
        time.sleep(0.02)
    start = time.monotonic() - began
    time.sleep(SETTLED)
    ready = Memory.of(*processes())
    names = json.loads(client.call("printer.objects.list"))["result"]["objects"]
    client.call("printer.objects.subscribe", objects=dict.fromkeys(names))
    time.sleep(SETTLED)
    watched = Memory.of(*processes())
    with contextlib.suppress(OSError):
        client.socket.shutdown(socket.SHUT_RDWR)
    client.socket.close()
    return Run(start, ready, watched)


def run_ours() -> Run:
    """The appliance, in one process."""

    def prepare(data: Path) -> None:
        (data / "config").mkdir(parents=True)
        for name in ("simulated-printer.model", "simulated-appliance.toml"):
            shutil.copy(ROOT / "config" / name, data / "config" / name.replace("simulated-app", "app"))
        (data / "config" / "printer.cfg").write_text(_printer(data), "utf-8")

    appliance = RunningAppliance(1.0, prepare)
    try:
        began = time.monotonic()
        appliance.start()
        assert appliance.process is not None
        pid = appliance.process.pid
        return _finish(began, int(appliance.url.rpartition(":")[2]), lambda: [pid])
    finally:
        appliance.clean_up()


def run_peers() -> Run:
    """Kalico on the firmware's simulator, and Moonraker on Kalico's socket."""
    kalico, moonraker = peer("kalico", PEER, "kalico"), peer("moonraker", "moonraker==0.11.0", "moonraker")
    data = Path(tempfile.mkdtemp(prefix="whole-"))
    for name in ("config", "comms", "gcodes"):
        (data / name).mkdir()
    port, uds, link = free_port(), data / "comms" / "uds", data / "comms" / "simulated-mcu"
    (data / "config" / "printer.cfg").write_text(_printer(data), "utf-8")
    (data / "config" / "moonraker.conf").write_text(CONFIG.format(port=port, uds=uds))
    began = time.monotonic()
    running: list[subprocess.Popen[bytes]] = []

    def begin(*command: object) -> None:
        words = [str(word) for word in command]
        quiet = subprocess.DEVNULL
        running.append(subprocess.Popen(words, cwd=data, env=OWN_ENVIRONMENT, stdout=quiet, stderr=quiet))

    try:
        begin(mcu_binary("sim"), ROOT / "config" / "simulated-printer.model", "-I", link)
        begin(kalico, data / "config" / "printer.cfg", "-a", uds, "-l", data / "log", "-I", data / "tty")
        begin(moonraker, "-d", data)
        return _finish(began, port, lambda: [each.pid for each in running[1:]])
    finally:
        for each in reversed(running):
            each.terminate()
            each.wait(20)
        shutil.rmtree(data, ignore_errors=True)


def measure_whole(rounds: int = ROUNDS) -> str:
    """The section of the page, from runs in turns."""
    # Modules stay compiled from run to run, as they are where programs are installed.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    run_ours()
    ours, peers = [], []
    for turn in range(rounds):
        print(f"the whole, round {turn + 1} of {rounds}", file=sys.stderr)
        ours.append(run_ours())
        peers.append(run_peers())
    rows: list[tuple[str, Callable[[Run], float], str, str]] = [
        ("resident memory when ready", lambda run: run.ready.whole, "MB", "at most 1"),
        ("the same without what is on disk", lambda run: run.ready.anonymous, "MB", ""),
        ("with a client that watches every object", lambda run: run.watched.whole, "MB", ""),
        ("start until a client sees a ready printer (goal: 2 s)", lambda run: run.start, "s", ""),
    ]
    lines = [
        TITLE,
        "",
        "One process here; the peers are Kalico, as the motion host, and Moonraker 0.11, added up. All serve",
        f"the same simulated printer over the same firmware. {rounds} rounds in turns, medians.",
        "",
        "| | appliance | peers | ratio | goal |",
        "|---|---|---|---|---|",
    ]
    for title, value, unit, goal in rows:
        own, other = median(map(value, ours)), median(map(value, peers))
        lines.append(f"| {title} | {own:.3g} {unit} | {other:.3g} {unit} | {own / other:.2f} | {goal} |")
    return "\n".join([*lines, ""])


def put_section(page: str, section: str) -> str:
    """A page with this section at its end, in place of an older one."""
    return f"{page.partition(TITLE)[0].rstrip()}\n\n{section}"


def main() -> None:
    """Measure, and put it into the page."""
    section = measure_whole()
    print(section)
    TARGET.write_text(put_section(TARGET.read_text("utf-8"), section), "utf-8")


if __name__ == "__main__":
    main()
