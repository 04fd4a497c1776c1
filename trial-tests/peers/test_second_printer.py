"""Clients from PyPI, unmodified, against the second printer of an appliance: its port is all they need."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from appliance.data import prepare_data

from ..appliance.running import RunningAppliance
from .client_case import ClientCase


def _prepare(data: Path) -> None:
    prepare_data(data)
    (data / "config" / "moonraker.conf").write_text("[printer second]\nport: 0\n")


class SecondPrinterTests(ClientCase):
    timeout = 600

    def setUp(self) -> None:
        self.appliance = RunningAppliance(10.0, _prepare)
        self.addCleanup(self.appliance.clean_up)
        self.appliance.start()
        second: dict[str, Any] = {}

        def ready() -> bool:
            second.update(self.appliance.call("GET", "/server/printers")["printers"][1])
            return bool(second["state"] == "ready")

        self.appliance.wait_for("the second printer", ready, 60.0)
        self.url, self.sample = f"http://127.0.0.1:{second['port']}", self.put_sample()

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
