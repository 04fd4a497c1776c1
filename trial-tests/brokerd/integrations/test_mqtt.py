"""The MQTT client and what is published by it, against a real mosquitto."""

import json
import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from brokerd.integrations.mqtt.client import MqttClient
from brokerd.integrations.mqtt.config import MqttConfig, parse_status_objects
from brokerd.threads import WorkerThreads

from .houses import HouseTestCase
from .mosquitto import MISSING, Mosquitto


class MqttTestCase(HouseTestCase):
    """A broker and another client at the same mosquitto."""

    skip = MISSING
    options = ""
    protocol = "v3.1.1"
    lines: tuple[str, ...] = ()
    login: dict[str, str] = {}

    def prepare(self) -> None:
        self.mosquitto = Mosquitto(self.data / "mosquitto", *self.lines)
        self.addCleanup(self.mosquitto.stop)
        self.configuration = (
            f"[mqtt]\naddress: 127.0.0.1\nport: {self.mosquitto.port}\ninstance_name: printer\n"
            f"mqtt_protocol: {self.protocol}\n{self.options}"
        )

    async def other(self) -> MqttClient:
        """A second client."""
        threads = WorkerThreads(reactor, "other", 1)
        threads.startService()
        config = MqttConfig(address="127.0.0.1", port=self.mosquitto.port, **self.login)
        client = MqttClient(config, ("other/status", b"gone"), reactor, threads, lambda text: None)
        client.startService()

        async def stop() -> None:
            client.stopService()
            await threads.stopService()

        self.addCleanup(lambda: Deferred.fromCoroutine(stop()))
        await self.until(lambda: client.connected)
        return client

    async def hear(self, client: MqttClient, topic: str) -> list[Any]:
        """All that is published on a topic from now on, and what is retained."""
        heard: list[Any] = []
        client.subscribe(topic, lambda _, payload: heard.append(payload))
        return heard

    async def connected(self) -> None:
        await self.until(lambda: self.house.mqtt is not None and self.house.mqtt.connected)

    async def ask(self, other: MqttClient, answers: list[Any], **request: Any) -> Any:
        before = len(answers)
        other.send("printer/moonraker/api/request", json.dumps({"jsonrpc": "2.0", **request}).encode())
        await self.until(lambda: len(answers) > before)
        return json.loads(answers[-1])


class ApiTests(MqttTestCase):
    options = "status_objects:\n  toolhead=position\n  extruder\n"

    def test_requests_are_answered(self) -> Any:
        return self.async_test(self._requests())

    async def _requests(self) -> None:
        await self.connected()
        other = await self.other()
        answers = await self.hear(other, "printer/moonraker/api/response")
        self.assertEqual((await self.ask(other, answers, method="server.info", id=0))["id"], 0)
        answer = await self.ask(other, answers, method="server.mqtt.publish", params={"topic": "x"}, id=2)
        self.assertEqual(answer["error"]["code"], -32601)
        answer = await self.ask(
            other, answers, method="printer.gcode.script", params={"script": "FAIL"}, id=3
        )
        self.assertEqual(answer["error"], {"code": 400, "message": "Must home axis first"})
        other.send("printer/moonraker/api/request", b"{not json")
        await self.until(lambda: len(answers) == 4)
        self.assertEqual(json.loads(answers[-1])["error"]["code"], -32700)

    def test_repeated_request_is_done_once(self) -> Any:
        return self.async_test(self._repeated())

    async def _repeated(self) -> None:
        await self.connected()
        other = await self.other()
        answers = await self.hear(other, "printer/moonraker/api/response")
        stamped = {"script": "G28", "mqtt_timestamp": 1234}
        await self.ask(other, answers, method="printer.gcode.script", params=stamped, id=1)
        request = {"jsonrpc": "2.0", "method": "printer.gcode.script", "params": stamped, "id": 2}
        other.send("printer/moonraker/api/request", json.dumps(request).encode())
        await self.ask(other, answers, method="server.info", id=3)
        self.assertEqual([json.loads(each)["id"] for each in answers], [1, 3])
        self.assertEqual(len(self.fake.asked("gcode/script")), 1)

    def test_status_is_published(self) -> Any:
        return self.async_test(self._status())

    async def _status(self) -> None:
        await self.connected()
        other = await self.other()
        heard = await self.hear(other, "printer/klipper/status")
        online = await self.hear(other, "printer/moonraker/status")
        await self.until(lambda: online)
        self.assertEqual(online, [b'{"server":"online"}'])
        self.fake.change("toolhead", position=[1.0, 2.0, 3.0, 4.0], print_time=9.0)
        await self.until(lambda: heard)
        content = json.loads(heard[-1])
        self.assertEqual(content["status"], {"toolhead": {"position": [1.0, 2.0, 3.0, 4.0]}})
        self.assertGreater(content["eventtime"], 0)

    def test_macro_publishes(self) -> Any:
        return self.async_test(self._macro())

    async def _macro(self) -> None:
        await self.connected()
        other = await self.other()
        heard = await self.hear(other, "printer/klipper/alert")
        mark = await self.hear(other, "mark")
        self.fake.call_remote("publish_mqtt_topic", topic="klipper/alert", payload={"a": 1}, use_prefix=True)
        self.fake.call_remote("publish_mqtt_topic", topic="mark", payload=None, qos=1, retain=False)
        await self.until(lambda: mark)
        self.assertEqual((heard, mark), ([b'{"a":1}'], [b""]))

    def test_goodbye(self) -> Any:
        return self.async_test(self._goodbye())

    async def _goodbye(self) -> None:
        await self.connected()
        other = await self.other()
        heard = await self.hear(other, "printer/moonraker/status")
        await self.until(lambda: heard)
        await self.house.stopService()
        await self.until(lambda: len(heard) == 2)
        self.assertEqual(heard[-1], b'{"server":"offline"}')

    def test_publish_and_subscribe(self) -> Any:
        return self.async_test(self._publish())

    async def _publish(self) -> None:
        await self.connected()
        answer = await self.call("server.mqtt.publish", topic="kept", payload=[1, 2], qos=2, retain=True)
        self.assertEqual(answer, {"topic": "kept"})
        answer = await self.call("server.mqtt.subscribe", topic="kept", qos=1, timeout=20)
        self.assertEqual(answer, {"topic": "kept", "payload": [1, 2]})
        late = await self.rpc("server.mqtt.subscribe", topic="silence", timeout=0.01)
        self.assertEqual(late["error"]["code"], 504)
        wrong = await self.rpc("server.mqtt.publish", topic="a/#")
        self.assertEqual(wrong["error"]["code"], 400)
        self.assertIn("wildcards", wrong["error"]["message"])
        wrong = await self.rpc("server.mqtt.publish", topic="a", qos=3)
        self.assertEqual(wrong["error"]["message"], "'qos' must be from 0 to 2, not 3")

    def test_broker_goes_and_comes(self) -> Any:
        return self.async_test(self._gone())

    async def _gone(self) -> None:
        await self.connected()
        self.mosquitto.stop()
        await self.until(lambda: self.house.warnings)
        self.assertIn(f"no connection to 127.0.0.1:{self.mosquitto.port}", self.house.warnings[0])
        answer = await self.rpc("server.mqtt.publish", topic="x", payload=1)
        self.assertEqual(answer["error"]["code"], 503)
        self.assertIn(self.house.warnings[0], (await self.call("server.info"))["warnings"])
        self.mosquitto.start()
        await self.connected()
        self.assertEqual(self.house.warnings, [])
        other = await self.other()
        answers = await self.hear(other, "printer/moonraker/api/response")
        self.assertIn("result", await self.ask(other, answers, method="server.info", id=9))


