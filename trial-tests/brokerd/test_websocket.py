"""The websocket face on a real loopback port: requests, subscriptions, notifications, floods, slowness."""

from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from brokerd.faces import frames
from brokerd.faces.frames import text_frame
from brokerd.settings import BrokerSettings

from .harness import BrokerTestCase


class RequestTests(BrokerTestCase):
    """Requests and their answers."""

    async def test_identify_once(self) -> None:
        client = await self.socket()
        who = {"client_name": "test", "version": "1", "type": "web", "url": "http://nowhere"}
        first = await client.ask("server.connection.identify", **who)
        self.assertIsInstance(first["result"]["connection_id"], int)
        number = await client.ask("server.websocket.id")
        self.assertEqual(number["result"]["websocket_id"], first["result"]["connection_id"])
        again = await client.ask("server.connection.identify", **who)
        self.assertEqual(again["error"]["code"], 400)

    async def test_batch_and_id_zero(self) -> None:
        client = await self.socket()
        info = {"jsonrpc": "2.0", "method": "server.info"}
        answer = await client.ask_raw({**info, "id": 0}, 0)
        self.assertEqual(answer["result"]["klippy_state"], "ready")
        batch = await client.ask_raw([{**info, "id": 1}, info, {**info, "method": "nope", "id": 2}], None)
        self.assertEqual([each["id"] for each in batch], [1, 2])
        self.assertEqual(batch[1]["error"]["code"], -32601)

    async def test_slow_request_holds_nobody_up(self) -> None:
        client = await self.socket()
        slow = client.ask("printer.gcode.script", script="HOLD")
        stop = await client.ask("printer.emergency_stop")
        self.assertEqual(stop["result"], "ok")
        self.assertFalse(slow.called)
        self.fake.held[0].callback(None)
        self.assertEqual((await slow)["result"], "ok")

    async def test_host_errors(self) -> None:
        client = await self.socket()
        answer = await client.ask("printer.gcode.script", script="FAIL")
        self.assertEqual(answer["error"], {"code": 400, "message": "Must home axis first"})
        self.link.disconnect()
        answer = await client.ask("printer.info")
        self.assertEqual(answer["error"]["code"], 503)

    async def test_foreign_page_is_refused(self) -> None:
        refused = self.socket(Origin="http://evil.example")
        failure = await self.assertFailure(Deferred.fromCoroutine(refused), ConnectionRefusedError)
        self.assertIn("403", str(failure))

    async def test_own_page_is_welcome(self) -> None:
        client = await self.socket(Origin=f"http://127.0.0.1:{self.port}")
        self.assertIn("result", await client.ask("server.info"))

    async def test_flood_is_closed_with_a_reason_but_can_stop_the_printer(self) -> None:
        client = await self.socket()
        for _ in range(200):
            client.ask("printer.gcode.script", script="HOLD")
        client.ask("printer.emergency_stop")
        client.ask("server.info")
        code, reason = await client.closed
        self.assertEqual(code, 4008)
        self.assertIn("200", reason)
        self.assertTrue(self.fake.asked("emergency_stop"))
        self.sockets.remove(client)
        for each in self.fake.held:
            each.callback(None)

    async def test_oversized_message_is_refused(self) -> None:
        client = await self.socket()
        client.sendMessage(b"[" + b" " * (5 * 1024 * 1024) + b"]")
        await client.closed
        self.sockets.remove(client)
        self.assertIn("result", await (await self.socket()).ask("server.info"))


class NotificationTests(BrokerTestCase):
    """What clients are told unasked."""

    async def test_host_comes_and_goes(self) -> None:
        client = await self.socket()
        gone = client.expect("notify_klippy_disconnected")
        self.link.disconnect()
        await gone
        back = client.expect("notify_klippy_ready")
        self.link.connect()
        await back
        stopped = client.expect("notify_klippy_shutdown")
        self.fake.change("webhooks", state="shutdown", state_message="MCU lost")
        await stopped
        answer = await client.ask("server.info")
        self.assertEqual(answer["result"]["klippy_state"], "shutdown")

    async def test_gcode_output(self) -> None:
        client = await self.socket()
        told = client.expect("notify_gcode_response")
        self.fake.say("// hello")
        self.assertEqual(await told, ["// hello"])
        await client.ask("printer.gcode.script", script="G28")
        stored = (await client.ask("server.gcode_store"))["result"]["gcode_store"]
        self.assertEqual(
            [(e["type"], e["message"]) for e in stored], [("response", "// hello"), ("command", "G28")]
        )
        last = (await client.ask("server.gcode_store", count=1))["result"]["gcode_store"]
        self.assertEqual([each["message"] for each in last], ["G28"])

    async def test_load_each_second(self) -> None:
        client = await self.socket()
        (load,) = await client.expect("notify_proc_stat_update")
        self.assertGreater(load["moonraker_stats"]["memory"], 1000)
        self.assertEqual(load["websocket_connections"], 1)

    async def test_filelist(self) -> None:
        client = await self.socket()
        told = client.expect("notify_filelist_changed")
        await self.upload("a.gcode", b"G28\n")
        (change,) = await told
        self.assertEqual((change["action"], change["item"]["path"]), ("create_file", "a.gcode"))


