"""What goes wrong ends in the named state, and nothing else goes down with it."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from appliance.resources import default_file

from .running import Failed, RunningAppliance

SAMPLE = default_file("samples/twisted-vase.gcode")


def simulator_pid(appliance: RunningAppliance) -> int | None:
    """The process id of the simulated MCU, a child of the appliance."""
    assert appliance.process is not None
    for task in Path(f"/proc/{appliance.process.pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"mcu-sim" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0]:
                return int(child)
    return None


class DuringPrint(SynchronousTestCase):
    """Each test spoils a running print."""

    timeout = 300

    def setUp(self) -> None:
        self.appliance = RunningAppliance(20.0)
        self.addCleanup(self.appliance.clean_up)
        self.appliance.start()
        shutil.copy(SAMPLE, self.appliance.data / "gcodes" / SAMPLE.name)
        self.print()

    def print(self, beyond: float = 0.05) -> None:
        self.appliance.call("POST", "/printer/print/start", {"filename": SAMPLE.name})
        self.appliance.wait_for("the print to get going", lambda: self.progress() > beyond, 120)

    def progress(self) -> float:
        return float(self.appliance.status("virtual_sdcard")["virtual_sdcard"]["progress"])

    def recover(self, command: str) -> None:
        self.appliance.call("POST", f"/printer/{command}")
        self.appliance.wait_state("ready", 60)

    def assert_page_is_up(self) -> None:
        self.assertEqual(self.appliance.call("GET", "/server/info")["klippy_connected"], True)

    def test_killed_mcu(self) -> None:
        pid = simulator_pid(self.appliance)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        message = self.appliance.wait_state("shutdown")
        self.assertIn("mcu", message.lower())
        self.assertIn("Lost communication", message)
        self.assert_page_is_up()
        self.assertEqual(self.appliance.print_state(), "error")
        self.appliance.wait_for(
            "the simulator's restart", lambda: simulator_pid(self.appliance) not in (None, pid)
        )
        self.recover("firmware_restart")
        self.print(0.01)

    def test_pulled_cable(self) -> None:
        self.appliance.simulator(cmd="unplug", seconds=60)
        self.assertIn("Lost communication", self.appliance.wait_state("shutdown"))
        self.assert_page_is_up()
        report = self.appliance.wait_for("the MCU to turn itself off", self._shut_down)
        self.assertEqual(report["heaters"]["extruder"]["duty"], 0)
        self.recover("firmware_restart")

    def test_emergency_stop(self) -> None:
        self.appliance.call("POST", "/printer/emergency_stop")
        self.assertIn("Shutdown", self.appliance.wait_state("shutdown"))
        report = self.appliance.wait_for("the MCU's shutdown", self._shut_down)
        self.assertEqual(report["heaters"]["heater_bed"]["duty"], 0)
        self.recover("firmware_restart")

    def _shut_down(self) -> dict[str, dict[str, dict[str, int]]] | None:
        report = self.appliance.simulator(cmd="report")
        return report if report["mcu"]["shutdown"] else None

    def test_failed_sensor_is_named(self) -> None:
        self.appliance.simulator(cmd="set", heater="extruder", sensor="open")
        message = self.appliance.wait_state("shutdown")
        self.assertIn("extruder", message)
        self.assert_page_is_up()

    def test_corrupt_configuration(self) -> None:
        path = self.appliance.data / "config" / "printer.cfg"
        good = path.read_text("utf-8")
        path.write_text(good.replace("microsteps: 16", "microstep: 16", 1) + "\n[fna]\npin: PA0\n", "utf-8")
        self.appliance.call("POST", "/printer/restart")
        message = self.appliance.wait_state("error")
        line = 1 + good.split("microsteps: 16")[0].count("\n")
        self.assertIn(
            f"{path}:{line}: [stepper_x] microsteps: is missing; is it misspelt as 'microstep'?", message
        )
        self.assertIn("[fna]: unknown section; did you mean 'fan'?", message)
        self.assert_page_is_up()
        path.write_bytes(b"\xff\xfe\x00garbage")
        self.appliance.call("POST", "/printer/restart")
        self.appliance.wait_for(
            "the new message", lambda: "cannot read" in self.appliance.wait_state("error")
        )
        path.write_text(good, "utf-8")
        self.recover("restart")

    def test_pins_are_checked_against_the_board(self) -> None:
        path = self.appliance.data / "config" / "printer.cfg"
        good = path.read_text("utf-8")
        path.write_text(
            good.replace("[fan]\npin: PB2", "[fan]\npin: PB3") + "\n[output_pin x]\npin: PZ9\n", "utf-8"
        )
        self.appliance.call("POST", "/printer/restart")
        message = self.appliance.wait_state("error")
        self.assertIn("PZ9", message)
        self.assertIn("PB3", message)
        self.assertIn("[output_pin x]", message)
        self.assertIn("printer.cfg:77", message, "where else the pin is used")

    def test_the_appliance_killed(self) -> None:
        position = self.appliance.status("virtual_sdcard")["virtual_sdcard"]["file_position"]
        time.sleep(1.5)  # the position is kept at least once a second
        self.appliance.kill()
        self.appliance.start()
        status = self.appliance.status("virtual_sdcard", "print_stats")
        stats = status["print_stats"]
        self.assertEqual(stats["filename"], SAMPLE.name)
        known = re.search(r"interrupted at byte (\d+)", stats["message"])
        self.assertIsNotNone(known, stats)
        self.assertGreaterEqual(int(known[1]), position)  # type: ignore[index]
        self.print(0.01)

    def test_sigterm(self) -> None:
        began = time.monotonic()
        self.assertEqual(self.appliance.stop(), 0)
        self.assertLess(time.monotonic() - began, 5.0)
        self.assertIn("reactor lateness (ms): p50", self.appliance.log_end())
        self.assertFalse(self.appliance.uds.exists())
        self.assertFalse(os.path.lexists(self.appliance.tty))


class MalformedGcode(SynchronousTestCase):
    timeout = 120

    def setUp(self) -> None:
        self.appliance = RunningAppliance(20.0)
        self.addCleanup(self.appliance.clean_up)
        self.appliance.start()

    def test_the_sender_hears_of_it(self) -> None:
        error = self.assertRaises(Failed, self.appliance.script, "G1 X1O")
        self.assertIn("'O' in line 1", str(error))
        self.assertEqual(self.appliance.call("GET", "/printer/info")["state"], "ready")

    def test_unhomed_and_out_of_range_moves_are_refused(self) -> None:
        self.assertIn("home", str(self.assertRaises(Failed, self.appliance.script, "G1 X10")).lower())
        self.appliance.script("G28")
        error = str(self.assertRaises(Failed, self.appliance.script, "G1 X500"))
        self.assertIn("500", error)
        self.assertIn("220", error)
        self.assertEqual(self.appliance.status("gcode_move")["gcode_move"]["gcode_position"][0], 0)

    def test_a_print_pauses(self) -> None:
        lines = "G28\nG90\nG1 X10 Y10 F3000\nG1 X1O\nG1 X20\n"
        (self.appliance.data / "gcodes" / "bad.gcode").write_text(lines)
        self.appliance.call("POST", "/printer/print/start", {"filename": "bad.gcode"})
        self.appliance.wait_for("the pause", lambda: self.appliance.print_state() in ("paused", "error"))
        status = self.appliance.status("print_stats", "toolhead")
        self.assertEqual(status["print_stats"]["state"], "paused")
        self.assertIn("'O' in line 4", status["print_stats"]["message"])


class FullDisk(SynchronousTestCase):
    """The data folder on a file system of 24 MB, in a mount namespace of its own."""

    timeout = 120

    def test_upload(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
            self.skipTest("this machine has no user namespaces")
        appliance = RunningAppliance(1.0)
        appliance.small_disk = 24
        self.addCleanup(appliance.clean_up)
        appliance.start()
        big = folder / "big.gcode"
        big.write_bytes(b"G1 X1 Y1\n" * 2_000_000)
        error = str(self.assertRaises(Failed, appliance.upload, big))
        self.assertRegex(error.lower(), "space|disk")
        listed = appliance.call("GET", "/server/files/list")
        self.assertEqual([entry["path"] for entry in listed], [])
        self.assertEqual(appliance.call("GET", "/printer/info")["state"], "ready")
        small = folder / "small.gcode"
        small.write_text("G28\n")
        self.assertEqual(appliance.upload(small)["action"], "create_file")
