"""A simulated printer whose time a test moves by hand: it holds a lease of the clock page, and the
page's speed is so high that virtual time otherwise goes as fast as the simulator can."""

import fcntl
import functools
import json
import os
import select
import shlex
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from mmap import mmap
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from .rawmcu import PATIENCE, RawMcu

ROOT = Path(__file__).parents[3]
FREQ = 20_000_000
SLACK = 0.015
SPEED = 2000.0

__all__ = ["CARTESIAN", "COREXY", "DELTA", "FREQ", "ROOT", "PageClock", "Rig", "SimTestCase", "simulator"]

_AXES = """
[axis x]
range: -2, 202
start: 50
[axis y]
range: -3, 203
start: 60
[axis z]
range: -1, 201
start: 20
"""

_REST = """
[motor z]
drives: z
step: PA6
dir: PA7
rotation_distance: 8
[motor e]
drives: e
step: PA8
dir: PA9
rotation_distance: 32
[extruder e]
motor: e
hotend: hotend
melt: 150
[endstop x]
pin: PC0
axis: x
at: 0.5
side: min
[endstop y]
pin: !PC1
axis: y
at: 200
side: max
[bed]
area: 0, 0, 200, 200
slope: 0.001, 0.0005
give: 0.3
[probe]
pin: PC2
offset: 10, -20, 2
[heater hotend]
pin: PB0
sensor_pin: PF0
power: 50
heat_capacity: 10
loss: 0.2
sensor_lag: 2
beta: 3950
max: 300
[fan part]
pin: PB1
tachometer: PC3
rpm: 3000
[filament_switch filament]
pin: PC4
active: yes
extruder: e
path: 5
[switch button]
pin: PC5
[output light]
pin: PB2
"""


def _motor(name: str, drives: str, step: str, direction: str, enable: str) -> str:
    return (
        f"[motor {name}]\ndrives: {drives}\nstep: {step}\ndir: {direction}\nenable: {enable}\n"
        "rotation_distance: 40\n"
    )


CARTESIAN = (
    "[printer]\nkinematics: cartesian\nambient: 20\n"
    + _AXES
    + _motor("x", "x", "PA0", "PA1", "!PA2")
    + _motor("y", "y", "PA3", "!PA4", "!PA5")
    + _REST
)
COREXY = (
    "[printer]\nkinematics: corexy\nambient: 20\n"
    + _AXES
    + _motor("a", "a", "PA0", "PA1", "!PA2")
    + _motor("b", "b", "PA3", "PA4", "!PA2")
    + _REST
)

DELTA = (
    CARTESIAN.replace("kinematics: cartesian", "kinematics: delta\ndelta_radius: 120\narm_length: 250")
    .replace("drives: x", "drives: ta")
    .replace("drives: y", "drives: tb")
    .replace("drives: z", "drives: tc")
    .replace("rotation_distance: 8", "rotation_distance: 40")
    .replace("axis: x\nat: 0.5\nside: min", "axis: ta\nat: 230\nside: max")
)


@functools.cache
def simulator() -> str:
    """The path of the simulator's binary, built when it is out of date. The environment's SIM_MAKE has
    further words for make, e.g. C{SANITIZE=-fsanitize=address,undefined}."""
    out = ROOT / "build" / "firmware" / "sim-tests"  # nobody else builds there
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "-s", "-C", str(ROOT / "firmware"), "TARGET=sim", f"OUT={out}"]
        command += shlex.split(os.environ.get("SIM_MAKE", ""))
        built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return str(out / "mcu-sim")


class PageClock:
    """The test's own view of a clock page; slot 0 is its lease."""

    def __init__(self, path: str, speed: float) -> None:
        self.path = path
        now = time.monotonic()
        with open(path, "w+b") as file:
            file.write(struct.pack("=QQddd", 0x314B4C434D49534B, 0, now, now, speed).ljust(4096, b"\0"))
            file.flush()
            # As doubles: each is written whole, which struct.pack_into doesn't promise.
            self.leases_view = memoryview(mmap(file.fileno(), 4096)).cast("d")[8:40]
        self.anchor, self.speed, self.start = now, speed, now
        self.set_lease(0, now)

    def set_lease(self, slot: int, until: float) -> None:
        self.leases_view[slot] = until

    def leases(self) -> list[float]:
        return self.leases_view.tolist()

    def now(self) -> float:
        now = self.start + (time.monotonic() - self.anchor) * self.speed
        return min([now, *(lease for lease in self.leases() if lease)])


