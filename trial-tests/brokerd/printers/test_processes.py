"""C{brokerd} and three motion hosts, each in a process of its own; one host is killed while all print."""

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[3]
NAMES = ("first", "voron", "ender")
GCODE = b"G28\nG1 X10 F3000\n"


class FarmOfProcessesTests(SynchronousTestCase):
    timeout = 120

    port = 0

    def setUp(self) -> None:
        self.data = Path(tempfile.mkdtemp())  # a socket's path must be short
        self.addCleanup(subprocess.run, ["rm", "-r", str(self.data)], check=True)
        self.sockets = {name: str(self.data / f"{name}.sock") for name in NAMES}
        self.hosts = {name: self.start_host(name) for name in NAMES}

    def spawn(self, *words: str, until: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.addCleanup(self.end, process)
        assert process.stdout is not None
        self.assertTrue(select.select([process.stdout], [], [], 60)[0], f"no {until!r} within 60 s")
        line = process.stdout.readline()
        self.assertIn(until, line)
        self.said = line
        return process

    def end(self, process: subprocess.Popen[str]) -> None:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def start_host(self, name: str) -> subprocess.Popen[str]:
        if os.path.exists(self.sockets[name]):
            os.unlink(self.sockets[name])
        module = "trial-tests.brokerd.printers.host_process"
        return self.spawn("-m", module, self.sockets[name], until="listening")

    def write(self, *names: str) -> Path:
        """The configuration for these printers."""
        first, *others = names
        lines = ["[server]", f"port: {self.port}", f"printer_name: {first}"]
        lines.append(f"klippy_uds_address: {self.sockets[first]}")
        for name in others:
            lines += [f"[printer {name}]", "port: 0", f"klippy_uds_address: {self.sockets[name]}"]
        file = self.data / "moonraker.conf"
        file.write_text("\n".join(lines) + "\n")
        return file

    def start_broker(self, *names: str) -> None:
        file = self.write(*names)
        self.broker = self.spawn(
            "-m", "brokerd.cli", "-d", str(self.data / "data"), "-c", str(file), until="ready"
        )
        self.url = self.said.split()[1]

    def ask(self, path: str, value: Any = None) -> Any:
        request = urllib.request.Request(
            self.url + path,
            None if value is None else json.dumps(value).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["result"]

    def states(self) -> dict[str, tuple[str, str]]:
        found = self.ask("/server/printers")["printers"]
        return {each["name"]: (each["state"], each["print_state"]) for each in found}

    def until(self, wanted: Any) -> None:
        """Wait until the printers' states are that, whether or not the broker answers meanwhile."""
        end, found = time.monotonic() + 60, None
        while found != wanted:
            self.assertLess(time.monotonic(), end, f"{found} instead of {wanted}")
            with contextlib.suppress(OSError):
                found = self.states()
            time.sleep(0.05)

    def test_a_host_is_killed(self) -> None:
        self.start_broker(*NAMES)
        self.until(dict.fromkeys(NAMES, ("ready", "standby")))
        for name in NAMES:
            self.ask(f"/printers/{name}/printer/print/start", {"filename": f"{name}.gcode"})
        self.until(dict.fromkeys(NAMES, ("ready", "printing")))
        self.hosts["voron"].send_signal(signal.SIGKILL)
        self.hosts["voron"].wait()
        gone = {"first": ("ready", "printing"), "voron": ("disconnected", "standby"),
                "ender": ("ready", "printing")}  # fmt: skip
        self.until(gone)
        self.hosts["voron"] = self.start_host("voron")
        back = {**gone, "voron": ("ready", "standby")}
        self.until(back)
        self.ask("/printers/voron/printer/print/start", {"filename": "again.gcode"})
        self.until(dict.fromkeys(NAMES, ("ready", "printing")))
        jobs = {n: self.ask(f"/printers/{n}/server/history/list")["jobs"] for n in NAMES}
        found = {n: sorted((each["filename"], each["status"]) for each in jobs[n]) for n in NAMES}
        self.assertEqual(found, {
            "first": [("first.gcode", "in_progress")],
            "voron": [("again.gcode", "in_progress"), ("voron.gcode", "klippy_disconnect")],
            "ender": [("ender.gcode", "in_progress")],
        })  # fmt: skip

    def test_a_host_hangs(self) -> None:
        """What is asked of it waits, and nothing else does."""
        self.start_broker(*NAMES)
        self.until(dict.fromkeys(NAMES, ("ready", "standby")))
        self.hosts["voron"].send_signal(signal.SIGSTOP)
        waiting = urllib.parse.urlsplit(self.url).netloc
        asked = http.client.HTTPConnection(waiting, timeout=30)
        self.addCleanup(asked.close)
        asked.request("GET", "/printers/voron/printer/info")
        for name in ("first", "ender"):
            self.ask(f"/printers/{name}/printer/print/start", {"filename": "x.gcode"})
        self.until({"first": ("ready", "printing"), "voron": ("ready", "standby"),
                    "ender": ("ready", "printing")})  # fmt: skip
        self.assertEqual(self.ask("/printers/voron/server/info")["klippy_state"], "ready")
        self.hosts["voron"].send_signal(signal.SIGCONT)
        with asked.getresponse() as answer:
            self.assertEqual(json.load(answer)["result"]["state"], "ready")

    def test_printers_come_and_go(self) -> None:
        """A restart takes up what the file says now; a file that can't be used changes nothing."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start_broker("first", "voron")
        self.until({"first": ("ready", "standby"), "voron": ("ready", "standby")})
        self.write("first", "ender").write_text("[printer first]\nport: high\n")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.ask("/server/restart", {})
        with caught.exception as answer:
            self.assertIn("moonraker.conf:2: the option 'port'", answer.read().decode())
        self.assertEqual(set(self.states()), {"first", "voron"})
        self.write("first", "ender")
        self.ask("/server/restart", {})
        self.until({"first": ("ready", "standby"), "ender": ("ready", "standby")})
