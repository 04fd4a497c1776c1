"""As a service of systemd: ready in every state of the printer, and new versions that prove themselves."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from appliance.proof import Proof
from brokerd.machine.config import is_allowed, read_allowed

from .running import RunningAppliance


class ReadyTests(SynchronousTestCase):
    """What the service manager is told."""

    timeout = 120

    def test_ready_with_a_mistake_in_the_configuration(self) -> None:
        """Else it would be ended and started again for ever, and nobody could mend it from the page."""
        address = f"/tmp/notify-{os.getpid()}"
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        told.bind(address)
        self.addCleanup(os.unlink, address)
        told.settimeout(20)
        os.environ["NOTIFY_SOCKET"] = address
        self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")

        def spoil(data: Path) -> None:
            (data / "config").mkdir(parents=True)
            (data / "config" / "printer.cfg").write_text("[printer]\nkinematics: none of them\n")

        appliance = RunningAppliance(prepare=spoil)
        self.addCleanup(appliance.clean_up)
        appliance.start(ready=False)
        seen: list[str] = []
        deadline = time.monotonic() + 60
        while "READY=1" not in seen or not any(each.startswith("STATUS=error") for each in seen):
            self.assertLess(time.monotonic(), deadline, seen)
            try:
                seen.append(told.recv(4096).decode())
            except TimeoutError:
                self.fail(f"{seen} {appliance.log_end()}")
        self.assertEqual(appliance.stop(), 0)
        told.settimeout(5)
        while "STOPPING=1" not in seen:
            seen.append(told.recv(4096).decode())
        self.assertEqual(seen.count("READY=1"), 1)


ASK = """
const rules = [];
global.polkit = {addRule: rule => rules.push(rule), Result: {YES: "yes", NOT_HANDLED: "no"}};
require(process.argv[1]);
const asked = JSON.parse(process.argv[2]);
const answers = asked.map(([user, id, unit, verb]) => {
    const known = {unit, verb};
    return rules[0]({id, lookup: name => known[name]}, {user});
});
console.log(JSON.stringify(answers));
"""
UNITS = "org.freedesktop.systemd1.manage-units"


class PolkitTests(SynchronousTestCase):
    """What the rule for polkit permits."""

    def allowed_at_first(self) -> list[str]:
        """The services that the broker itself lets clients manage."""
        data = Path(self.mktemp())
        data.mkdir()
        return sorted(read_allowed(data))

    def test_permitted(self) -> None:
        self.assertTrue(is_allowed("klipper-appliance", ()))
        node = shutil.which("node") or shutil.which("nodejs")
        if node is None:
            raise SkipTest("there is no node here")
        rules = Path(self.mktemp()).absolute().with_suffix(".js")
        shutil.copy(Path(__file__).parents[2] / "config" / "polkit" / "klipper-appliance.rules", rules)
        cases = [
            (("printer", "org.freedesktop.login1.reboot"), "yes"),
            (("printer", "org.freedesktop.login1.power-off-multiple-sessions"), "yes"),
            (("printer", UNITS, "klipper-2.service", "restart"), "yes"),
            (("printer", UNITS, "crowsnest.service", "stop"), "yes"),
            (("printer", UNITS, "klipper-appliance.service", "restart"), "yes"),
            *((("printer", UNITS, f"{name}.service", "start"), "yes") for name in self.allowed_at_first()),
            (("printer", UNITS, "ssh.service", "stop"), "no"),
            (("printer", UNITS, "klipper.service", "kill"), "no"),
            (("printer", UNITS), "no"),
            (("printer", "org.freedesktop.systemd1.manage-unit-files"), "no"),
            (("somebody", "org.freedesktop.login1.reboot"), "no"),
        ]
        asked = json.dumps([case for case, _ in cases])
        answers = subprocess.check_output([node, "-e", ASK, str(rules), asked], timeout=60)
        self.assertEqual(json.loads(answers), [answer for _, answer in cases])


class ProofTests(SynchronousTestCase):
    """The mark of a version that did not run long enough yet."""

    def setUp(self) -> None:
        self.prefix = Path(self.mktemp())
        self.prefix.mkdir()
        self.mark = self.prefix / "unproven"
        self.mark.write_text("1.0\n")
        self.clock = Clock()
        self.proof = Proof(self.clock, self.prefix)

    def test_removed_after_a_while(self) -> None:
        self.proof.startService()
        self.clock.advance(59)
        self.assertTrue(self.mark.exists())
        self.clock.advance(1)
        self.assertFalse(self.mark.exists())
        self.proof.stopService()

    def test_stays_when_it_ends_before(self) -> None:
        self.proof.startService()
        self.clock.advance(30)
        self.proof.stopService()
        self.clock.advance(60)
        self.assertTrue(self.mark.exists())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_to_prove(self) -> None:
        self.mark.unlink()
        for prefix in (None, self.prefix):
            Proof(self.clock, prefix).startService()
            self.assertEqual(self.clock.getDelayedCalls(), [])
