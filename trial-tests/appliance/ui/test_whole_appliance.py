"""From a click on the page to the end of the print: nothing fake but the printer's metal."""

from pathlib import Path
from typing import Any

from appliance.resources import mcu_binary

from ..gcode_truth import read_wanted
from ..running import RunningAppliance, in_thread
from .browser import Page, PageTestCase, expect, open_page
from .sample import GCODE

_SPEED = 30.0
_PRINT = 120_000  # ms that the print may take on a busy machine; it takes 10 s
_HEATED = GCODE.replace(b"G28\n", b"G28\nM109 S210\n")


def _is_built() -> bool:
    try:
        mcu_binary("sim")
    except FileNotFoundError:
        return False
    return True


class WholePrint(PageTestCase):
    """The page, the broker, the motion host and the firmware."""

    timeout = 300
    if not _is_built():
        skip = "the simulated printer is not built (make build)"

    def test_printed_from_the_page(self) -> Any:
        """Uploaded, started and watched on the page; the simulator's record agrees with the file."""
        folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / "tower.gcode"
        path.write_bytes(_HEATED)
        appliance = RunningAppliance(_SPEED)
        self.addCleanup(appliance.clean_up)

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("Ready")
            page.locator("#file-input").set_input_files(path)
            page.get_by_role("button", name="Print tower.gcode").click()
            page.get_by_role("button", name="Start printing").click()
            expect(page.locator("#state")).to_have_text("Printing")
            expect(page.get_by_label("Extruder target in °C")).to_have_value("210")
            expect(page.locator("#layer")).to_have_text("10 / 10", timeout=_PRINT)
            expect(page.locator("#job-state")).to_have_text("Finished", timeout=_PRINT)
            expect(page.locator("#percent")).to_have_text("100.0 %")

        def run() -> dict[str, Any]:
            appliance.start()
            open_page(appliance.url, scenario)
            appliance.script("M400")
            report: dict[str, Any] = appliance.simulator(cmd="report")
            return report

        def check(report: dict[str, Any]) -> None:
            wanted = read_wanted(_HEATED.decode())
            for axis, target in zip("xyz", wanted.position, strict=True):
                self.assertLess(abs(report["axes"][axis]["position"] - target), 0.0126, axis)
            extruded = report["extruders"]["extruder"]["net"]
            self.assertLess(abs(extruded - wanted.extruded), 0.001 * wanted.extruded)
            self.assertEqual(report["crashes"], [])

        return in_thread(run).addCallback(check)
