"""Whole prints of real sliced files on the simulated printer, by each way in; the simulator is the judge."""

import os
import select
import shutil
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from .gcode_truth import Wanted, read_wanted
from .running import Failed, RunningAppliance
from .ui.browser import MISSING, Page, expect, open_page

ROOT = Path(__file__).parents[2]
SLICED = ROOT.parent / "shared" / "gcode"
SAMPLE = ROOT / "config" / "samples" / "twisted-vase.gcode"
SPEED = 100.0
MICROSTEP = {"x": 0.0125, "y": 0.0125, "z": 0.0025}
LIMITS = {"x": (0.0, 220.0), "y": (0.0, 220.0), "z": (-1.0, 250.0)}
MAX_VELOCITY, MAX_ACCEL, ROUNDING = 300.0, 3000.0, 1.02
WITHIN = 600.0


def sliced(name: str) -> Path:
    """A sliced file, or the sample when the shared ones are not beside the checkout."""
    path = SLICED / name
    return path if path.exists() else SAMPLE


class WholePrints(SynchronousTestCase):
    timeout = 900

    def setUp(self) -> None:
        self.appliance = RunningAppliance(SPEED)
        self.addCleanup(self.appliance.clean_up)
        self.appliance.start()

    def put(self, source: Path) -> Wanted:
        shutil.copy(source, self.appliance.data / "gcodes" / source.name)
        return read_wanted(source.read_text("utf-8"))

    def wait_complete(self) -> None:
        def ended() -> bool:
            state = self.appliance.print_state()
            if state in ("error", "cancelled", "paused"):
                raise Failed(f"the print is {state}\n{self.appliance.log_end()}")
            return state == "complete"

        self.appliance.wait_for("the end of the print", ended, WITHIN)

    def check(self, wanted: Wanted) -> None:
        """What physically happened is what the file asks for, and nothing else."""
        self.appliance.script("M400")
        report: dict[str, Any] = self.appliance.simulator(cmd="report")
        faults = report["faults"]
        self.assertEqual(
            (
                faults["late_steps"],
                faults["disabled_steps"],
                faults["lost_steps"],
                report["mcu"]["late_timers"],
            ),
            (0, 0, 0, 0),
            f"{faults}\n{self.appliance.log_end()}",
        )
        self.assertEqual(report["crashes"], [])
        self.assertFalse(report["mcu"]["shutdown"])
        for axis, target in zip("xyz", wanted.position, strict=True):
            found = report["axes"][axis]
            self.assertLessEqual(abs(found["position"] - target), MICROSTEP[axis] + 1e-6, f"{axis}: {found}")
            self.assertGreaterEqual(found["min"], LIMITS[axis][0] - MICROSTEP[axis], axis)
            self.assertLessEqual(found["max"], LIMITS[axis][1] + MICROSTEP[axis], axis)
        self.assertLessEqual(report["max_velocity"], MAX_VELOCITY * ROUNDING)
        extruded = report["extruders"]["extruder"]["net"]
        self.assertLessEqual(
            abs(extruded - wanted.extruded), 0.001 * wanted.extruded, f"{extruded} {wanted.extruded}"
        )

    def test_started_from_the_page(self) -> None:
        """Uploaded, started and watched in a browser."""
        if MISSING is not None:
            self.skipTest(MISSING)
        path = sliced("bracket.gcode")

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("Ready")
            page.locator("#file-input").set_input_files(path)
            page.get_by_role("button", name=f"Print {path.name}").click()
            page.get_by_role("button", name="Start printing").click()
            expect(page.locator("#state")).to_have_text("Printing")
            expect(page.locator("#job-state")).to_have_text("Finished", timeout=WITHIN * 1000)
            expect(page.locator("#percent")).to_have_text("100.0 %")

        open_page(self.appliance.url, scenario)
        self.check(read_wanted(path.read_text("utf-8")))

    def test_started_over_the_socket(self) -> None:
        name = sliced("vase.gcode").name
        wanted = self.put(sliced("vase.gcode"))
        answer = self.appliance.socket_call("gcode/script", script=f"SDCARD_PRINT_FILE FILENAME={name}")
        self.assertEqual(answer["result"], {})
        self.wait_complete()
        self.check(wanted)

    def test_line_by_line_through_the_pseudo_tty(self) -> None:
        path = sliced("gears.gcode")
        lines = [line.split(";")[0].strip() for line in path.read_text("utf-8").splitlines()]
        send_lines(str(self.appliance.tty), [line for line in lines if line], WITHIN)
        self.check(read_wanted(path.read_text("utf-8")))


def send_lines(tty: str, lines: list[str], within: float) -> None:
    """Send lines numbered and with checksums, one for each C{ok}, as print hosts do."""
    deadline = time.monotonic() + within
    fd = os.open(tty, os.O_RDWR | os.O_NOCTTY)
    try:
        heard = b""
        for number, line in enumerate(["M110 N0", *lines]):
            text = f"N{number} {line}".encode() if number else b"N0 M110"
            check = 0
            for byte in text:
                check ^= byte
            os.write(fd, text + b"*%d\n" % check)
            while True:
                answer, separator, rest = heard.partition(b"\n")
                if not separator:
                    if not select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
                        raise Failed(f"no answer to {line!r}; heard {heard!r}")
                    heard += os.read(fd, 4096)
                    continue
                heard = rest
                if answer.startswith(b"!!") or answer.lower().startswith((b"error", b"resend")):
                    raise Failed(f"{line!r} was answered by {answer!r}")
                if answer.startswith(b"ok"):
                    break
    finally:
        os.close(fd)
