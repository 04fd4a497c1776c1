"""History and queue, driven by what the motion host says of its prints."""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from brokerd.jobs.fields import HistoryField
from brokerd.jobs.queue import JobQueueConfig
from brokerd.sections import Sections

from .harness import BrokerTestCase


class HistoryTests(BrokerTestCase):
    """Jobs are recorded as they happen."""

    async def _start(self) -> None:
        await super()._start()
        await self.upload("a.gcode", b"; layer_height = 0.2\nG28\n")

    async def print_file(self, end: str, **values: Any) -> Any:
        client = await self.socket()
        added, finished = client.expect("notify_history_changed"), None
        await client.ask("printer.print.start", filename="a.gcode")
        (change,) = await added
        self.assertEqual((change["action"], change["job"]["status"]), ("added", "in_progress"))
        self.assertTrue(change["job"]["exists"])
        finished = client.expect("notify_history_changed")
        self.fake.change("print_stats", state=end, **values)
        (change,) = await finished
        self.assertEqual(change["action"], "finished")
        return change["job"]

    async def test_completed(self) -> None:
        job = await self.print_file("complete", print_duration=10.0, total_duration=12.5, filament_used=99.0)
        self.assertEqual(
            (job["status"], job["total_duration"], job["filament_used"]), ("completed", 12.5, 99.0)
        )
        self.assertEqual(job["metadata"]["layer_height"], 0.2)
        listing = (await self.rpc("server.history.list"))["result"]
        self.assertEqual((listing["count"], listing["jobs"][0]["job_id"]), (1, job["job_id"]))
        totals = (await self.rpc("server.history.totals"))["result"]["job_totals"]
        self.assertEqual((totals["total_jobs"], totals["longest_job"]), (1.0, 12.5))
        known = (await self.rpc("server.files.metadata", filename="a.gcode"))["result"]
        self.assertEqual(known["job_id"], job["job_id"])

    async def test_cancelled_with_a_reset(self) -> None:
        self.fake.change("print_stats", state="standby")
        client = await self.socket()
        await client.ask("printer.print.start", filename="a.gcode")
        self.fake.change("print_stats", total_duration=7.0)
        told = client.expect("notify_history_changed")
        if not any(each["method"] == "notify_history_changed" for each in client.notifications):
            await told
            told = client.expect("notify_history_changed")
        self.fake.change("print_stats", state="standby", total_duration=0.0, filename="")
        (change,) = await told
        self.assertEqual((change["job"]["status"], change["job"]["total_duration"]), ("cancelled", 7.0))

    async def test_ends_with_its_host(self) -> None:
        await self.rpc("printer.print.start", filename="a.gcode")
        self.fake.change("webhooks", state="shutdown", state_message="MCU lost")
        await self.until_status("klippy_shutdown")
        self.fake.objects["webhooks"]["state"] = "ready"
        self.fake.objects["print_stats"]["state"] = "standby"
        self.link.disconnect()
        self.link.connect()
        await self.rpc("printer.print.start", filename="a.gcode")
        self.link.disconnect()
        await self.until_status("klippy_disconnect")

    async def until_status(self, status: str) -> None:
        while (await self.rpc("server.history.list", limit=1))["result"]["jobs"][0]["status"] != status:
            await self.until(lambda: True)

    async def test_interrupted_by_our_own_end(self) -> None:
        await self.rpc("printer.print.start", filename="a.gcode")
        await self.until_status("in_progress")
        await self.broker.stopService()
        self.fake.objects["print_stats"]["state"] = "standby"
        self.broker.startService()
        await self.until_status("interrupted")

    async def test_delete_and_reset(self) -> None:
        job = await self.print_file("error")
        uid = job["job_id"]
        self.assertEqual(
            (await self.get(f"/server/history/job?uid={uid}")).json["result"]["job"]["status"], "error"
        )
        self.assertEqual((await self.get("/server/history/job?uid=FFFF")).code, 404)
        self.assertEqual((await self.get("/server/history/job?uid=zz")).code, 404)
        self.assertEqual((await self.http("DELETE", "/server/history/job")).code, 400)
        answer = await self.http("DELETE", f"/server/history/job?uid={uid}")
        self.assertEqual(answer.json["result"], {"deleted_jobs": [uid]})
        last = (await self.rpc("server.history.reset_totals"))["result"]["last_totals"]
        self.assertEqual(last["total_jobs"], 1.0)
        self.assertEqual((await self.rpc("server.history.totals"))["result"]["job_totals"]["total_jobs"], 0.0)

    async def test_pages_of_the_list(self) -> None:
        for _ in range(3):
            await self.print_file("complete")
        found = (await self.rpc("server.history.list", limit=2, order="asc"))["result"]
        self.assertEqual(
            (found["count"], [each["job_id"] for each in found["jobs"]]), (3, ["000001", "000002"])
        )
        found = (await self.rpc("server.history.list", start=2, order="asc"))["result"]
        self.assertEqual([each["job_id"] for each in found["jobs"]], ["000003"])
        self.assertEqual((await self.rpc("server.history.list", since=1e12))["result"]["count"], 0)
        self.assertEqual((await self.rpc("server.history.list", order="up"))["error"]["code"], 400)


