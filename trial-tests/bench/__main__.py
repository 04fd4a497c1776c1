"""C{make bench}: measure the appliance, side by side with its peer in one run, and write the table.

Absolute numbers are this machine's; what counts are the ratios.
"""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from ..appliance.running import RunningAppliance
from ..peers.process import PeerServer, free_port
from ..peers.test_moonraker import CONFIG
from ..peers.venv import peer
from .load import cpu_seconds, rss_megabytes, time_requests, watch

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "config" / "samples" / "twisted-vase.gcode"
TARGET = ROOT / "docs" / "benchmarks" / "first-print.md"
CLIENTS = 20
PRINTING = 60.0
RUNS = 5


async def measure_lateness() -> dict[str, Any]:
    """A print in real time while 20 websocket clients watch everything."""
    appliance = RunningAppliance(1.0)
    try:
        began = time.monotonic()
        await deferToThread(appliance.start)
        start = time.monotonic() - began
        shutil.copy(SAMPLE, appliance.data / "gcodes" / SAMPLE.name)
        watchers = [await watch(appliance.url) for _ in range(CLIENTS)]
        await deferToThread(appliance.call, "POST", "/printer/print/start", {"filename": SAMPLE.name})
        await deferToThread(appliance.wait_for, "the first layer", lambda: _printing(appliance), 400)
        assert appliance.process is not None
        cpu = cpu_seconds(appliance.process.pid)
        updates = sum(w.updates for w in watchers)
        await deferLater(reactor, PRINTING)
        status = await deferToThread(appliance.status, "reactor", "print_stats")
        return {
            "start": start,
            "cpu": (cpu_seconds(appliance.process.pid) - cpu) / PRINTING,
            "rss": rss_megabytes(appliance.process.pid),
            "updates": (sum(w.updates for w in watchers) - updates) / PRINTING,
            **status["reactor"],
        }
    finally:
        await deferToThread(appliance.clean_up)


def _printing(appliance: RunningAppliance) -> bool:
    return bool(appliance.status("virtual_sdcard")["virtual_sdcard"]["progress"] > 0.01)


async def measure_requests() -> list[tuple[str, float, float, float]]:
    """server.info over HTTP, ours and the peer's in turns: name, requests/s, CPU us a request, RSS MB."""
    appliance = RunningAppliance(1.0)
    await deferToThread(appliance.start)
    folder = Path(appliance._folder.name) / "peer"
    (folder / "config").mkdir(parents=True)
    port = free_port()
    (folder / "config" / "moonraker.conf").write_text(CONFIG.format(port=port, uds=appliance.uds))
    program = await deferToThread(peer, "moonraker", "moonraker==0.11.0", "moonraker")
    moonraker = PeerServer([str(program), "-d", str(folder)], folder / "log", f"http://127.0.0.1:{port}")
    try:
        await deferToThread(
            moonraker.wait_for, "its start", lambda: moonraker.call("GET", "/server/info"), 60
        )
        assert appliance.process is not None
        pairs = [
            ("appliance", appliance.url, appliance.process.pid),
            ("moonraker", moonraker.url, moonraker.process.pid),
        ]
        found: dict[str, list[tuple[float, float]]] = {name: [] for name, _, _ in pairs}
        for _ in range(RUNS):
            for name, url, pid in pairs:
                found[name].append(await deferToThread(time_requests, url, "/server/info", pid))
        return [
            (
                name,
                _median([r for r, _ in found[name]]),
                _median([c for _, c in found[name]]),
                rss_megabytes(pid),
            )
            for name, _, pid in pairs
        ]
    finally:
        await deferToThread(moonraker.stop)
        await deferToThread(appliance.clean_up)


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


async def main() -> None:
    """Measure and write the page."""
    late = await measure_lateness()
    lines = [
        "# Benchmarks: first print",
        "",
        "Written by `make bench`. Absolute numbers are of the machine that ran it; ratios are what counts.",
        "",
        f"## The reactor during a print with {CLIENTS} websocket clients ({PRINTING:.0f} s, real time)",
        "",
        "| | |",
        "|---|---|",
        f"| lateness p50 | {late['p50'] * 1e3:.2f} ms |",
        f"| lateness p99 | {late['p99'] * 1e3:.2f} ms |",
        f"| lateness p99.9 | {late['p999'] * 1e3:.2f} ms |",
        f"| worst | {late['worst'] * 1e3:.1f} ms |",
        f"| status updates delivered | {late['updates']:.0f} a second |",
        f"| CPU of the process | {late['cpu']:.1%} of one core |",
        f"| resident memory | {late['rss']:.0f} MB |",
        f"| start to ready | {late['start']:.2f} s |",
        "",
    ]
    try:
        rows = await measure_requests()
    except SkipTest as reason:
        print(f"no comparison: {reason}", file=sys.stderr)
    else:
        (_, our_rate, our_cpu, our_rss), (_, rate, cpu, rss) = rows
        lines += [
            "## `GET /server/info` over kept connections, in turns with Moonraker 0.11 (medians of 5)",
            "",
            "| | appliance | Moonraker | ratio |",
            "|---|---|---|---|",
            f"| requests a second | {our_rate:.0f} | {rate:.0f} | {our_rate / rate:.2f} |",
            f"| CPU a request | {our_cpu:.0f} us | {cpu:.0f} us | {our_cpu / cpu:.2f} |",
            f"| resident memory | {our_rss:.0f} MB | {rss:.0f} MB | {our_rss / rss:.2f} |",
            "",
            "The appliance's memory holds the motion host too; Moonraker's is the broker alone.",
            "",
        ]
    print("\n".join(lines))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text("\n".join(lines), "utf-8")


def run_motion() -> None:
    """Measure the motion core."""
    from .motion import measure as measure_motion
    from .motion_page import write_motion_page

    try:
        made = measure_motion(lambda text: print(text, file=sys.stderr, flush=True))
    except SkipTest as reason:
        print(f"no comparison: {reason}", file=sys.stderr)
    else:
        print(write_motion_page(made))


def run() -> None:
    """Run what is named on the command line: C{motion}, C{print}; without names both."""
    names = sys.argv[1:] or ["motion", "print"]
    if "motion" in names:
        run_motion()
    if "print" in names:
        run_print()


def run_print() -> None:
    """Run the benchmark under the reactor."""
    failures: list[Any] = []

    def ended(result: Any) -> None:
        if result is not None:
            failures.append(result)
            print(result, file=sys.stderr)
        reactor.stop()

    def begin() -> None:
        done: Deferred[None] = ensureDeferred(main())
        done.addBoth(ended)

    reactor.callWhenRunning(begin)
    reactor.run()
    sys.exit(bool(failures))


if __name__ == "__main__":
    run()