class Rig:
    """A running simulator."""

    def __init__(
        self,
        folder: Path,
        model: str,
        *arguments: str,
        speed: float = SPEED,
        clock: bool = True,
        page: PageClock | None = None,
        slot: int = 16,
    ) -> None:
        folder.mkdir()
        self.folder = folder
        self.link = str(folder / "mcu")
        self.record = folder / "record.csv"
        self.errors = folder / "stderr"
        # A unix socket's path must be short, whatever the test's folder is.
        self.control_path = os.path.relpath(folder / "control")
        (folder / "model").write_text(model)
        command = [simulator(), str(folder / "model"), "-I", self.link, "--control", self.control_path]
        command += ["--record", str(self.record), "--die-with-parent", *arguments]
        if clock:
            self.clock = page or PageClock(str(folder / "page"), speed)
            command += ["--clock", self.clock.path, "--slot", str(slot)]
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(command, stderr=errors)
        self._wait_until(lambda: os.path.lexists(self.link), "the simulator doesn't start")
        self._socket: socket.socket | None = None

    @classmethod
    def beside(cls, other: "Rig", model: str, slot: int) -> "Rig":
        """A second simulator on the clock page of C{other}."""
        return cls(other.folder.with_name(f"{other.folder.name}-{slot}"), model, page=other.clock, slot=slot)

    def _wait_until(
        self, condition: Callable[[], bool], complaint: str, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        deadline = time.monotonic() + PATIENCE
        process = process or self.process
        while not condition():
            if time.monotonic() > deadline or process.poll() is not None:
                raise AssertionError(f"{complaint}: {self.errors.read_text()}")
            select.select([], [], [], 0.0005)

    def connect(self, flush: bool = True) -> RawMcu:
        """Open the firmware's port."""
        try:
            self.mcu = RawMcu(self.link, flush)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self._state()}") from error
        return self.mcu

    def _state(self) -> str:
        """What the simulator is doing, for messages."""
        process = Path(f"/proc/{self.process.pid}")
        try:
            state = (process / "stat").read_text().rsplit(")", 1)[1].split()[0]
            doing = (process / "wchan").read_text()
        except OSError as error:
            return f"no process: {error}; {self.errors.read_text()}"
        return f"process {state} in {doing}, lease {self.clock.leases()[16]}; {self.errors.read_text()}"

    def advance(self, seconds: float) -> None:
        """Let virtual time go on by so much, and not further. What comes from the firmware is kept. All that
        was sent before runs before: the simulator reads its port only each few milliseconds."""
        mcu = getattr(self, "mcu", None)
        if mcu is not None and mcu.unsynced:
            mcu.sync()
        until = self.time() + seconds
        self.clock.set_lease(0, until)

        def arrived() -> bool:
            if mcu is not None:
                mcu.poll()
            return self.clock.now() >= until

        self._wait_until(arrived, "virtual time stands still")
        self.request(cmd="report")  # the simulator's own pass is through as well
        if mcu is not None:
            mcu.sync()  # what it has sent in it has arrived

    def time(self) -> float:
        """Virtual seconds."""
        return self.clock.leases()[0]

    def mcu_clock(self, seconds: float = 0.0) -> int:
        """The firmware's clock in so many seconds from now."""
        return (self.mcu.sync() + round(seconds * FREQ)) & 0xFFFFFFFF

    def raw_request(self, line: bytes) -> dict[str, Any]:
        """Send a line to the control socket and return its answer."""
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(PATIENCE)
            self._socket.connect(self.control_path)
            self._lines: Iterator[bytes] = iter(self._socket.makefile("rb"))
        self._socket.sendall(line + b"\n")
        return json.loads(next(self._lines))  # type: ignore[no-any-return]

    def request(self, **fields: Any) -> dict[str, Any]:
        """Send a request that must succeed and return its result."""
        answer = self.raw_request(json.dumps(fields).encode())
        assert "error" not in answer, answer
        return answer["result"]  # type: ignore[no-any-return]

    def report(self) -> dict[str, Any]:
        return self.request(cmd="report")

    def stop(self) -> int:
        """End the simulator by SIGTERM; its exit code."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if hasattr(self, "mcu"):
            self.mcu.close()
            del self.mcu
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class SimTestCase(SynchronousTestCase):
    """Starts simulators and ends them after the test."""

    timeout = 120

    def rig(self, model: str = CARTESIAN, *arguments: str, connect: bool = True, **options: Any) -> Rig:
        """A simulator of C{model}, and its firmware's port opened."""
        rig = Rig(Path(self.mktemp()).absolute(), model, *arguments, **options)
        self.addCleanup(rig.stop)
        if connect:
            rig.connect()
        return rig
