"""The firmware's port: hosts come and go, cables are pulled, the printer stays as it is."""

import os
import select
import signal
import subprocess
import sys
import time

from .motion import Motors
from .rawmcu import PATIENCE, RawMcu
from .rig import CARTESIAN, Rig, SimTestCase, simulator


class ConsoleTests(SimTestCase):
    """The pty and its link."""

    def setUp(self) -> None:
        self.r: Rig = self.rig()

    def reopen(self) -> RawMcu:
        self.r.mcu.close()
        return self.r.connect()

    def test_host_comes_back(self) -> None:
        """Another host finds the firmware as the last one has left it, and the carriage in its place."""
        motors = Motors(self.r)
        motors.move(0, +1, [(5000, 800, 0)])
        self.r.advance(1.0)
        for _ in range(5):
            mcu = self.reopen()
            self.assertEqual(mcu.query("get_config", "config")["is_config"], 1)
            self.assertEqual(mcu.query("stepper_get_position", "stepper_position", oid=0)["pos"], 800)

    def test_what_nobody_reads_is_dropped(self) -> None:
        """Reports that were sent while no host was there don't reach the next one."""
        mcu = self.r.mcu
        mcu.configure(mcu.encode("config_analog_in", oid=0, pin=mcu.pin("PF0")))
        mcu.send("query_analog_in", oid=0, clock=self.r.mcu_clock(0.01), sample_ticks=200, sample_count=1,
                 rest_ticks=20000, bytes_per_report=2, min_value=0, max_value=4095,
                 range_check_count=0)  # fmt: skip
        self.r.advance(1.0)
        mcu.close()
        del self.r.mcu
        self.r.advance(20.0)
        mcu = self.r.connect(flush=False)
        self.assertLess(len(mcu.received), 5)

    def test_a_host_that_does_not_read(self) -> None:
        """Blocks are dropped whole when the pty is full: what then arrives is still well formed."""
        mcu = self.r.mcu
        commands = [mcu.encode("debug_ping", data=bytes(range(40))) for _ in range(8)]
        sent = b""
        for _ in range(400):
            mcu.send_many(commands)
            sent += b"."
        self.r._wait_until(lambda: not select.select([], [], [], 0)[0], "never")
        deadline = time.monotonic() + PATIENCE
        while not any(name == "clock" for name, _ in mcu.received):
            mcu.send("get_clock")
            mcu.poll()  # asserts that each block is whole and its CRC right
            self.assertLess(time.monotonic(), deadline)
        self.assertGreater(sum(name == "pong" for name, _ in mcu.received), 10)

    def test_unplug(self) -> None:
        """The host loses its device, the link is gone for the time given, then all is as it was."""
        motors = Motors(self.r)
        motors.move(0, +1, [(5000, 800, 0)])
        self.r.advance(0.5)
        self.r.request(cmd="unplug", seconds=2.0)
        self.assertFalse(os.path.lexists(self.r.link))
        self.assertRaises(OSError, self.read_closed)
        self.r.mcu.close()
        del self.r.mcu
        self.r.advance(1.9)
        self.assertFalse(os.path.lexists(self.r.link))
        self.r.advance(0.2)
        self.r._wait_until(lambda: os.path.lexists(self.r.link), "the link isn't back")
        mcu = self.r.connect()
        self.assertEqual(mcu.query("stepper_get_position", "stepper_position", oid=0)["pos"], 800)
        kinds = [event["kind"] for event in self.r.report()["events"]]
        self.assertEqual(kinds, ["port", "unplug", "port", "plug", "port"])

    def read_closed(self) -> None:
        """Raises once the other side of the pty is gone."""
        select.select([self.r.mcu.fd], [], [], PATIENCE)
        if os.read(self.r.mcu.fd, 4096) == b"":
            raise OSError("end of file")

    def test_reset_leaves_the_printer_alone(self) -> None:
        """Both kinds of reset forget the configuration and nothing physical; motors and heaters go off."""
        motors = Motors(self.r)
        mcu = self.r.mcu
        motors.move(0, +1, [(5000, 800, 0)])
        mcu.send("set_digital_out", pin=mcu.pin("PB0"), value=1)
        self.r.advance(5.0)
        before = self.r.report()
        self.assertGreater(before["heaters"]["hotend"]["temperature"], 35.0)
        mcu.send("reset")
        self.r._wait_until(lambda: self.r.report()["mcu"]["resets"] == 1, "no reset")
        mcu = self.reopen()
        self.assertEqual(mcu.query("get_config", "config")["is_config"], 0)
        after = self.r.report()
        self.assertEqual(after["axes"]["x"]["position"], before["axes"]["x"]["position"])
        self.assertEqual(after["motors"]["x"]["pulses"], 800)
        self.assertApproximates(
            after["heaters"]["hotend"]["temperature"], before["heaters"]["hotend"]["temperature"], 0.01
        )
        self.assertEqual(after["heaters"]["hotend"]["duty"], 0)
        self.assertFalse(after["motors"]["x"]["enabled"])
        self.assertEqual(after["mcu"]["resets"], 1)
        self.r.request(cmd="reset")
        self.r._wait_until(lambda: self.r.report()["mcu"]["resets"] == 2, "no reset")

    def test_shutdown_is_reported(self) -> None:
        """An emergency stop shows in the report and among the events."""
        self.r.mcu.send("emergency_stop")
        self.r.mcu.wait("shutdown")
        self.r._wait_until(lambda: self.r.report()["mcu"]["shutdown"], "no shutdown")
        self.assertIn("shutdown", [event["kind"] for event in self.r.report()["events"]])

    def test_stray_pins_are_noted(self) -> None:
        """A pin without a wire, or an input that is driven, is what a wrong printer.cfg looks like."""
        mcu = self.r.mcu
        mcu.send("set_digital_out", pin=mcu.pin("PH7"), value=1)
        mcu.send("set_digital_out", pin=mcu.pin("PC0"), value=1)
        mcu.send("set_digital_out", pin=mcu.pin("PB2"), value=1)
        mcu.sync()
        report = self.r.report()
        self.assertEqual(report["unwired_pins"], ["PC0", "PH7"])
        self.assertEqual(report["outputs"]["light"], {"value": 1, "changes": 1})

    def test_link_is_replaced(self) -> None:
        """A link that another simulator left behind is taken over; a file is not."""
        self.r.process.kill()
        self.r.process.wait(PATIENCE)
        self.assertTrue(os.path.lexists(self.r.link))  # it had no time to tidy up
        folder = self.r.folder
        command = [simulator(), str(folder / "model"), "-I", self.r.link]
        stale = os.lstat(self.r.link).st_ino
        second = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.addCleanup(second.wait, PATIENCE)
        self.addCleanup(second.terminate)
        # Not through the old link: its terminal's number may have been given to somebody else since.
        self.r._wait_until(lambda: os.lstat(self.r.link).st_ino != stale, "the link isn't replaced", second)
        RawMcu(self.r.link).close()
        file = folder / "file"
        file.write_text("precious")
        refused = subprocess.run([*command[:-1], str(file)], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("not a link", refused.stderr)
        self.assertEqual(file.read_text(), "precious")


class ProcessTests(SimTestCase):
    """How the process ends."""

    def test_terminate(self) -> None:
        """SIGTERM: exit code 0, the record complete, nothing left behind."""
        rig = self.rig()
        rig.advance(3.0)
        rig.mcu.close()
        del rig.mcu
        self.assertEqual(rig.stop(), 0)
        text = rig.record.read_text()
        self.assertEqual(text.splitlines()[-1][:8], 'R,{"time')
        self.assertTrue(text.startswith("#simulated printer,1\n#P,time,x,y,z,e\n"))
        self.assertFalse(os.path.lexists(rig.link))
        self.assertFalse(os.path.lexists(rig.control_path))

    def test_dies_with_its_parent(self) -> None:
        """When who has started it is killed, it goes too."""
        link = os.path.abspath(self.mktemp())
        model = os.path.abspath(self.mktemp())
        with open(model, "w") as file:
            file.write(CARTESIAN)
        script = (
            "import subprocess, sys, time\n"
            "process = subprocess.Popen(sys.argv[1:])\n"
            "print(process.pid, flush=True)\n"
            "process.wait()\n"
        )
        command = [sys.executable, "-c", script, simulator(), model, "-I", link, "--die-with-parent"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            deadline = time.monotonic() + PATIENCE
            while not os.path.lexists(link):
                self.assertLess(time.monotonic(), deadline)
                select.select([], [], [], 0.002)
            parent.send_signal(signal.SIGKILL)
        while os.path.exists(f"/proc/{pid}") and self.state(pid) != "Z":
            self.assertLess(time.monotonic(), deadline)
            select.select([], [], [], 0.002)
        self.assertFalse(os.path.lexists(link))

    def state(self, pid: int) -> str:
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            return "Z"

    def test_usage(self) -> None:
        """A command line that makes no sense gets the usage and 2."""
        for line in ("", "model", "model -I x --clock y", "-I x", "model -I x --slot 99", "model -I x y"):
            arguments = line.split()
            ended = subprocess.run([simulator(), *arguments], capture_output=True, timeout=PATIENCE)
            self.assertEqual(ended.returncode, 2, arguments)
            self.assertIn(b"usage:", ended.stderr)
