"""The conversation with the motion host, on a clock of its own."""

from collections.abc import Iterable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from brokerd.errors import BadRequest, HostUnavailable
from brokerd.notifications import Broadcaster
from brokerd.printer.session import HostSession
from brokerd.printer.subscriptions import StatusHub, Watcher, parse_objects, select
from brokerd.registry.caller import SharedMessage
from brokerd.stores.temperatures import TemperatureStore

from .fake_host import FakeHost, FakeLink


class Ears:
    """Hears what clients are told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def deliver(self, message: SharedMessage, except_for: object = None) -> None:
        self.heard.append(message.payload.decode().split('"')[7].removeprefix("notify_klippy_"))


class Client:
    """A subscriber that is not of the broker itself."""

    def __init__(self, heard: list[str]) -> None:
        self.heard = heard

    @property
    def channel(self) -> "Client":
        return self

    def deliver_status(
        self, subscribers: Iterable[Any], status: dict[str, Mapping[str, Any]], eventtime: float
    ) -> None:
        self.heard.append(status["webhooks"]["state_message"])


class SessionTests(SynchronousTestCase):
    """States and what follows from them."""

    def setUp(self) -> None:
        self.fake, self.clock, self.ears = FakeHost(), Clock(), Ears()
        self.link = FakeLink(self.fake)
        broadcaster = Broadcaster()
        broadcaster.attach(self.ears)
        self.session = HostSession(self.link, self.clock, broadcaster)

    def start(self) -> None:
        self.session.startService()
        self.link.connect()

    def test_ready_at_once(self) -> None:
        self.start()
        self.assertEqual((self.session.state, self.ears.heard), ("ready", ["ready"]))
        self.assertIn("toolhead", self.session.objects)
        self.assertEqual(self.session.missing, [])

    def test_connected_before_the_start(self) -> None:
        self.link.connect()
        self.session.startService()
        self.assertEqual(self.ears.heard, ["ready"])

    def test_polls_while_the_host_starts(self) -> None:
        self.fake.objects["webhooks"]["state"] = "startup"
        self.start()
        self.clock.pump([0.25] * 4)
        self.assertEqual(len(self.fake.asked("info")), 5)
        self.assertEqual((self.session.state, self.ears.heard), ("startup", []))
        self.fake.objects["webhooks"]["state"] = "ready"
        self.clock.advance(0.25)
        self.assertEqual(self.ears.heard, ["ready"])

    def test_shutdown_and_restart_over_the_same_connection(self) -> None:
        self.start()
        self.fake.change("webhooks", state="shutdown", state_message="MCU lost")
        self.assertEqual(self.session.state_message, "MCU lost")
        self.fake.change("webhooks", state="startup", state_message="starting")
        self.assertEqual(self.session.state, "startup")
        self.fake.objects["webhooks"]["state"] = "ready"
        self.clock.advance(0.25)
        self.assertEqual(self.ears.heard, ["ready", "shutdown", "disconnected", "ready"])

    def test_disconnected_in_each_state(self) -> None:
        for state in ("startup", "ready", "shutdown", "error"):
            self.fake.objects["webhooks"]["state"] = state
            self.ears.heard.clear()
            if state == "startup":
                self.start()
            else:
                self.link.connect()
            self.link.disconnect("unplugged")
            self.assertEqual(self.ears.heard[-1], "disconnected", state)
            self.assertIn("unplugged", self.session.state_message)
            self.assertEqual(self.clock.getDelayedCalls(), [], state)

    def test_stopping_cancels_the_poll(self) -> None:
        self.fake.objects["webhooks"]["state"] = "startup"
        self.start()
        self.session.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_missing_objects(self) -> None:
        del self.fake.objects["display_status"]
        self.start()
        self.assertEqual(self.session.missing, ["display_status"])

    def test_nothing_is_called_missing_of_a_host_that_could_not_build_everything(self) -> None:
        del self.fake.objects["display_status"]
        self.fake.objects["webhooks"]["state"] = "error"
        self.start()
        self.assertEqual((self.session.state, self.session.missing), ("error", []))

    def test_clients_get_the_reason_of_a_shutdown_before_they_hear_of_it(self) -> None:
        """KlipperScreen shows the C{state_message} that it has when C{notify_klippy_shutdown} comes."""
        self.start()
        clients = [Client(self.ears.heard), Client(self.ears.heard)]
        for client, fields in zip(clients, (["state", "state_message"], ["state_message"]), strict=True):
            subscription = self.session.hub.subscribe(client, {"webhooks": fields})
            self.successResultOf(Deferred.fromCoroutine(subscription))
        self.ears.heard.clear()
        self.fake.change("webhooks", state="shutdown", state_message="MCU lost")
        self.assertEqual(self.ears.heard, ["MCU lost", "MCU lost", "shutdown"])

    def test_remote_method(self) -> None:
        called: list[Any] = []

        async def beep(frequency: int) -> None:
            called.append(frequency)

        self.session.offer("beep", beep)
        self.start()
        self.fake.call_remote("beep", frequency=300)
        self.assertEqual(called, [300])

    def test_errors(self) -> None:
        failure = Deferred.fromCoroutine(self.session.request("info"))
        self.failureResultOf(failure, HostUnavailable)
        self.start()
        failure = Deferred.fromCoroutine(self.session.request("gcode/script", {"script": "FAIL"}))
        self.assertEqual(self.failureResultOf(failure, BadRequest).value.message, "Must home axis first")


class HubTests(SynchronousTestCase):
    """Merging and splitting."""

    def setUp(self) -> None:
        self.asked: list[Any] = []
        self.status: dict[str, dict[str, Any]] = {"a": {"x": 1, "y": 2}, "b": {"z": 3}}
        self.hub = StatusHub(self.ask)

    async def ask(self, objects: Any) -> Any:
        self.asked.append(objects)
        return {"status": select(self.status, parse_objects(objects)), "eventtime": 5.0}

    def watcher(self) -> tuple[Watcher, list[Any]]:
        seen: list[Any] = []
        return Watcher(lambda status, time: seen.append(status)), seen

    def subscribe(self, watcher: Watcher, **objects: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.hub.subscribe(watcher, objects)))

    def test_wishes_are_merged(self) -> None:
        (one, _), (two, _), (three, _) = self.watcher(), self.watcher(), self.watcher()
        self.subscribe(one, a=["x"])
        self.subscribe(two, a=["y"], b=None)
        self.assertEqual(self.asked[-1], {"a": ["x", "y"], "b": None})
        self.subscribe(three, a=None)
        self.assertEqual(self.asked[-1], {"a": None, "b": None})
        self.hub.drop(three)
        self.subscribe(two, b=["z"])
        self.assertEqual(self.asked[-1], {"a": ["x"], "b": ["z"]})

    def test_answer_and_updates_are_selected(self) -> None:
        one, seen = self.watcher()
        self.assertEqual(self.subscribe(one, a=["x"])["status"], {"a": {"x": 1}})
        self.hub.update({"a": {"y": 9}, "b": {"z": 9}}, 6.0)
        self.assertEqual(seen, [])
        self.hub.update({"a": {"x": 9, "y": 9}}, 7.0)
        self.assertEqual(seen, [{"a": {"x": 9}}])

    def test_failed_subscription_is_forgotten(self) -> None:
        async def fail(objects: Any) -> Any:
            raise BadRequest("no")

        hub = StatusHub(fail)
        one, seen = self.watcher()
        self.failureResultOf(Deferred.fromCoroutine(hub.subscribe(one, {"a": None})), BadRequest)
        hub.update({"a": {"x": 1}}, 1.0)
        self.assertEqual(seen, [])


class TemperatureTests(SynchronousTestCase):
    """The temperature store."""

    def test_samples(self) -> None:
        fake, clock = FakeHost(), Clock()
        link = FakeLink(fake)
        session = HostSession(link, clock, Broadcaster())
        store = TemperatureStore(clock, session, size=3)
        store.startService()
        self.addCleanup(store.stopService)
        session.startService()
        clock.advance(1)
        self.assertEqual(store.histories(False), {})
        link.connect()
        clock.advance(1)
        fake.change("extruder", temperature=199.987, target=200.0, power=0.5)
        clock.pump([1, 1, 1])
        kept = store.histories(False)["extruder"]
        self.assertEqual(kept["temperatures"], [199.99] * 3)
        self.assertEqual(kept["targets"], [200.0] * 3)
        self.assertEqual(set(store.histories(False)["heater_bed"]), {"temperatures", "targets", "powers"})
