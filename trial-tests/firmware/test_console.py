"""The process and its pseudo-terminal: hosts come and go."""

import os
import signal
import subprocess

from . import wire
from .build import binary
from .case import DeviceTests, for_each_target
from .device import PATIENCE


@for_each_target
class Console(DeviceTests):
    """Opening, closing, ending."""

    def test_reopened(self) -> None:
        """A host goes and comes back: the firmware has gone on, with sequence and configuration kept."""
        self.device.configure(("config_trsync", {}), crc=99)
        for _ in range(5):
            clock = self.device.clock()
            self.device.close()
            self.device.open()
            self.device.sequence = 1  # as a fresh host; it learns the right one
            self.device.identify()
            self.assertLess(self.device.clock() - clock & 0xFFFFFFFF, self.device.ticks(60))
            self.assertEqual(self.device.ask("config", "get_config")["crc"], 99)

    def test_closed_in_a_block(self) -> None:
        """What the last host left half said doesn't spoil the next one's words for good."""
        self.device.write(wire.block(self.device.sequence, b"\x15\x10" + bytes(16))[:-4])
        self.device.close()
        self.device.open()
        self.device.identify()

    def test_nothing_stale(self) -> None:
        """Answers to the last host, unread, don't reach the next: it sees whole blocks only."""
        ping = self.device.dictionary.encode("debug_ping", data=bytes(50))
        for i in range(8):
            self.device.write(wire.block(self.device.sequence + i, ping))
        self.device.close()
        self.device.open()
        self.device.sequence = self.device.sequence + 8 & 15
        self.device.identify()

    def test_safety_without_host(self) -> None:
        """The host goes away with an output on: the firmware shuts down by itself, and says so later."""
        pin = self.device.pin(self.target.out_pin)
        limit = self.device.ticks(0.3)
        output = {"pin": pin, "value": 0, "default_value": 0, "max_duration": limit}
        self.device.configure(("config_digital_out", output))
        self.device.send("update_digital_out", oid=0, value=1)
        start = self.device.clock()
        self.device.close()
        while True:
            self.device.open()
            self.device.identify()
            if self.device.clock() - start & 0xFFFFFFFF > self.device.ticks(1):
                break
            self.device.close()
        self.assertEqual(self.device.ask("config", "get_config")["is_shutdown"], 1)
        reply = self.device.ask("is_shutdown", "update_digital_out", oid=0, value=0)
        reason = self.device.dictionary.reason(reply["static_string_id"])
        self.assertEqual(reason, "Missed scheduling of next digital out event")

    def test_host_that_does_not_read(self) -> None:
        """Answers pile up until the terminal is full: some get lost, none comes in pieces."""
        ping = self.device.dictionary.encode("debug_ping", data=bytes(57))
        for _ in range(300):
            self.device.write(wire.block(self.device.sequence, ping))
            self.device.sequence = self.device.sequence + 1 & 15
        while self.device.acknowledgement(0.3) is not None:  # whole blocks only, or split_blocks complains
            pass
        self.assertEqual(self.device.transmit(b""), self.device.sequence)

    def test_ends_on_sigterm(self) -> None:
        """Ended with SIGTERM it exits with 0 and takes its link along."""
        self.assertEqual(self.device.stop(), 0, self.device.errors)
        self.assertFalse(os.path.lexists(self.device.link))

    def test_takes_over_a_dead_link(self) -> None:
        """A link that a killed process left behind is replaced."""
        self.device.close()
        self.device.process.kill()
        self.device.process.wait(PATIENCE)
        self.assertTrue(os.path.islink(self.device.link))
        again = self.start(link=self.device.link)
        again.open()
        again.identify()

    def test_keeps_a_file(self) -> None:
        """A file in the link's place isn't removed: the process ends and names it."""
        path = os.path.join(self.folder, "precious")
        with open(path, "w") as file:
            file.write("data")
        command = [binary(self.target.name), *self.target.arguments, "-I", path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(path, done.stderr)
        with open(path) as file:
            self.assertEqual(file.read(), "data")

    def test_dies_with_parent(self) -> None:
        """Started with --die-with-parent, it doesn't outlive who started it."""
        script = (
            "import subprocess, sys; p = subprocess.Popen(sys.argv[1:]); print(p.pid, flush=True); p.wait()"
        )
        link = os.path.join(self.folder, "child")
        command = [binary(self.target.name), *self.target.arguments, "-I", link, "--die-with-parent"]
        parent = subprocess.Popen(["python3", "-c", script, *command], stdout=subprocess.PIPE, text=True)
        child = int(parent.stdout.readline())
        self.device.wait(lambda: os.path.exists(link), "link of the child")
        parent.send_signal(signal.SIGKILL)
        parent.wait(PATIENCE)
        parent.stdout.close()
        self.device.wait(lambda: not os.path.lexists(link), f"end of process {child}")
