"""One appliance with three printers: two motion hosts in its process, a third one behind a socket."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from appliance.data import prepare_data
from appliance.settings import Settings, SettingsError, further_settings

from .running import RunningAppliance

GCODE = "G28\n" + "".join(f"G1 X{20 + each % 60} Y{20 + each % 40} Z5 F6000\n" for each in range(60))
CONFIG = """
[server]
printer_name: left
[printer right]
port: 0
[printer apart]
klippy_uds_address: {data_path}/comms/apart.sock
"""


class SeveralPrintersTests(SynchronousTestCase):
    timeout = 180

    def setUp(self) -> None:
        self.appliance = RunningAppliance(5.0, self.prepare)
        self.addCleanup(self.appliance.clean_up)

    def prepare(self, data: Path) -> None:
        prepare_data(data)
        (data / "config" / "moonraker.conf").write_text(CONFIG)

    def ask(self, path: str, value: Any = None) -> Any:
        content = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(
            self.appliance.url + path, content, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["result"]

    def until(self, field: str, **wanted: str) -> None:
        """Wait until the printers are as wanted."""

        def are_so() -> bool:
            found = {each["name"]: each[field] for each in self.ask("/server/printers")["printers"]}
            return {name: found[name] for name in wanted} == wanted

        self.appliance.wait_for(f"{field}: {wanted}", are_so, 120.0)

    def gcodes(self, name: str) -> Path:
        data = self.appliance.data
        return (data if name == "left" else data / "printers" / name) / "gcodes"

    def test_each_by_itself(self) -> None:
        """Two print at once; one is stopped and started again while the other prints on."""
        self.appliance.start()
        self.until("state", left="ready", right="ready", apart="disconnected")
        for name in ("left", "right"):
            (self.gcodes(name) / f"{name}.gcode").write_text(GCODE)
            self.ask(f"/printers/{name}/printer/print/start", {"filename": f"{name}.gcode"})
        self.until("print_state", left="printing", right="printing")
        self.ask("/printers/right/printer/emergency_stop", {})
        self.until("state", left="ready", right="shutdown")
        self.until("print_state", left="complete")
        self.ask("/printers/right/printer/firmware_restart", {})
        self.until("state", left="ready", right="ready", apart="disconnected")
        found = {}
        for name in ("left", "right", "apart"):
            jobs = self.ask(f"/printers/{name}/server/history/list")["jobs"]
            found[name] = [(each["filename"], each["status"]) for each in jobs]
        self.assertEqual(found, {"left": [("left.gcode", "completed")],
                                 "right": [("right.gcode", "klippy_shutdown")], "apart": []})  # fmt: skip
        infos = [self.ask(f"/printers/{name}/printer/info") for name in ("left", "right")]
        self.assertEqual([Path(each["config_file"]).parents[1] for each in infos],
                         [self.appliance.data, self.appliance.data / "printers" / "right"])  # fmt: skip
        self.assertEqual(self.appliance.stop(), 0)

    def test_a_bad_printer_is_alone_with_it(self) -> None:
        """Neither a printer.cfg with a mistake nor settings that can't be used touch the first printer."""

        def prepare(data: Path) -> None:
            prepare_data(data)
            text = "[server]\nprinter_name: left\n[printer right]\n[printer worse]\n"
            (data / "config" / "moonraker.conf").write_text(text)
            for name in ("right", "worse"):
                prepare_data(data / "printers" / name)
            (data / "printers" / "right" / "config" / "printer.cfg").write_text(
                "[printer]\nkinematic: none\n"
            )
            (data / "printers" / "worse" / "config" / "appliance.toml").write_text('http = ":80"\n')

        self.appliance._prepare = prepare
        self.appliance.start()
        self.until("state", left="ready", right="error", worse="failed")
        entries = {each["name"]: each["message"] for each in self.ask("/server/printers")["printers"]}
        self.assertIn("printer.cfg:2", entries["right"])
        self.assertIn("appliance.toml: http counts for all printers", entries["worse"])
        self.assertEqual(self.appliance.stop(), 0)

    def test_bad_configuration_is_said(self) -> None:
        self.appliance.data.mkdir()
        prepare_data(self.appliance.data)
        file = self.appliance.data / "config" / "moonraker.conf"
        file.write_text("[printer right]\nport: 7125\n")
        done = subprocess.run(
            [sys.executable, "-m", "appliance.cli", "run", "--data", str(self.appliance.data)],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("moonraker.conf:2: the option 'port' of [printer right]", done.stderr)


class FurtherSettingsTests(SynchronousTestCase):
    """What a further printer's C{appliance.toml} says."""

    timeout = 20

    def setUp(self) -> None:
        self.data = Path(self.mktemp()).absolute()
        (self.data / "config").mkdir(parents=True)
        self.first = Settings(Path("/first"), speed=3.0, uds="/first/u")

    def read(self, text: str) -> Settings:
        (self.data / "config" / "appliance.toml").write_text(text)
        return further_settings(self.data, self.first)

    def test_defaults(self) -> None:
        settings = self.read("")
        self.assertEqual(
            (settings.uds, settings.tty), (f"{self.data}/comms/klippy.sock", f"{self.data}/comms/printer")
        )
        self.assertEqual((settings.speed, settings.run_host_mcu, settings.simulators), (3.0, False, ()))
        self.assertEqual(settings.config_file, self.data / "config" / "printer.cfg")

    def test_own(self) -> None:
        settings = self.read('speed = 2.0\ntty = "/x/tty"\n[[simulator]]\nmodel = "m"\nserial = "s"\n')
        self.assertEqual((settings.speed, settings.tty, len(settings.simulators)), (2.0, "/x/tty", 1))

    def test_mistakes(self) -> None:
        for text, said in (
            ('http = ":1"', "counts for all"),
            ('uds = "/first/u"', "is taken"),
            ("x = 1", "unknown"),
        ):
            error = self.assertRaises(SettingsError, self.read, text)
            self.assertIn(said, str(error))
            self.assertIn(str(self.data), str(error))
