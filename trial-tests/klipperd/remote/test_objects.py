"""Subscriptions get one full answer, and then exactly what changes of what they asked for."""

from typing import Any

from attrs import define, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.objects.build import Built
from klipperd.objects.services import Objects
from klipperd.remote.objects import TICK, ObjectProcedures
from klipperd.remote.plain import plain_status
from klipperd.remote.procedures import Client, Procedures


@frozen
class Inner:
    layer: int | None


@frozen
class ThingStatus:
    speed: float
    place: tuple[float, ...]
    info: Inner


@define(eq=False)
class Thing:
    """Something with a status that tests change."""

    speed: float = 0.0
    place: list[float] = field(factory=lambda: [0.0, 0.0])
    layer: int | None = None
    asked: int = 0
    broken: bool = False

    def status(self, eventtime: float) -> ThingStatus:
        self.asked += 1
        if self.broken:
            raise ZeroDivisionError
        return ThingStatus(self.speed, tuple(self.place), Inner(self.layer))


class RemoteCase(SynchronousTestCase):
    """Two things on a clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.built = Built({"fan": Thing(), "pin x": Thing()})
        self.procedures = Procedures()
        objects = Objects(lambda: self.built.with_status())
        self.procedures.add(ObjectProcedures(objects, self.clock, self.clock))
        self.messages: list[dict[str, Any]] = []
        self.client = self.procedures.connect(self.messages.append)

    def ask(self, method: str, client: Client | None = None, **params: Any) -> Any:
        work = (client or self.client).request(method, params)
        return self.successResultOf(Deferred.fromCoroutine(work))

    def refused(self, method: str, **params: Any) -> str:
        work = Deferred.fromCoroutine(self.client.request(method, params))
        return str(self.failureResultOf(work, CommandError).value)

    def thing(self, name: str) -> Thing:
        return self.built.objects[name]  # type: ignore[no-any-return]


class Queries(RemoteCase):
    """objects/list and objects/query."""

    def test_list(self) -> None:
        self.assertEqual(self.ask("objects/list"), {"objects": ["fan", "pin x"]})

    def test_query(self) -> None:
        self.clock.advance(5)
        self.assertEqual(
            self.ask("objects/query", objects={"fan": None, "pin x": ["speed", "nothing"], "else": None}),
            {
                "eventtime": 5,
                "status": {
                    "fan": {"speed": 0.0, "place": [0.0, 0.0], "info": {"layer": None}},
                    "pin x": {"speed": 0.0},
                    "else": {},
                },
            },
        )

    def test_bad_requests(self) -> None:
        self.assertIn("'fan' wants null or a list", self.refused("objects/query", objects={"fan": "speed"}))
        self.assertIn("'objects'", self.refused("objects/query", objects=["fan"]))
        self.assertIn("'objects' is missing", self.refused("objects/query"))
        self.assertIn("did you mean 'objects/query'", self.refused("objects/querry"))

    def test_failing_status_fails_alone_and_is_logged_once(self) -> None:
        self.thing("fan").broken = True
        for _ in range(3):
            status = self.ask("objects/query", objects={"fan": None, "pin x": ["speed"]})["status"]
            self.assertEqual(status, {"fan": {}, "pin x": {"speed": 0.0}})
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class Subscriptions(RemoteCase):
    """objects/subscribe."""

    def test_changes_only(self) -> None:
        template = {"method": "update", "key": 3}
        first = self.ask("objects/subscribe", objects={"fan": None}, response_template=template)
        self.assertEqual(first["status"]["fan"]["speed"], 0.0)
        self.clock.advance(TICK)
        self.assertEqual(self.messages, [])
        self.thing("fan").speed = 0.5
        self.thing("pin x").speed = 0.5
        self.clock.advance(TICK)
        wanted = {"eventtime": 2 * TICK, "status": {"fan": {"speed": 0.5}}}
        self.assertEqual(self.messages, [{**template, "params": wanted}])
        self.thing("fan").place[1] = 2.0
        self.thing("fan").layer = 4
        self.clock.advance(TICK)
        self.assertEqual(
            self.messages[-1]["params"]["status"], {"fan": {"place": [0.0, 2.0], "info": {"layer": 4}}}
        )

    def test_change_before_the_first_tick(self) -> None:
        """It may be one that the ticks don't see: back to what an earlier subscriber had."""
        self.ask("objects/subscribe", objects={"fan": None})
        self.clock.advance(TICK)
        self.thing("fan").speed = 0.7
        late: list[dict[str, Any]] = []
        second = self.procedures.connect(late.append)
        answer = self.ask("objects/subscribe", second, objects={"fan": ["speed"]})
        self.assertEqual(answer["status"], {"fan": {"speed": 0.7}})
        self.thing("fan").speed = 0.0
        self.clock.advance(TICK)
        self.assertEqual([m["params"]["status"] for m in late], [{"fan": {"speed": 0.0}}])
        self.assertEqual(self.messages, [])

    def test_clients_may_change_what_they_got(self) -> None:
        seen: list[dict[str, Any]] = []

        def spoil(message: dict[str, Any]) -> None:
            for status in message["params"]["status"].values():
                status.clear()

        for send in (spoil, seen.append, spoil):
            client = self.procedures.connect(send)
            self.ask("objects/subscribe", client, objects={"fan": None})["status"]["fan"].clear()
        for speed in (1.0, 2.0):
            self.thing("fan").speed = speed
            self.clock.advance(TICK)
        self.assertEqual(
            [m["params"]["status"] for m in seen], [{"fan": {"speed": 1.0}}, {"fan": {"speed": 2.0}}]
        )

    def test_second_subscription_replaces_the_first(self) -> None:
        self.ask("objects/subscribe", objects={"fan": None})
        self.ask("objects/subscribe", objects={"pin x": None})
        self.thing("fan").speed = self.thing("pin x").speed = 1.0
        self.clock.advance(TICK)
        self.assertEqual([m["params"]["status"] for m in self.messages], [{"pin x": {"speed": 1.0}}])

    def test_object_that_appears(self) -> None:
        self.ask("objects/subscribe", objects={"new": ["speed"]})
        self.clock.advance(TICK)
        self.built.objects["new"] = Thing(3.0)
        self.clock.advance(TICK)
        self.assertEqual([m["params"]["status"] for m in self.messages], [{"new": {"speed": 3.0}}])

    def test_one_reading_for_all(self) -> None:
        for _ in range(20):
            client = self.procedures.connect(self.messages.append)
            self.ask("objects/subscribe", client, objects={"fan": None})
        before = self.thing("fan").asked
        self.thing("fan").speed = 1.0
        self.clock.advance(TICK)
        self.assertEqual(self.thing("fan").asked - before, 1)
        self.assertEqual(len(self.messages), 20)

    def test_nothing_runs_without_subscribers(self) -> None:
        self.ask("objects/subscribe", objects={"fan": None})
        self.client.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @given(
        st.lists(
            st.tuples(st.sampled_from(["subscribe", "tick", "fan", "pin x", "place"]), st.integers(0, 2)),
            max_size=25,
        )
    )
    @settings(deadline=None)
    def test_every_subscriber_knows_the_present_status(self, steps: list[tuple[str, int]]) -> None:
        """First answer plus updates, folded, is the status itself after each tick."""
        self.setUp()
        known: list[dict[str, Any]] = []

        def subscribe(fields: list[str] | None) -> None:
            status: dict[str, Any] = {}

            def update(message: dict[str, Any]) -> None:
                for name, changed in message["params"]["status"].items():
                    status[name].update(changed)

            client = self.procedures.connect(update)
            answer = self.ask("objects/subscribe", client, objects={"fan": fields, "pin x": None})
            status.update({name: dict(value) for name, value in answer["status"].items()})
            known.append(status)

        for step, value in steps:
            if step == "subscribe":
                subscribe(None if value else ["speed"])
            elif step == "tick":
                self.clock.advance(TICK)
            elif step == "place":
                self.thing("fan").place[0] = value
            else:
                self.thing(step).speed = value
        self.clock.advance(TICK)
        for status in known:
            for name, fields in status.items():
                present = plain_status(self.thing(name).status(0.0))
                self.assertEqual(fields, {field: present[field] for field in fields})
