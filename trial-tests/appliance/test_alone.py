"""Motion host and broker as two processes, each by its own command, joined by the socket alone."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from appliance.resources import default_file, mcu_binary

from .running import Failed, RunningAppliance, ask_simulator


class AloneTests(SynchronousTestCase):
    timeout = 180

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="alone-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = self.folder / "data"
        for name in ("config", "gcodes", "logs", "comms"):
            (self.data / name).mkdir(parents=True)
        text = default_file("simulated-printer.cfg").read_text("utf-8")
        (self.data / "config" / "printer.cfg").write_text(text.replace("@DATA@", str(self.data)))
        self.uds = self.folder / "uds"

    def run_beside(self, *command: object) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

        def end() -> None:
            process.terminate()
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()

        self.addCleanup(end)
        return process

    def test_two_processes(self) -> None:
        control = self.folder / "control"
        model = default_file("simulated-printer.model")
        self.run_beside(
            mcu_binary("sim"), model, "-I", self.data / "comms" / "simulated-mcu", "--control", control
        )
        log = self.data / "logs" / "klippy.log"
        host = self.run_beside(
            sys.executable, "-m", "klipperd.cli", self.data / "config" / "printer.cfg",
            "-a", self.uds, "-l", log, "-I", self.folder / "tty",
        )  # fmt: skip
        (self.data / "config" / "moonraker.conf").write_text(
            f"[server]\nhost: 127.0.0.1\nport: 0\nklippy_uds_address: {self.uds}\n"
        )
        broker = self.run_beside(sys.executable, "-m", "brokerd.cli", "-d", self.data)
        seen = RunningAppliance()
        self.addCleanup(seen.clean_up)
        seen.process = broker
        seen.wait_ready()
        seen.process = None
        seen.wait_for(
            "the broker to find the host", lambda: seen.call("GET", "/server/info")["klippy_connected"]
        )
        seen.wait_state("ready", 60)
        seen.script("G28 X")
        self.assertEqual(seen.status("toolhead")["toolhead"]["homed_axes"], "x")

        def duty() -> float:
            return float(ask_simulator(control, cmd="report")["heaters"]["extruder"]["duty"])

        seen.script("M104 S200")
        seen.wait_for("the heater", lambda: duty() > 0)

        # The host goes and leaves no heater on; the broker stays and says so.
        host.send_signal(signal.SIGTERM)
        self.assertEqual(host.wait(10), 0)
        seen.wait_for("the heater to be off", lambda: duty() == 0, 1.0)
        self.assertFalse(self.uds.exists())
        deadline = time.monotonic() + 20
        while seen.call("GET", "/server/info")["klippy_connected"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        error = self.assertRaises(Failed, seen.call, "GET", "/printer/info")
        self.assertIn("503", str(error))
        self.assertTrue(os.path.exists(log))
