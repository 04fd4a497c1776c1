"""A delta, homed and moved on the simulated printer: the rods are the judge."""

from math import cos, pi, sin
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from appliance.settings import SETTINGS_FILE

from .running import Failed, RunningAppliance

CONFIG = Path(__file__).parents[2] / "config"


def as_delta(data: Path) -> None:
    """The files of a delta in a folder of data."""
    text = (CONFIG / "kinematics" / "delta.cfg").read_text().replace("@DATA@", str(data))
    (data / "config").mkdir(parents=True)
    (data / "config" / "printer.cfg").write_text(text)
    model = (CONFIG / "simulated-delta.model").read_text()
    (data / "config" / "simulated-printer.model").write_text(model)
    (data / SETTINGS_FILE).write_text((CONFIG / "simulated-appliance.toml").read_text())


class DeltaTests(SynchronousTestCase):
    timeout = 120

    def setUp(self) -> None:
        self.appliance = RunningAppliance(30.0, as_delta)
        self.addCleanup(self.appliance.clean_up)
        self.appliance.start()

    def assert_at(self, *wanted: float) -> None:
        """The head is where it should be, within what steps of 0.0125 mm are worth."""
        self.appliance.script("M400")
        report: dict[str, Any] = self.appliance.simulator(cmd="report")
        for name, place in zip("xyz", wanted, strict=True):
            self.assertLess(abs(report["axes"][name]["position"] - place), 0.06, name)
        self.assertEqual(set(report["faults"].values()), {0})

    def test_home_and_move(self) -> None:
        self.appliance.script("G28")
        self.assert_at(0, 0, 400)
        self.assertEqual(self.appliance.status("toolhead")["toolhead"]["homed_axes"], "xyz")
        self.appliance.script("G1 X150 Y150 Z0.3 F12000")
        self.assert_at(150, 150, 0.3)
        turns = [2 * pi * i / 90 for i in range(1, 91)]
        circle = [f"G1 X{50 + 100 * cos(turn):.4f} Y{150 + 100 * sin(turn):.4f}" for turn in turns]
        self.appliance.script("\n".join(circle))
        self.assert_at(150, 150, 0.3)
        self.appliance.script("G1 X-120.5 Y-33.25 Z77.7\nG28")
        self.assert_at(0, 0, 400)
        self.assertRaises(Failed, self.appliance.script, "G1 X300 Y300")
