"""The test's motion host keeps to the public description of the socket protocol (API_Server.md)."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from brokerd.hostlink import HostError

from .fake_host import FakeHost


class FakeHostTests(SynchronousTestCase):
    """Each statement of the description that the broker relies on."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.sent: list[Any] = []
        self.client = self.host.connect(self.sent.append)

    def ask(self, method: str, **params: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.host.handle(self.client, method, params)))

    def test_query_selects_objects_and_fields(self) -> None:
        answer = self.ask("objects/query", objects={"toolhead": ["position"], "webhooks": None, "nope": None})
        self.assertEqual(set(answer), {"status", "eventtime"})
        self.assertEqual(answer["status"]["toolhead"], {"position": [0.0, 0.0, 0.0, 0.0]})
        self.assertEqual(set(answer["status"]["webhooks"]), {"state", "state_message"})
        self.assertNotIn("nope", answer["status"])

    def test_subscription_fills_the_template(self) -> None:
        self.ask("objects/subscribe", objects={"toolhead": ["print_time"]}, response_template={"key": 345})
        self.host.change("toolhead", print_time=2.0, position=[1])
        (message,) = self.sent
        self.assertEqual(message["key"], 345)
        self.assertEqual(message["params"]["status"], {"toolhead": {"print_time": 2.0}})

    def test_later_subscription_replaces_the_first(self) -> None:
        self.ask("objects/subscribe", objects={"toolhead": None})
        self.ask("objects/subscribe", objects={"extruder": None})
        self.host.change("toolhead", print_time=2.0)
        self.assertEqual(self.sent, [])

    def test_output_and_remote_methods(self) -> None:
        self.ask("gcode/subscribe_output", response_template={"key": 1})
        self.ask("register_remote_method", remote_method="beep", response_template={"action": "run"})
        self.host.say("ok B:22.8 /0.0")
        self.host.call_remote("beep", frequency=300)
        self.assertEqual(self.sent[0], {"key": 1, "params": {"response": "ok B:22.8 /0.0"}})
        self.assertEqual(self.sent[1], {"action": "run", "params": {"frequency": 300}})

    def test_errors(self) -> None:
        for method in ("nothing", "objects/nothing"):
            failure = Deferred.fromCoroutine(self.host.handle(self.client, method, {}))
            self.failureResultOf(failure, HostError)
