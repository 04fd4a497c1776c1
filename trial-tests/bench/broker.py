"""C{python -m trial-tests.bench.broker}: our broker against Moonraker, with and without its speedups.

All drive the same small motion host over its socket. Rounds go in turns, so that a busy moment hits all;
the table shows medians, and what counts are the ratios to the better peer.
"""

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.threads import blockingCallFromThread

from ..brokerd.fake_host import FakeHost, FakeHostServer
from ..peers.process import free_port
from ..peers.venv import OWN_ENVIRONMENT, peer
from .load import rss_megabytes
from .wire import PlainSocket, get_rate, quantile, receive_all

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs" / "benchmarks" / "broker.md"
ROUNDS = 3
REQUESTS = 4000
WATCHERS = 200
FAN_OUT = 6.0  # seconds
UPLOAD = 100_000_000
CONFIG = """\
[server]
host: 127.0.0.1
port: {port}
max_websocket_connections: 1000
klippy_uds_address: {uds}
[authorization]
trusted_clients: 127.0.0.1
[file_manager]
check_klipper_config_path: False
[machine]
provider: none
validate_service: False
"""


class BenchHost(FakeHost):
    """A host that lists what the peers look for."""

    async def do_list_endpoints(self, client: Any, params: Any) -> Any:
        names = ("list", "query", "subscribe")
        return {"endpoints": ["info", "gcode/script", "gcode/help", *(f"objects/{each}" for each in names)]}


