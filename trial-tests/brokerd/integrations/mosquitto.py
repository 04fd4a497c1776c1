"""A real MQTT broker for tests: Debian's mosquitto, on a port of its own for each test case."""

import os
import socket
import subprocess
import time
from pathlib import Path

from ..servers import environment, program

MOSQUITTO = program("mosquitto")
MISSING = None if MOSQUITTO else "mosquitto is not installed (Debian: mosquitto)"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """One running broker; C{stop} and C{start} again keep its port."""

    def __init__(self, folder: Path, *lines: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        options = lines or ("allow_anonymous true",)
        user = ("user root",) if os.geteuid() == 0 else ()
        text = "\n".join([f"listener {self.port} 127.0.0.1", "persistence false", *user, *options])
        self._config.write_text(text + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(MOSQUITTO),
        )
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise RuntimeError("mosquitto does not listen")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
