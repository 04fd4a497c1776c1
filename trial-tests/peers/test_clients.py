"""Clients from PyPI, unmodified, against the appliance with its simulated printer.

Each is installed into an environment of its own and makes the calls of its script in C{clients/}; all of them
must succeed. What is left out: what would shut down, restart or change the machine that runs the tests, and
devices that nobody configured (power, wled, sensors), which answer 404 here as elsewhere.
"""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

from ..appliance.running import RunningAppliance
from .client_case import ClientCase
from .venv import OWN_ENVIRONMENT, peer

# klipperctl's commands, as words; FILE stands for a file to upload.
COMMANDS = (
    "auth info", "auth api-key", "auth whoami", "server info", "server config", "server logs",
    "server announcements", "printer info", "printer status", "printer temps", "printer objects",
    "printer query toolhead", "printer endstops", "printer gcode-help", "printer gcode M118_x",
    "files upload FILE", "files list", "files info sample.gcode", "files scan sample.gcode",
    "files thumbnails sample.gcode", "files mkdir gcodes/made", "files rmdir gcodes/made --yes",
    "history list",
    "history totals", "queue status", "queue add sample.gcode", "queue pause", "queue start",
    "system info", "system health", "system services", "system peripherals", "update status",
    "print progress",
)  # fmt: skip


class ClientTests(ClientCase):
    timeout = 1200

    def setUp(self) -> None:
        self.appliance = RunningAppliance(10.0)
        self.addCleanup(self.appliance.clean_up)
        self.appliance.start()
        self.appliance.wait_state("ready")
        self.url, self.sample = self.appliance.url, self.put_sample()

    def test_moonraker_client(self) -> None:
        self.use("moonraker-client", "moonraker-client==0.2.0", 60)

    def test_moonraker_api(self) -> None:
        self.use("moonraker-api", "moonraker-api==4.0.0", 16)

    def test_pymoonraker(self) -> None:
        self.use("pymoonraker", "pymoonraker==0.1.0", 28)

    def test_moonrakerpy(self) -> None:
        self.use("moonrakerpy", "moonrakerpy==0.2.2", 5)

    def test_klipperctl(self) -> None:
        program = peer("klipperctl", "klipperctl==0.2.0", "klipperctl")
        failed = {}
        for words in COMMANDS:
            arguments = [str(self.sample) if word == "FILE" else word for word in words.split()]
            if words.startswith("printer gcode "):
                arguments[-1] = "M118 hello"
            done = subprocess.run(
                [program, "--url", self.url, "--json", *arguments],
                capture_output=True, text=True, timeout=60, env=OWN_ENVIRONMENT,
            )  # fmt: skip
            if done.returncode:
                failed[words] = (done.stdout + done.stderr)[-400:]
        self.assertEqual(failed, {})

    def test_klipper_tui(self) -> None:
        """It runs in a terminal and shows the printer's temperatures."""
        program = peer("klipper-tui", "klipper-tui==0.20.2", "klipper-tui")
        port = self.url.rpartition(":")[2]
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 140, 1400, 900))
        environment = {**OWN_ENVIRONMENT, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "45"}
        process = subprocess.Popen(
            [program, "127.0.0.1", "-p", port, "--render", "unicode"],
            stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        try:
            shown, end = b"", time.monotonic() + 60
            while not (b"Homed" in shown and b"Bed" in shown and "°C".encode() in shown):
                self.assertLess(time.monotonic(), end, shown[-2000:])
                if select.select([ours], [], [], 1)[0]:
                    shown += os.read(ours, 65536)
            self.assertNotIn(b"Traceback", shown)
        finally:
            process.kill()
            process.wait()
            os.close(ours)