class SplitStatusTests(MqttTestCase):
    protocol = "v5"
    options = (
        "publish_split_status: True\nstatus_interval: 0.05\nstatus_objects:\n  extruder=temperature\n"
        "enable_homeassistant_discovery: True\nclient_id: brokerd-test\ndefault_qos: 1\n"
        "[power fan]\ntype: klipper_device\nobject_name: output_pin fan\n"
    )

    def prepare(self) -> None:
        self.fake.objects["output_pin fan"] = {"value": 0.0}
        super().prepare()

    def test_fields_have_topics(self) -> Any:
        return self.async_test(self._fields())

    async def _fields(self) -> None:
        await self.connected()
        other = await self.other()
        heard = await self.hear(other, "printer/klipper/state/extruder/temperature")
        self.fake.change("extruder", temperature=31.5, power=0.5)
        await self.until(lambda: heard and json.loads(heard[-1])["value"] == 31.5)

    def test_home_assistant(self) -> Any:
        return self.async_test(self._home_assistant())

    async def _home_assistant(self) -> None:
        await self.connected()
        other = await self.other()
        number = await self.hear(other, "homeassistant/number/printer/heater_bed_target/config")
        await self.until(lambda: number)
        entity = json.loads(number[-1])
        states = await self.hear(other, entity["state_topic"])
        await self.until(lambda: states)
        self.assertEqual(json.loads(states[-1])["value"], 0.0)
        available = await self.hear(other, entity["availability_topic"])
        await self.until(lambda: available)
        self.assertEqual(json.loads(available[-1])["server"], "online")
        # What Home Assistant sends when the user sets 60 degrees.
        other.send(entity["command_topic"], entity["command_template"].replace("{{ value }}", "60").encode())
        await self.until(lambda: self.fake.asked("gcode/script"))
        script = self.fake.asked("gcode/script")[-1]["script"]
        self.assertEqual(script, "SET_HEATER_TEMPERATURE HEATER=heater_bed TARGET=60")

    def test_home_assistant_switches(self) -> Any:
        return self.async_test(self._switches())

    async def _switches(self) -> None:
        await self.connected()
        other = await self.other()
        switch = await self.hear(other, "homeassistant/switch/printer/power_fan/config")
        await self.until(lambda: switch)
        entity = json.loads(switch[-1])
        states = await self.hear(other, entity["state_topic"])
        await self.until(lambda: states and states[-1] == b"off")
        other.send(entity["command_topic"], entity["payload_on"].encode())
        await self.until(lambda: self.fake.asked("gcode/script"))
        self.assertEqual(self.fake.asked("gcode/script")[-1]["script"], "SET_PIN PIN=fan VALUE=1")
        self.fake.change("output_pin fan", value=1.0)
        await self.until(lambda: states[-1] == b"on")