class QueueTests(BrokerTestCase):
    """The job queue."""

    async def _start(self) -> None:
        await super()._start()
        for name in ("a.gcode", "b.gcode"):
            await self.upload(name, b"G28\n")

    async def ask(self, name: str, **params: Any) -> Any:
        return (await self.rpc(f"server.job_queue.{name}", **params))["result"]

    def files(self, status: Any) -> list[str]:
        return [each["filename"] for each in status["queued_jobs"]]

    async def test_add_jump_remove(self) -> None:
        status = await self.ask("post_job", filenames=["a.gcode", "b.gcode", "a.gcode"])
        self.assertEqual(self.files(status), ["a.gcode", "b.gcode", "a.gcode"])
        ids = [each["job_id"] for each in status["queued_jobs"]]
        self.assertEqual(self.files(await self.ask("jump", job_id=ids[1])), ["b.gcode", "a.gcode", "a.gcode"])
        self.assertEqual(
            self.files(await self.ask("delete_job", job_ids=[ids[0], "nope"])), ["b.gcode", "a.gcode"]
        )
        answer = await self.http("POST", "/server/job_queue/job?filenames=a.gcode,b.gcode&reset=true")
        self.assertEqual(self.files(answer.json["result"]), ["a.gcode", "b.gcode"])
        self.assertEqual(self.files(await self.ask("delete_job", all=True)), [])

    async def test_missing_file_adds_nothing(self) -> None:
        answer = await self.rpc("server.job_queue.post_job", filenames=["a.gcode", "none.gcode"])
        self.assertEqual(answer["error"]["code"], -32601)
        self.assertEqual(self.files(await self.ask("status")), [])

    async def test_start_and_end(self) -> None:
        client = await self.socket()
        await self.ask("post_job", filenames=["a.gcode", "b.gcode"])
        status = await self.ask("start")
        self.assertEqual((status["queue_state"], self.files(status)), ("paused", ["b.gcode"]))
        self.assertEqual(self.fake.objects["print_stats"]["filename"], "a.gcode")
        queue_changes = [n for n in client.notifications if n["method"] == "notify_job_queue_changed"]
        loaded = queue_changes[-1]["params"][0]
        self.assertEqual((loaded["action"], loaded["queue_state"]), ("job_loaded", "paused"))
        told = client.expect("notify_job_queue_changed")
        self.assertEqual((await self.ask("start"))["queue_state"], "ready")
        (change,) = await told
        self.assertEqual(change, {"action": "state_changed", "updated_queue": None, "queue_state": "ready"})
        self.fake.change("print_stats", state="complete")
        await self.until(lambda: self.fake.objects["print_stats"]["filename"] == "b.gcode")

    async def test_started_by_a_macro(self) -> None:
        await self.ask("post_job", filenames=["a.gcode"])
        self.fake.call_remote("start_job_queue")
        await self.until(lambda: self.fake.objects["print_stats"]["filename"] == "a.gcode")
        self.fake.call_remote("pause_job_queue")
        while (await self.ask("status"))["queue_state"] != "paused":
            await self.until(lambda: True)

    async def test_survives_a_restart(self) -> None:
        await self.ask("post_job", filenames=["b.gcode"])
        await self.broker.stopService()
        self.broker.startService()
        while self.files(await self.ask("status")) != ["b.gcode"]:
            await self.until(lambda: True)

    async def test_a_print_that_does_not_start(self) -> None:
        await self.ask("post_job", filenames=["a.gcode"])
        self.link.disconnect()
        status = await self.ask("start")
        self.assertEqual((status["queue_state"], self.files(status)), ("paused", ["a.gcode"]))


