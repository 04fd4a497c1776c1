"""Clients from PyPI, unmodified, against the second printer of an appliance: its port is all they need."""

import json
import subprocess
import urllib.request
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from appliance.data import prepare_data

from ..appliance.running import RunningAppliance
from .test_clients import FOLDER, GCODE
from .venv import OWN_ENVIRONMENT, peer


def _prepare(data: Path) -> None:
    prepare_data(data)
    (data / "config" / "moonraker.conf").write_text("[printer second]\nport: 0\n")


class SecondPrinterTests(SynchronousTestCase):
    timeout = 600

    def setUp(self) -> None:
        self.appliance = RunningAppliance(10.0, _prepare)
        self.addCleanup(self.appliance.clean_up)
        self.appliance.start()
        while True:
            with urllib.request.urlopen(f"{self.appliance.url}/server/printers", timeout=20) as answer:
                second = json.load(answer)["result"]["printers"][1]
            if second["state"] == "ready":
                break
        self.url = f"http://127.0.0.1:{second['port']}"
        self.sample = Path(self.mktemp()).absolute() / "sample.gcode"
        self.sample.parent.mkdir(parents=True)
        self.sample.write_text(GCODE)

    def use(self, name: str, requirement: str, least: int) -> None:
        """Run a client's script against the second printer; all of its calls must succeed."""
        python = peer(name, requirement, "python")
        script = FOLDER / f"use_{name.replace('-', '_')}.py"
        done = subprocess.run(
            [python, script, self.url, self.sample],
            capture_output=True, text=True, timeout=90, env=OWN_ENVIRONMENT,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        found = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual({call: error for call, error in found.items() if error}, {})
        self.assertGreaterEqual(len(found), least)

    def test_clients(self) -> None:
        """What they sent is on the second printer, and not on the first."""
        self.use("moonraker-api", "moonraker-api==4.0.0", 16)
        self.use("moonrakerpy", "moonrakerpy==0.2.2", 5)
        self.use("moonraker-client", "moonraker-client==0.2.0", 60)
        said = {}
        for name, url in (("first", self.appliance.url), ("second", self.url)):
            with urllib.request.urlopen(f"{url}/server/gcode_store", timeout=20) as answer:
                said[name] = json.load(answer)["result"]["gcode_store"]
        self.assertIn("M118 hello", [each["message"] for each in said["second"]])
        self.assertEqual([each for each in said["first"] if each["type"] == "command"], [])