class OldProtocolTests(MqttTestCase):
    protocol = "v3.1"
    options = "api_role: viewer\n"

    def test_viewers_may_not_move_anything(self) -> Any:
        return self.async_test(self._viewers())

    async def _viewers(self) -> None:
        await self.connected()
        other = await self.other()
        answers = await self.hear(other, "printer/moonraker/api/response")
        self.assertIn("result", await self.ask(other, answers, method="printer.info", id=1))
        request = {"method": "printer.gcode.script", "params": {"script": "G28"}, "id": 2}
        answer = await self.ask(other, answers, **request)
        self.assertEqual(answer["error"]["code"], 403)
        self.assertEqual(self.fake.asked("gcode/script"), [])


class TlsTests(MqttTestCase):
    options = "enable_tls: True\n"

    def prepare(self) -> None:
        folder = self.data / "tls"
        folder.mkdir()
        _certificate(folder)
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(folder / "certificate.pem")  # what the machine trusts
        self.addCleanup(_restore, before)
        self.lines = (
            "allow_anonymous true",
            f"certfile {folder}/certificate.pem",
            f"keyfile {folder}/key.pem",
        )
        super().prepare()

    def test_connects(self) -> Any:
        return self.async_test(self._connects())

    async def _connects(self) -> None:
        await self.connected()
        # Longer than what TLS hands over at once.
        text = "x" * 100_000
        await self.call("server.mqtt.publish", topic="kept", payload=text, qos=1, retain=True)
        answer = await self.call("server.mqtt.subscribe", topic="kept", timeout=20)
        self.assertEqual(answer["payload"], text)


def _restore(before: str | None) -> None:
    if before is None:
        del os.environ["SSL_CERT_FILE"]
    else:
        os.environ["SSL_CERT_FILE"] = before


def _certificate(folder: Path) -> None:
    """A certificate for 127.0.0.1 that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    content = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(content)


class LoginTests(MqttTestCase):
    lines = ("allow_anonymous false", "password_file {folder}/passwords")
    options = (
        "username: {secrets.mqtt.user}\npassword: {secrets.mqtt.password}\nenable_moonraker_api: False\n"
    )
    secrets = "[mqtt]\nuser: ann\npassword: wonderland\n"
    login = {"username": "ann", "password": "wonderland"}

    def prepare(self) -> None:
        folder = Path(self.data / "mosquitto")
        folder.mkdir()
        (folder / "passwords").write_text(_ANN)
        (folder / "passwords").chmod(0o644)
        self.lines = tuple(each.format(folder=folder) for each in type(self).lines)
        super().prepare()

    def test_secrets_log_in(self) -> Any:
        return self.async_test(self._login())

    async def _login(self) -> None:
        await self.connected()
        shown = (await self.call("server.config"))["config"]["mqtt"]
        self.assertEqual(shown["password"], "{secrets.mqtt.password}")
        self.assertNotIn("wonderland", json.dumps(await self.call("server.config")))


class RefusedTests(LoginTests):
    options = "username: ann\npassword: wrong\n"

    def test_secrets_log_in(self) -> Any:
        return self.async_test(self._refused())

    async def _refused(self) -> None:
        await self.until(lambda: self.house.warnings)
        self.assertIn("refused: Not authorized", self.house.warnings[0])
        self.assertNotIn("wrong", self.house.warnings[0])


# mosquitto_passwd of the user ann, password wonderland.
_ANN = (
    "ann:$7$101$D3H8e8x275txr3eL$"
    "X0KWNyN6HujE4X/HyPbJ/ULnYRbalBj7PzDADxKNOvV/"
    "usUDwdYJ5dELf9fS4byUIJO/BAED6Boi1mRyil2fdQ==\n"
)


class BrokenTests(HouseTestCase):
    configuration = "[mqtt]\naddress: 127.0.0.1\ndefault_qos: 7\n"

    def test_rest_goes_on(self) -> Any:
        return self.async_test(self._rest())

    async def _rest(self) -> None:
        info = await self.call("server.info")
        self.assertEqual(info["failed_components"], ["mqtt"])
        self.assertIn(
            "moonraker.conf:3: the option 'default_qos' of [mqtt] must be from 0 to 2", info["warnings"][0]
        )
        self.assertNotIn("mqtt", info["components"])

    def test_status_objects(self) -> None:
        parsed = parse_status_objects("webhooks\n toolhead = position , print_time\n")
        self.assertEqual(parsed, {"webhooks": None, "toolhead": ("position", "print_time")})
        self.assertRaises(ValueError, parse_status_objects, "toolhead=")
