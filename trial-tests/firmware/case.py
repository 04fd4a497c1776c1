"""Base of the test cases: a fresh device for each test, once for each target."""

import os
import select
import shutil
import sys
import tempfile
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from .device import LINUX, SIM, Device, Target


class DeviceTests:
    """Tests that drive one firmware process. Only what L{for_each_target} makes of them is a TestCase."""

    target: Target
    addCleanup: Any  # of TestCase, as all that the tests call besides
    identified = True  # read the dictionary before each test

    def setUp(self) -> None:
        """Start the firmware and open its console."""
        # A unix path has little room and the link's folder must exist: trial's own paths may be long.
        self.folder = tempfile.mkdtemp(prefix="mcu")
        self.addCleanup(shutil.rmtree, self.folder)
        self.device = self.start()
        self.device.open()
        if self.identified:
            self.device.identify()

    def start(self, *, link: str | None = None) -> Device:
        """Start one more process, ended with the test."""
        device = Device(self.target, link or os.path.join(self.folder, "console"))
        self.addCleanup(device.stop)
        return device

    def wait_until(self, clock: int) -> None:
        """Return once the firmware's clock has reached that value."""
        while self.device.clock() - clock & 0x80000000:
            select.select([], [], [], 0.01)

    def configure_stepper(self, *more: tuple[str, dict[str, Any]], pulse: int = 0, invert: int = -1) -> None:
        """Configure a stepper as oid 0, and further objects."""
        step, direction = self.device.pin(self.target.step_pin), self.device.pin(self.target.direction_pin)
        pins = {"step_pin": step, "dir_pin": direction}
        stepper = ("config_stepper", {**pins, "invert_step": invert, "step_pulse_ticks": pulse})
        self.device.configure(stepper, *more)


def for_each_target(tests: type[DeviceTests]) -> type[DeviceTests]:
    """Class decorator: put a TestCase for each target beside the tests."""
    module = sys.modules[tests.__module__]
    for target in (LINUX, SIM):
        name = f"{tests.__name__}On{target.name.capitalize()}"
        members = {"target": target, "__module__": tests.__module__, "__doc__": tests.__doc__}
        setattr(module, name, type(name, (tests, SynchronousTestCase), members))
    return tests
