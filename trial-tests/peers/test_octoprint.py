"""A stock OctoPrint from PyPI on our pseudo-tty: it connects and prints a file."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ..appliance.running import RunningAppliance
from .process import PeerServer, free_port
from .venv import peer

SAMPLE = Path(__file__).parents[2] / "config" / "samples" / "twisted-vase.gcode"
KEY = "C0FFEE00C0FFEE00C0FFEE00C0FFEE00"
CONFIG = f"""\
api:
  key: {KEY}
server:
  firstRun: false
  onlineCheck:
    enabled: false
  pluginBlacklist:
    enabled: false
plugins:
  _disabled: [softwareupdate, tracking, announcements, errortracking, discovery, backup]
serial:
  additionalPorts: [TTY]
  autoconnect: false
  log: false
"""


class OctoPrintTests(SynchronousTestCase):
    timeout = 1500

    def test_connect_and_print(self) -> None:
        program = peer("octoprint", "octoprint==1.11.8", "octoprint")
        appliance = RunningAppliance(20.0)
        self.addCleanup(appliance.clean_up)
        appliance.start()
        data = Path(self.mktemp()).absolute()
        os.makedirs(data)
        (data / "config.yaml").write_text(CONFIG.replace("TTY", str(appliance.tty)))
        port = free_port()
        octoprint = PeerServer(
            [
                str(program),
                "serve",
                "--iknowwhatimdoing",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "-b",
                str(data),
            ],
            data / "out.log",
            f"http://127.0.0.1:{port}",
            {"X-Api-Key": KEY},
        )
        self.addCleanup(octoprint.stop)
        octoprint.wait_for("OctoPrint to start", lambda: octoprint.call("GET", "/api/version"), 120)
        octoprint.call(
            "POST", "/api/connection", {"command": "connect", "port": str(appliance.tty), "baudrate": 250000}
        )

        def state() -> str:
            return str(octoprint.call("GET", "/api/connection")["current"]["state"])

        def temperature() -> bool:
            return bool(
                octoprint.call("GET", "/api/printer")["temperature"].get("tool0", {}).get("actual", 0) > 15
            )

        octoprint.wait_for("OctoPrint to connect", lambda: state() == "Operational", 60)
        octoprint.wait_for("temperatures", temperature, 30)
        octoprint.upload("/api/files/local", SAMPLE, select="true", print="true")
        octoprint.wait_for("the print to begin", lambda: state().startswith("Printing"), 60)

        def complete() -> bool:
            job = octoprint.call("GET", "/api/job")
            return bool(job["state"] == "Operational" and (job["progress"]["completion"] or 0) >= 100)

        octoprint.wait_for("the end of the print", complete, 600)
        report = appliance.simulator(cmd="report")
        self.assertEqual(report["faults"]["late_steps"], 0)
        self.assertGreater(report["extruders"]["extruder"]["net"], 300)