class SubscriptionTests(BrokerTestCase):
    """Status updates to many clients."""

    async def test_each_gets_its_own(self) -> None:
        one, two, three = await self.socket(), await self.socket(), await self.socket()
        answer = await one.ask(
            "printer.objects.subscribe", objects={"extruder": ["target"], "toolhead": None}
        )
        self.assertEqual(answer["result"]["status"]["extruder"], {"target": 0.0})
        await two.ask("printer.objects.subscribe", objects={"extruder": None})
        told = [one.expect("notify_status_update"), two.expect("notify_status_update")]
        self.fake.change("extruder", target=200.0, temperature=30.0)
        (first, time), (second, _) = await gatherResults(told)
        self.assertEqual(first, {"extruder": {"target": 200.0}})
        self.assertEqual(second, {"extruder": {"target": 200.0, "temperature": 30.0}})
        self.assertEqual(time, self.fake.eventtime)
        await three.ask("server.info")
        self.assertNotIn("notify_status_update", [each["method"] for each in three.notifications])

    async def test_changes_between_two_subscriptions_are_not_lost(self) -> None:
        one, two = await self.socket(), await self.socket()
        await one.ask("printer.objects.subscribe", objects={"heater_bed": ["target"]})
        self.fake.objects["heater_bed"]["target"] = 60.0  # unnoticed
        told = one.expect("notify_status_update")
        await two.ask("printer.objects.subscribe", objects={"toolhead": None})
        self.assertEqual((await told)[0], {"heater_bed": {"target": 60.0}})

    async def test_subscription_survives_the_host(self) -> None:
        client = await self.socket()
        await client.ask("printer.objects.subscribe", objects={"toolhead": ["print_time"]})
        self.link.disconnect()
        self.fake.objects["toolhead"]["print_time"] = 7.0
        told = client.expect("notify_status_update")
        self.link.connect()
        self.assertEqual((await told)[0], {"toolhead": {"print_time": 7.0}})

    async def test_empty_subscription_ends_it(self) -> None:
        client = await self.socket()
        await client.ask("printer.objects.subscribe", objects={"toolhead": None})
        await client.ask("printer.objects.subscribe", objects={})
        self.fake.change("toolhead", print_time=9.0)
        await client.ask("server.info")
        self.assertNotIn("notify_status_update", [each["method"] for each in client.notifications])

    async def test_malformed_objects(self) -> None:
        client = await self.socket()
        answer = await client.ask("printer.objects.subscribe", objects={"toolhead": 5})
        self.assertEqual(answer["error"]["code"], 400)

    async def test_fan_out_encodes_once(self) -> None:
        clients = [await self.socket() for _ in range(24)]
        await gatherResults(
            [each.ask("printer.objects.subscribe", objects={"toolhead": None}) for each in clients]
        )
        prepared: list[bytes] = []

        def counting(payload: bytes, *rest: Any) -> bytes:
            if b"notify_status_update" in payload:
                prepared.append(payload)
            return text_frame(payload, *rest)

        self.patch(frames, "text_frame", counting)
        told = [each.expect("notify_status_update") for each in clients]
        self.fake.change("toolhead", position=[1.0, 2.0, 3.0, 4.0])
        for params in await gatherResults(told):
            self.assertEqual(params[0], {"toolhead": {"position": [1.0, 2.0, 3.0, 4.0]}})
        self.assertEqual(len(prepared), 1)
        self.assertEqual((await clients[0].ask("server.info"))["result"]["websocket_count"], 24)


class LimitTests(BrokerTestCase):
    """Too many, and too slow."""

    def settings(self, **changes: Any) -> BrokerSettings:
        return super().settings(max_websockets=2, **changes)

    async def test_too_many(self) -> None:
        await self.socket()
        await self.socket()
        failure = await self.assertFailure(Deferred.fromCoroutine(self.socket()), ConnectionRefusedError)
        self.assertIn("503", str(failure))

    async def test_slow_reader_is_dropped_and_others_go_on(self) -> None:
        slow, quick = await self.socket(), await self.socket()
        for each in (slow, quick):
            await each.ask("printer.objects.subscribe", objects={"toolhead": None})
        slow.transport.pauseProducing()
        for _ in range(60):  # 30 MB: more than the kernel and our limit hold together
            told = quick.expect("notify_status_update")
            self.fake.change("toolhead", blob="x" * 500_000)
            await told
        await self.until(lambda: self.parts.sockets.count == 1)
        slow.transport.resumeProducing()
        await slow.closed
        self.sockets.remove(slow)
        self.assertIn("result", await quick.ask("server.info"))