class AutomaticQueueTests(QueueTests):
    """A printer that clears its own bed."""

    def settings(self, **changes: Any) -> Any:
        return super().settings(sections=Sections.of(JobQueueConfig(automatic_transition=True)), **changes)

    async def test_start_and_end(self) -> None:
        await self.ask("post_job", filenames=["a.gcode", "b.gcode"])
        await self.ask("start")
        self.fake.change("print_stats", state="complete")
        await self.until(lambda: self.fake.objects["print_stats"]["filename"] == "b.gcode")
        self.fake.change("print_stats", state="error")
        while (await self.ask("status"))["queue_state"] != "paused":
            await self.until(lambda: True)


class TransitionTests(BrokerTestCase):
    """What lies between two jobs, and a queue that goes on after a restart."""

    def settings(self, **changes: Any) -> Any:
        config = JobQueueConfig(
            load_on_startup=True,
            automatic_transition=True,
            job_transition_delay=0.02,
            job_transition_gcode="CLEAR_BED",
        )
        return super().settings(sections=Sections.of(config), **changes)

    async def _start(self) -> None:
        await super()._start()
        for name in ("a.gcode", "b.gcode"):
            await self.upload(name, b"G28\n")

    def scripts(self) -> list[str]:
        return [str(each["script"]) for each in self.fake.asked("gcode/script")]

    async def test_gcode_between_jobs(self) -> None:
        await self.rpc("server.job_queue.post_job", filenames=["a.gcode", "b.gcode"])
        await self.rpc("server.job_queue.start")
        self.assertNotIn("CLEAR_BED", self.scripts())
        self.fake.change("print_stats", state="complete")
        await self.until(lambda: self.fake.objects["print_stats"]["filename"] == "b.gcode")
        self.assertEqual(self.scripts()[-2], "CLEAR_BED")

    async def test_gcode_that_fails_pauses(self) -> None:
        self.parts.queue._config = JobQueueConfig(automatic_transition=True, job_transition_gcode="FAIL")
        await self.rpc("server.job_queue.post_job", filenames=["a.gcode", "b.gcode"])
        await self.rpc("server.job_queue.start")
        self.fake.change("print_stats", state="complete")
        while (await self.rpc("server.job_queue.status"))["result"]["queue_state"] != "paused":
            await self.until(lambda: True)
        self.assertEqual(self.fake.objects["print_stats"]["filename"], "a.gcode")

    async def test_paused_while_it_waits(self) -> None:
        clock = self.parts.queue._clock = Clock()
        await self.rpc("server.job_queue.post_job", filenames=["a.gcode", "b.gcode"])
        await self.rpc("server.job_queue.start")
        client = await self.socket()
        told = client.expect("notify_job_queue_changed")
        self.fake.change("print_stats", state="complete")
        self.assertEqual((await told)[0]["queue_state"], "loading")
        status = (await client.ask("server.job_queue.pause"))["result"]
        self.assertEqual(status["queue_state"], "paused")
        clock.advance(1.0)
        self.assertNotIn("CLEAR_BED", self.scripts())
        self.assertEqual(self.fake.objects["print_stats"]["filename"], "a.gcode")

    async def test_loads_when_the_printer_is_ready(self) -> None:
        self.link.disconnect()
        await self.rpc("server.job_queue.post_job", filenames=["b.gcode"])
        self.link.connect()
        await self.until(lambda: self.fake.objects["print_stats"]["filename"] == "b.gcode")


