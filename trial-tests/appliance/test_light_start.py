"""The appliance starts without what only few of its users need."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from .running import RunningAppliance


class LightStartTests(SynchronousTestCase):
    timeout = 100

    def test_no_tls_until_someone_speaks_it(self) -> None:
        appliance = RunningAppliance(1.0)
        self.addCleanup(appliance.clean_up)
        appliance.start()
        assert appliance.process is not None
        mapped = Path(f"/proc/{appliance.process.pid}/maps").read_text()
        self.assertIn("uvloop", mapped)
        self.assertNotIn("cryptography", mapped)
