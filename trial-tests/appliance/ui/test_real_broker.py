"""The page on the real broker, with a fake motion host behind its seam.

The same scenarios pass on the fake broker: so it can be trusted where the real one can't be made to fail.
"""

from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from brokerd.service import make_broker
from brokerd.settings import BrokerSettings, tcp_endpoint

from .browser import PageTestCase
from .fake_broker import PAGE
from .fake_host import FakeHost
from .scenarios_print import PictureScenarios, PrintScenarios, UploadScenarios
from .scenarios_state import ConsoleScenarios, HeatScenarios, MotionScenarios, StateScenarios


class RealBroker:
    """The real broker, for L{.browser.Broker}."""

    def __init__(self, data: Path) -> None:
        self.gcodes = data / "gcodes"
        self.gcodes.mkdir(parents=True)
        self._host = FakeHost(self.gcodes)
        self.printer = self._host.printer
        self.remove_host, self.add_host = self._host.go, self._host.come
        settings = BrokerSettings(data=data, listen=(tcp_endpoint("127.0.0.1", 0),), pages=PAGE)
        self.service = make_broker(settings, self._host, reactor)
        self.service.startService()
        self.url = f"{self.service.url}/"

    def add_file(self, name: str, content: bytes) -> None:
        """Put a file where the broker finds it."""
        (self.gcodes / name).write_bytes(content)


class RealBrokerCase(PageTestCase):
    """Starts the broker."""

    def setUp(self) -> "Deferred[str]":
        self.broker = RealBroker(Path(self.mktemp()))
        self.addCleanup(self.broker.service.stopService)
        return self.broker.service.when_ready()


class StateTests(StateScenarios, RealBrokerCase):
    """Which printer it is and how it is."""


class HeatTests(HeatScenarios, RealBrokerCase):
    """Temperatures and targets."""


class MotionTests(MotionScenarios, RealBrokerCase):
    """Homing and moves by hand."""


class ConsoleTests(ConsoleScenarios, RealBrokerCase):
    """Commands and answers."""


class UploadTests(UploadScenarios, RealBrokerCase):
    """Files on their way to the printer."""


class PrintTests(PrintScenarios, RealBrokerCase):
    """The whole way of a print."""


class PictureTests(PictureScenarios, RealBrokerCase):
    """The picture of a print."""
