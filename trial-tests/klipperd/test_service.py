"""An assembled motion host, before and without a printer."""

from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from klipperd.objects.services import HostSettings, HostState
from klipperd.remote.plain import plain_status
from klipperd.service import make_motion_host


class MotionHostTests(SynchronousTestCase):
    timeout = 30

    def test_configfile_is_shown_of_a_printer_that_cannot_be_built(self) -> None:
        """KlipperScreen and others read C{configfile.config} before they look at the state."""
        path = self.mktemp()
        with open(path, "w") as target:
            target.write("[printer]\nkinematics: cartesain\n")
        made = make_motion_host(MemoryReactorClock(), Clock(), HostSettings(path), None, None)
        made.host.startService()
        self.addCleanup(made.host.stopService)
        self.assertIs(made.host.state(), HostState.ERROR)
        sources = made.host.objects.status_sources()
        self.assertEqual(
            plain_status(sources["configfile"].status(0.0)),
            {
                "config": {"printer": {"kinematics": "cartesain"}},
                "settings": {},
                "warnings": [],
                "save_config_pending": False,
                "save_config_pending_items": {},
            },
        )