class FieldTests(SynchronousTestCase):
    """What sensors add to the record."""

    def run_job(self, measurements: list[Any], **options: Any) -> Any:
        tracked = HistoryField("sensor s", "f", **options)
        tracked.measured(100.0)
        tracked.begin()
        for value in measurements:
            if isinstance(value, bool):
                tracked.pause(value)
            else:
                tracked.measured(value)
        tracked.end()
        tracked.measured(1000.0)
        return tracked.value

    def test_strategies(self) -> None:
        values = [3.0, 5.0, 4.0]
        for strategy, expected in (
            ("basic", 4.0), ("accumulate", 12.0), ("delta", 1.0), ("average", 4.0),
            ("maximum", 5.0), ("minimum", 3.0), ("collect", values),
        ):  # fmt: skip
            self.assertEqual(self.run_job(values, strategy=strategy), expected, strategy)

    def test_beginning_with_the_value_before(self) -> None:
        self.assertEqual(self.run_job([103.0], strategy="delta", init_tracker=True), 3.0)
        self.assertEqual(self.run_job([3.0], strategy="accumulate", init_tracker=True), 103.0)
        self.assertEqual(self.run_job([], strategy="basic", init_tracker=True), 100.0)

    def test_pauses(self) -> None:
        values = [1.0, 3.0, True, 8.0, False, 10.0, 11.5]
        self.assertEqual(self.run_job(values, strategy="delta"), 10.5)
        self.assertEqual(self.run_job(values, strategy="delta", exclude_paused=True), 3.5)
        self.assertEqual(self.run_job(values, strategy="accumulate", exclude_paused=True), 25.5)

    def test_nothing_measured(self) -> None:
        self.assertIsNone(self.run_job([], strategy="average"))
        self.assertIsNone(self.run_job([], strategy="maximum"))
        self.assertEqual(self.run_job([], strategy="collect"), [])

    def test_collection_is_bounded(self) -> None:
        collected = self.run_job([float(i // 2) for i in range(500)], strategy="collect")
        self.assertEqual((len(collected), collected[-1]), (100, 249.0))

    def test_parsed(self) -> None:
        text = {"parameter": "energy", "desc": "Power", "strategy": "delta", "units": "kWh", "precision": "2"}
        parameter, tracked = HistoryField.parse("sensor s", "power", {**text, "report_total": "true"})
        self.assertEqual((parameter, tracked.strategy, tracked.report_total), ("energy", "delta", True))
        for wrong in ({}, {"parameter": "a", "strategy": "sum"}, {"parameter": "a", "colour": "red"}):
            with self.assertRaises(ValueError):
                HistoryField.parse("sensor s", "x", wrong)


class AuxiliaryTests(BrokerTestCase):
    """Fields in the history and its totals."""

    async def print_one(self, *measurements: float) -> Any:
        self.fake.change("print_stats", state="printing", filename="a.gcode", total_duration=1.0)
        for value in measurements:
            self.power.measured(value)
        self.fake.change("print_stats", state="complete")
        await self.parts.history.settle()
        return (await self.rpc("server.history.list"))["result"]["jobs"][0]

    async def test_totals(self) -> None:
        self.power = HistoryField(
            "sensor meter", "power", "Power", "kWh", "delta",
            report_total=True, report_maximum=True, precision=3,
        )  # fmt: skip
        self.parts.history.add_field(self.power)
        job = await self.print_one(1.0, 2.50004)
        entry = {"provider": "sensor meter", "name": "power", "value": 1.5, "description": "Power"}
        self.assertEqual(job["auxiliary_data"], [{**entry, "units": "kWh"}])
        await self.print_one(10.0, 11.0)
        totals = (await self.rpc("server.history.totals"))["result"]["auxiliary_totals"]
        expected = {"provider": "sensor meter", "field": "power", "maximum": 1.5, "total": 2.5}
        self.assertEqual(totals, [expected])
        reset = (await self.rpc("server.history.reset_totals"))["result"]
        self.assertEqual(reset["last_auxiliary_totals"], [expected])
        totals = (await self.rpc("server.history.totals"))["result"]["auxiliary_totals"]
        self.assertEqual(totals[0]["total"], None)

    async def test_the_next_job_begins_at_once(self) -> None:
        self.power = HistoryField("sensor meter", "power", strategy="maximum")
        self.parts.history.add_field(self.power)
        self.fake.change("print_stats", state="printing", filename="a.gcode", total_duration=1.0)
        self.power.measured(5.0)
        self.fake.change("print_stats", state="complete")
        self.fake.change("print_stats", state="printing", filename="a.gcode", total_duration=0.0)
        self.power.measured(7.0)
        await self.parts.history.settle()
        jobs = (await self.rpc("server.history.list", order="asc"))["result"]["jobs"]
        self.assertEqual([each["auxiliary_data"][0]["value"] for each in jobs], [5.0, 7.0])
