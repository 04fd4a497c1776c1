"""An appliance in a process of its own, as users run it, and what tests ask of it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Failed", "RunningAppliance", "ask_simulator", "multipart"]


class Failed(AssertionError):
    """Something did not happen in time; the text holds the end of the log."""


class RunningAppliance:
    """C{appliance run} with everything of its own: data, ports, sockets. All methods block."""

    def __init__(self, speed: float = 1.0, prepare: Callable[[Path], None] | None = None) -> None:
        # Unix sockets have short paths, so this is not below trial's own folder.
        self._folder = tempfile.TemporaryDirectory(prefix="appliance-")
        self.data = Path(self._folder.name) / "d"
        self.speed = speed
        self.uds, self.tty = self.data / "comms" / "u", self.data / "comms" / "tty"
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._prepare = prepare
        self.small_disk = 0
        """Size (MB) of a file system of its own for the data, 0 for none."""

    # life

    def start(self, *, ready: bool = True, within: float = 60.0) -> None:
        """Start it, and with C{ready} wait for its line C{ready URL}."""
        command = [
            sys.executable, "-m", "appliance.cli", "run", "--data", str(self.data), "--http", "127.0.0.1:0",
            "--speed", str(self.speed), "--uds", str(self.uds), "--tty", str(self.tty),
            "--host-mcu", str(self.data / "comms" / "host"),
        ]  # fmt: skip
        if self._prepare is not None:
            self._prepare(self.data)
        if self.small_disk:
            self.data.mkdir()
            mount = f'mount -t tmpfs -o size={self.small_disk}m none {self.data} && exec "$@"'
            command = ["unshare", "-rm", "sh", "-c", mount, "sh", *command]
        # A test run that is killed takes its appliances along.
        command = ["setpriv", "--pdeathsig", "TERM", *command]
        # Nothing of the test's: a worker of trial that has ended is waited for until its pipes are closed.
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if ready:
            self.wait_ready(within)

    def wait_ready(self, within: float = 60.0) -> None:
        """Wait for the line C{ready URL}."""
        assert self.process is not None
        assert self.process.stdout is not None
        output = self.process.stdout.fileno()
        os.set_blocking(output, False)
        said = b""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(BlockingIOError):
                said += os.read(output, 65536)
            for line in said.decode(errors="replace").splitlines():
                if line.startswith("ready "):
                    self.url = line.split()[1].rstrip("/")
                    return
            time.sleep(0.02)
        raise Failed(f"not ready; it said {said!r}\n{self.log_end()}")

    def stop(self, within: float = 10.0) -> int:
        """SIGTERM, and its exit code. Killed, and a failure, if it does not go within C{within} s."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"did not stop\n{self.log_end()}") from None

    def clean_up(self) -> None:
        """End it, whatever its state, and remove its files."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate()
                try:
                    self.process.wait(8)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
        self._folder.cleanup()

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def log_end(self, size: int = 6000) -> str:
        """The end of the log."""
        try:
            return (self.data / "logs" / "klippy.log").read_text("utf-8")[-size:]
        except OSError as error:
            return str(error)

    # faces

    def call(self, verb: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """One HTTP request; the C{result}. @raise Failed: with the error's text."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": kind}, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                found = json.loads(answer.read())
                return found.get("result", found)
        except urllib.error.HTTPError as error:
            raise Failed(f"{verb} {path}: {error.code} {error.read().decode(errors='replace')}") from None

    def upload(self, file: Path, **fields: str) -> Any:
        """Upload C{file} as a browser's form does; the C{result} or, without one, the whole answer."""
        body, kind = multipart(file, **fields)
        return self.call("POST", "/server/files/upload", body, kind)

    def status(self, *objects: str) -> Any:
        """The present status of printer objects, by name."""
        query = "&".join(urllib.request.quote(name) for name in objects)
        return self.call("GET", f"/printer/objects/query?{query}")["status"]

    def script(self, text: str) -> None:
        """Run G-code to its end."""
        self.call("POST", "/printer/gcode/script", {"script": text})

    def socket_call(self, method: str, **params: Any) -> Any:
        """One request to the motion host's socket; the whole answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self.uds))
            connection.sendall(json.dumps({"id": 1, "method": method, "params": params}).encode() + b"\x03")
            answer = b""
            while not answer.endswith(b"\x03"):
                piece = connection.recv(65536)
                if not piece:
                    raise Failed(f"the socket closed after {answer!r}\n{self.log_end()}")
                answer += piece
        return json.loads(answer[:-1])

    def simulator(self, **request: Any) -> Any:
        """One request to the simulated MCU's control socket."""
        return ask_simulator(self.data / "comms" / "simulated-mcu.control", **request)

    def wait_for(self, what: str, condition: Callable[[], Any], within: float = 60.0) -> Any:
        """Ask until C{condition()} is true, and give its value."""
        deadline = time.monotonic() + within
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise Failed(f"{what} did not happen within {within:g} s\n{self.log_end()}")
            time.sleep(0.05)

    def wait_state(self, state: str, within: float = 30.0) -> str:
        """Wait for the host's state, and until the broker has heard of it; give its message."""
        info: dict[str, Any] = {}

        def reached() -> bool:
            info.update(self.call("GET", "/printer/info"))
            return bool(info["state"] == state == self.call("GET", "/server/info")["klippy_state"])

        self.wait_for(f"state {state}", reached, within)
        return str(info["state_message"])

    def print_state(self) -> str:
        """C{print_stats.state}."""
        return str(self.status("print_stats")["print_stats"]["state"])


def ask_simulator(path: Path, **request: Any) -> Any:
    """One request to a simulated MCU's control socket. @raise Failed: when it is refused."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(path))
        connection.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(connection.makefile("rb").readline())
    if "error" in answer:
        raise Failed(f"the simulator refused {request}: {answer['error']}")
    return answer["result"]


def multipart(file: Path, **fields: str) -> tuple[bytes, str]:
    """Body and content type of a form with C{fields} and C{file}."""
    mark = "----boundary-of-the-test"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()
    ]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n\r\n'
    body = ("".join(parts) + head).encode() + file.read_bytes() + f"\r\n--{mark}--\r\n".encode()
    return body, f"multipart/form-data; boundary={mark}"
