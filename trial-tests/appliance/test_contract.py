"""C{appliance contract}: names in a folder of lists, compared with what is declared."""

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from appliance.contract import Coverage, coverage, render_table

FILES = {
    "config_options.json": {"stepper_x": {"step_pin": "", "no_such_pin": ""}, "no_such_section": {}},
    "gcode_commands.json": {"G28": [], "NO_SUCH_COMMAND": ["X"]},
    "status_fields.json": {"toolhead": ["position"]},
    "uds_methods.json": ["info", "no/such"],
    "broker_api.json": {
        "server": {"rpc": ["server.info", "server.none"], "http": ["GET /server/info"]},
        "notifications": ["notify_klippy_ready"],
    },
    "broker_config.json": {
        "server": {"port": "7125", "gcode_store_size": "1", "odd": ""},
        "power plug": {"type": "tasmota", "address": "x", "pin": "of another type"},
        "sensor any": {"type": "mqtt", "parameter_power": ""},
        "gcode_macro M": {"gcode": ""},
        "include other.conf": {},
        "section_name": {"opt": ""},
        "strange": {"x": ""},
    },
}


class ContractTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        for name, content in FILES.items():
            (self.folder / name).write_text(json.dumps(content))
        self.found: dict[str, Coverage] = {each.kind: each for each in coverage(self.folder)}

    def test_broker_configuration(self) -> None:
        self.assertEqual(self.found["broker sections"].missing, ("strange",))
        missing = ("[power plug] pin", "[server] odd", "[strange] x")
        self.assertEqual(self.found["broker options"].missing, missing)
        self.assertEqual(len(self.found["broker options"].served), 7)

    def test_names(self) -> None:
        self.assertEqual(self.found["API methods"].missing, ("server.none",))
        self.assertEqual(self.found["config options"].missing, ("[stepper_x] no_such_pin",))
        self.assertEqual(self.found["G-code commands"].missing, ("NO_SUCH_COMMAND",))
        self.assertEqual(self.found["remote procedures"].missing, ("no/such",))
        self.assertIn("missing: strange", render_table(self.found.values()))

    def test_missing_file(self) -> None:
        (self.folder / "broker_config.json").unlink()
        self.assertRaises(OSError, coverage, self.folder)