@define(eq=False)
class Rival:
    """One running broker and what was measured of it."""

    name: str
    command: list[str]
    folder: Path
    uds: Path
    port: int = field(factory=free_port)
    found: dict[str, list[float]] = field(factory=dict)
    process: Any = None

    def note(self, what: str, value: float) -> None:
        self.found.setdefault(what, []).append(value)

    def middle(self, what: str) -> float:
        return median(self.found[what])

    def start(self) -> None:
        """Start, and measure how long that takes."""
        data = self.folder / self.name
        shutil.rmtree(data, ignore_errors=True)
        (data / "config").mkdir(parents=True)
        (data / "config" / "moonraker.conf").write_text(CONFIG.format(port=self.port, uds=self.uds))
        environment = (
            {**OWN_ENVIRONMENT, "PYTHONPATH": str(ROOT)} if self.name == "brokerd" else OWN_ENVIRONMENT
        )
        began = time.monotonic()
        self.process = subprocess.Popen(
            [*self.command, "-d", str(data)], cwd=data, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while b'"ready"' not in self._info():
            if time.monotonic() > began + 60:
                raise RuntimeError(f"{self.name} does not become ready: {self._info()!r}")
            time.sleep(0.02)
        self.note("start", time.monotonic() - began)

    def _info(self) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/server/info")
            return connection.getresponse().read()
        except OSError:
            return b""
        finally:
            connection.close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    @property
    def cpu(self) -> float:
        """CPU that it has used (s), to the nanosecond: its clock as clock_getcpuclockid(3) gives it."""
        return time.clock_gettime((~self.process.pid << 3) | 2)


def measure_rpc(rival: Rival) -> None:
    """server.info over one websocket, back to back."""
    client = PlainSocket(rival.port)
    for _ in range(200):
        client.call("server.info")
    cpu, start = rival.cpu, time.monotonic()
    for _ in range(REQUESTS):
        client.call("server.info")
    rival.note("rpc cpu", (rival.cpu - cpu) / REQUESTS * 1e6)
    rival.note("rpc rate", REQUESTS / (time.monotonic() - start))
    client.socket.close()


def measure_get(rival: Rival) -> None:
    """GET /server/info over 20 kept connections."""
    get_rate(rival.port, "/server/info", 20, 0.5)
    cpu = rival.cpu
    count, took = get_rate(rival.port, "/server/info", 20, 3.0)
    rival.note("get rate", count / took)
    rival.note("get cpu", (rival.cpu - cpu) / count * 1e6)


def measure_fan_out(rival: Rival, host: FakeHost) -> None:
    """200 subscribers, 4 updates of 2 KB a second."""
    sockets = [PlainSocket(rival.port) for _ in range(WATCHERS)]
    for each in sockets:
        answer = each.call("printer.objects.subscribe", objects={"toolhead": None})
        assert b"eventtime" in answer, answer
    delays: list[float] = []

    def heard(message: bytes, now: float) -> None:
        start = message.find(b"sent=")
        if start >= 0:
            delays.append(now - float(message[start + 5 : message.index(b";", start)]))

    ended = threading.Event()

    def update() -> None:
        filling = "x" * 2000
        while not ended.wait(0.25):
            change = lambda: host.change("toolhead", note=f"sent={time.monotonic():.6f};{filling}")  # noqa: E731
            blockingCallFromThread(reactor, change)

    sender = threading.Thread(target=update)
    sender.start()
    receive_all(sockets, time.monotonic() + 1.0, lambda message, now: None)
    cpu = rival.cpu
    receive_all(sockets, time.monotonic() + FAN_OUT, heard)
    rival.note("fan cpu", (rival.cpu - cpu) / FAN_OUT * 100)
    rival.note("fan p50", quantile(delays, 0.5) * 1e3)
    rival.note("fan p99", quantile(delays, 0.99) * 1e3)
    rival.note("fan delivered", len(delays) / FAN_OUT)
    ended.set()
    sender.join()
    for each in sockets:
        each.socket.close()


def measure_upload(rival: Rival) -> None:
    """100 MB uploaded, while another client asks server.info."""
    waits: list[float] = []
    peak = [rss_megabytes(rival.process.pid)]
    before = peak[0]
    ended = threading.Event()

    def ask() -> None:
        client = PlainSocket(rival.port)
        while not ended.is_set():
            start = time.monotonic()
            client.call("server.info")
            waits.append(time.monotonic() - start)
            peak[0] = max(peak[0], rss_megabytes(rival.process.pid))
            time.sleep(0.002)
        client.socket.close()

    asking = threading.Thread(target=ask)
    asking.start()
    cpu, start = rival.cpu, time.monotonic()
    _send_upload(rival.port)
    took = time.monotonic() - start
    rival.note("upload cpu", rival.cpu - cpu)
    ended.set()
    asking.join()
    rival.note("upload time", took)
    rival.note("upload p99", quantile(waits, 0.99) * 1e3)
    rival.note("upload growth", peak[0] - before)


def _send_upload(port: int) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="big.gcode"\r\n\r\n'
    tail = b"\r\n--b--\r\n"
    block = b"G1 X10.123 Y20.456 E0.0123\n" * 4000
    count = UPLOAD // len(block)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.putrequest("POST", "/server/files/upload")
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", str(len(head) + count * len(block) + len(tail)))
    connection.endheaders(head)
    for _ in range(count):
        connection.send(block)
    connection.send(tail)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 201:
        raise RuntimeError(f"the upload was answered with {answer.status}: {text[:300]!r}")
    connection.close()


def measure(folder: Path, host: FakeHost, uds: Path) -> list[Rival]:
    """Everything, in turns. Runs in a thread."""
    ours = [sys.executable, "-c", "from brokerd.cli import main; main()"]
    rivals = [Rival("brokerd", ours, folder, uds)]
    for name, requirement in (("moonraker", "moonraker"), ("moonraker-speedups", "moonraker[speedups]")):
        program = peer(name, f"{requirement}==0.11.0", "moonraker")
        rivals.append(Rival(name, [str(program)], folder, uds))
    for turn in range(ROUNDS):
        for rival in rivals:
            print(f"round {turn + 1} of {ROUNDS}: {rival.name}", file=sys.stderr)
            rival.start()
            try:
                time.sleep(1.0)
                rival.note("rss", rss_megabytes(rival.process.pid))
                measure_rpc(rival)
                measure_get(rival)
                measure_fan_out(rival, host)
                measure_upload(rival)
            finally:
                rival.stop()
    return rivals


# what is measured, its unit, the goal for the ratio to the better peer, whether less is better
ROWS = (
    ("rpc cpu", "`server.info` over a websocket: CPU a request", "us", "at most 0.5", True),
    ("get rate", "`GET /server/info`, 20 connections: requests a second", "", "at least 3", False),
    ("get cpu", "the same: CPU a request", "us", "", True),
    ("fan cpu", "fan-out to 200 subscribers, 4 x 2 KB a second: CPU of one core", "%", "at most 0.2", True),
    ("fan p50", "the same: half of the updates arrive within", "ms", "", True),
    ("fan p99", "the same: 99 of 100 within", "ms", "at most 0.33", True),
    ("upload time", "upload of 100 MB", "s", "", True),
    ("upload cpu", "the same: CPU", "s", "", True),
    ("upload p99", "the same: 99 of 100 `server.info` meanwhile within (goal: 20 ms)", "ms", "", True),
    ("upload growth", "the same: growth of resident memory", "MB", "", True),
    ("rss", "resident memory when ready", "MB", "", True),
    ("start", "start to ready (goal: 2 s)", "s", "", True),
)


def page(rivals: list[Rival]) -> str:
    """The table."""
    ours, plain, quick = rivals
    lines = [
        "# Benchmarks: the broker",
        "",
        f"Written by `make bench`: {ROUNDS} rounds in turns, medians. The brokers drive the same small",
        "motion host over its socket. Absolute numbers are of the machine that ran it, perhaps busy;",
        "what counts is the ratio to the better peer.",
        "",
        "| | brokerd | Moonraker 0.11 | with speedups | ratio | goal |",
        "|---|---|---|---|---|---|",
    ]
    for what, title, unit, goal, less in ROWS:
        values = [each.middle(what) for each in (ours, plain, quick)]
        better = min(values[1:]) if less else max(values[1:])
        ratio = f"{values[0] / better:.2f}" if better > 0 else ""
        shown = " | ".join(
            f"{each:.3g} {unit}".strip() if each < 1000 else f"{each:.0f} {unit}".strip() for each in values
        )
        lines.append(f"| {title} | {shown} | {ratio} | {goal} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Run the host here and the measurements in a thread."""
    folder = Path(tempfile.mkdtemp(prefix="broker-bench-"))
    uds = folder / "uds"
    host = BenchHost()
    host.objects["toolhead"]["note"] = ""  # peers pass on only what was there at first
    failures: list[BaseException] = []

    def work() -> None:
        try:
            text = page(measure(folder, host, uds))
            print(text)
            TARGET.write_text(text, "utf-8")
        except BaseException as error:
            failures.append(error)
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            reactor.callFromThread(reactor.stop)

    reactor.listenUNIX(str(uds), FakeHostServer(host))
    reactor.callInThread(work)
    reactor.run()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(bool(failures))


if __name__ == "__main__":
    main()
