"""Each kind of power device that is reached by a network or a program, against a fake at the wire."""

import json
import os
from base64 import b64encode
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from brokerd.integrations.power.hubs import parse_status
from brokerd.integrations.power.tplink import obscure, reveal

from .mosquitto import MISSING
from .test_mqtt import MqttTestCase
from .test_power import PowerTestCase
from .web import Asked, WebServer


class PlugServer(Protocol):
    """A strip with two sockets, speaking the plug's protocol; checked against the published example."""

    def dataReceived(self, data: bytes) -> None:
        question = json.loads(reveal(data[4:]))
        sockets = self.factory.sockets  # type: ignore[attr-defined]
        if "get_sysinfo" in question["system"]:
            info: dict[str, Any] = {"deviceId": "8006", "relay_state": sockets["8006"]}
            children = [{"id": f"0{n}", "state": sockets[f"80060{n}"]} for n in (0, 1)]
            answer = {"get_sysinfo": {**info, "children": children}}
        else:
            for each in question.get("context", {}).get("child_ids", ["8006"]):
                sockets[each] = question["system"]["set_relay_state"]["state"]
            answer = {"set_relay_state": {"err_code": 0}}
        text = obscure(json.dumps({"system": answer}).encode())
        self.transport.write(text[:7])  # type: ignore[union-attr]
        reactor.callLater(0, self.transport.write, text[7:])  # type: ignore[union-attr]


class TplinkTests(PowerTestCase):
    def prepare(self) -> None:
        factory = Factory.forProtocol(PlugServer)
        factory.noisy = False
        factory.sockets = self.sockets_on = {"8006": 0, "800600": 0, "800601": 1}  # type: ignore[attr-defined]
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        plug = f"type: tplink_smartplug\naddress: 127.0.0.1\nport: {port.getHost().port}\n"
        self.configuration = (
            f"[power plug]\n{plug}[power second]\n{plug}output_id: 2\n[power third]\n{plug}output_id: 3\n"
        )
        super().prepare()

    def test_obscured(self) -> None:
        # From the published analysis of the protocol.
        text = b'{"system":{"set_relay_state":{"state":1}}}'
        known = "0000002ad0f281f88bff9af7d5ef94b6c5a0d48bf99cf091e8b7c4b0d1a5c0e2d8a381f286e793f6d4eedfa2dfa2"
        self.assertEqual(obscure(text).hex(), known)
        self.assertEqual(reveal(bytes.fromhex(known)[4:]), text)

    def test_switching(self) -> Any:
        return self.async_test(self._switching())

    async def _switching(self) -> None:
        for name in ("plug", "second", "third"):
            await self.begun(name)
        self.assertEqual([await self.state(n) for n in ("plug", "second", "third")], ["off", "on", "error"])
        await self.call("machine.device_power.on", plug=None)
        await self.call("machine.device_power.off", second=None)
        self.assertEqual(self.sockets_on, {"8006": 1, "800600": 0, "800601": 0})


class WebTests(PowerTestCase):
    """One server stands for all; each vendor's paths and answers are those of its documentation."""

    secrets = '{"ha": {"token": "tok"}, "hue": {"key": "k"}, "tasmota": {"password": "p w"}}'

    def prepare(self) -> None:
        self.on = False
        self.web = WebServer(self._answer)
        self.addCleanup(self.web.stop)
        at, port = f"address: {self.web.address}\n", f"address: 127.0.0.1\nport: {self.web.port}\n"
        self.configuration = (
            f"[power tasmota]\ntype: tasmota\n{at}password: {{secrets.tasmota.password}}\n"
            f"[power shelly]\ntype: shelly\n{at}user: u\npassword: p\n"
            f"[power homeseer]\ntype: homeseer\n{at}device: 42\npassword: p\n"
            f"[power ha]\ntype: homeassistant\n{port}device: switch.x\ntoken: {{secrets.ha.token}}\n"
            f"status_delay: 0\n[power loxone]\ntype: loxonev1\n{at}output_id: My plug\n"
            f"[power smart]\ntype: smartthings\n{port}protocol: http\ntoken: tok\ndevice: d-1\n"
            f"[power hue]\ntype: hue\n{port}user: {{secrets.hue.key}}\ndevice_id: 3\n"
            f"[power group]\ntype: hue\n{port}user: k\ndevice_id: 4\ndevice_type: group\n"
            f"[power generic]\ntype: http\n"
            f"on_url: http://{self.web.address}/cm?{{'cmnd=Power1 on'|urlencode}}\n"
            f"off_url: http://{self.web.address}/off\nstatus_url: http://{self.web.address}/status\n"
            + GENERIC
        )
        super().prepare()

    def _answer(self, asked: Asked) -> Any:
        path, query = asked.path, asked.query
        if path == "/cm" and "user" in query:
            assert query["user"] == "admin" and query["password"] == "p w", query
            return {"POWER": self._switch(query["cmnd"].partition(" ")[2])}
        if path == "/relay/0":
            if asked.header("authorization") != "Basic " + b64encode(b"u:p").decode():
                return 401, b"no"
            self._switch(query.get("turn", ""))
            return {"ison": self.on, "has_timer": False}
        if path == "/JSON":
            self._switch(query.get("label", ""))
            assert query["ref"] == "42" and query["pass"] == "p"
            return {"Devices": [{"ref": 42, "status": "On" if self.on else "Off"}]}
        if path.startswith("/api/services/switch/turn_"):
            assert asked.header("authorization") == "Bearer tok" and asked.json == {"entity_id": "switch.x"}
            self._switch(path.rpartition("_")[2])
            return []
        if path == "/api/states/switch.x":
            return {"entity_id": "switch.x", "state": "on" if self.on else "off"}
        if path.startswith("/jdev/sps/io/My%20plug"):
            self._switch(path.partition("plug/")[2])
            return {"LL": {"control": "x", "value": str(int(self.on)), "Code": "200"}}
        return self._answer_more(asked)

    def _answer_more(self, asked: Asked) -> Any:
        path = asked.path
        if path == "/v1/devices/d-1/commands":
            self._switch(asked.json[0]["command"])
            return {"results": [{"status": "ACCEPTED"}]}
        if path == "/v1/devices/d-1/components/main/capabilities/switch/status":
            return {"switch": {"value": "on" if self.on else "off"}}
        if path in ("/api/k/lights/3/state", "/api/k/groups/4/action"):
            assert asked.method == "PUT"
            self.on = asked.json["on"]
            return [{"success": {path.removeprefix("/api/k"): self.on}}]
        if path in ("/api/k/lights/3", "/api/k/groups/4"):
            return {"state": {"on": self.on, "any_on": self.on}, "name": "lamp"}
        if path == "/cm" or path in ("/off", "/status"):
            assert asked.method == "POST" and asked.header("x-key") == "tok", asked.method
            if path != "/status":
                self._switch("on" if path == "/cm" else "off")
            return {"result": [{"Status": "On" if self.on else "Off"}]}
        return 404, b"?"

    def _switch(self, word: str) -> str:
        if word:
            self.on = word.lower() == "on"
        return "ON" if self.on else "OFF"

    def test_every_kind(self) -> Any:
        return self.async_test(self._every())

    async def _every(self) -> None:
        names = ("tasmota", "shelly", "homeseer", "ha", "loxone", "smart", "hue", "group", "generic")
        for name in names:
            await self.begun(name)
            self.on = False
            self.assertEqual(await self.call("machine.device_power.on", **{name: None}), {name: "on"})
            self.assertEqual((name, self.on), (name, True))
            self.assertEqual(await self.call("machine.device_power.get_device", device=name), {name: "on"})
            self.assertEqual(await self.call("machine.device_power.off", **{name: None}), {name: "off"})
            self.assertEqual((name, self.on), (name, False))
        shown = json.dumps(await self.call("server.config"))
        self.assertNotIn("p w", shown)

    def test_failures(self) -> Any:
        return self.async_test(self._failures())

    async def _failures(self) -> None:
        for name in ("tasmota", "hue", "ha", "generic"):
            await self.begun(name)
        self.web.answer = lambda asked: {"WARNING": "Need user=<username>&password=<password>"}
        answer = await self.rpc("machine.device_power.on", tasmota=None)
        self.assertIn("it refuses: Need user", answer["error"]["message"])
        self.web.answer = lambda asked: [{"error": {"type": 1, "description": "unauthorized user"}}]
        answer = await self.rpc("machine.device_power.on", hue=None)
        self.assertIn("unauthorized user", answer["error"]["message"])
        self.web.answer = lambda asked: (500, b"broken")
        answer = await self.rpc("machine.device_power.on", ha=None)
        self.assertIn("answered with the status 500", answer["error"]["message"])
        self.assertEqual(await self.state("ha"), "error")
        self.web.answer = lambda asked: b"not json"
        answer = await self.rpc("machine.device_power.on", generic=None)
        self.assertIn("sent no JSON", answer["error"]["message"])


GENERIC = """
request_template:
  {% do http_request.set_method("POST") %}
  {% do http_request.add_header("X-Key", secrets.ha.token) %}
  {% do http_request.set_body({"on": command}) %}
  {% do http_request.send() %}
response_template:
  {% if command in ["on", "off"] %}
    {% do async_sleep(0.0) %}
    {% do http_request.set_url(urls.status) %}
    {% do http_request.send().raise_for_status() %}
  {% endif %}
  {% set resp = http_request.last_response().json() %}
  {resp.result[0].Status.lower()}
"""


class PollTests(PowerTestCase):
    def prepare(self) -> None:
        self.word = "OFF"
        self.web = WebServer(lambda asked: {"POWER1": self.word})
        self.addCleanup(self.web.stop)
        self.configuration = f"[power plug]\ntype: tasmota\naddress: {self.web.address}\npoll_interval: 1\n"
        super().prepare()

    def test_external_change(self) -> Any:
        return self.async_test(self._external())

    async def _external(self) -> None:
        await self.begun("plug")
        client = await self.socket()
        await client.ask("server.info")
        changed = client.expect("notify_power_changed")
        self.word = "ON"
        self.assertEqual((await changed)[0]["status"], "on")


class MqttPowerTests(MqttTestCase, PowerTestCase):
    skip = MISSING
    options = """
[power plug]
type: mqtt
command_topic: cmnd/plug/POWER
command_payload:
  {% if command == "on" %}
    TURN_ON
  {% else %}
    TURN_OFF
  {% endif %}
state_topic: stat/plug/POWER
state_response_template:
  {% if response_count == 1 and last_request.startswith("power_") %}
    discard
  {% else %}
    {(payload|fromjson).POWER}
  {% endif %}
query_topic: cmnd/plug/QUERY
query_payload: ?
qos: 1
state_timeout: 3
"""

    def test_plug(self) -> Any:
        return self.async_test(self._plug())

    async def _plug(self) -> None:
        plug = await self.other()
        state = {"on": True}

        def command(topic: str, payload: bytes) -> None:
            if payload != b"?":
                plug.send("stat/plug/POWER", b'{"POWER": "OFF"}')  # the answer before it is done
                state["on"] = payload == b"TURN_ON"
            word = "ON" if state["on"] else "OFF"
            plug.send("stat/plug/POWER", json.dumps({"POWER": word}).encode())

        plug.subscribe("cmnd/plug/POWER", command, 1)
        plug.subscribe("cmnd/plug/QUERY", command, 1)
        await self.connected()
        # What was asked before the plug was there is over once this is answered.
        self.assertEqual(await self.call("machine.device_power.get_device", device="plug"), {"plug": "on"})
        answer = await self.call("machine.device_power.on", plug=None)
        self.assertEqual((answer, state["on"]), ({"plug": "on"}, True))
        self.assertEqual(await self.call("machine.device_power.off", plug=None), {"plug": "off"})
        self.assertFalse(state["on"])
        plug.send("stat/plug/POWER", b'{"POWER": "ON"}')  # somebody pressed its button
        devices = self.house.built["power"][1]._devices
        await self.until(lambda: devices["plug"].state == "on")


class UhubctlTests(PowerTestCase):
    def prepare(self) -> None:
        folder = self.data / "bin"
        folder.mkdir()
        (folder / "uhubctl").write_text(UHUBCTL)
        (folder / "uhubctl").chmod(0o755)
        self.patch(os, "environ", {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
        self.state_file = folder / "state"
        self.configuration = (
            "[power usb]\ntype: uhubctl\nlocation: 1-1\nport: 2\n"
            "[power wrong]\ntype: uhubctl\nlocation: 7-7\nport: 2\n"
        )
        super().prepare()

    def test_switching(self) -> Any:
        return self.async_test(self._switching())

    async def _switching(self) -> None:
        await self.begun("usb")
        await self.begun("wrong")
        self.assertEqual((await self.state("usb"), await self.state("wrong")), ("off", "error"))
        self.assertEqual(await self.call("machine.device_power.on", usb=None), {"usb": "on"})
        self.assertEqual(await self.call("machine.device_power.off", usb=None), {"usb": "off"})
        answer = await self.rpc("machine.device_power.on", wrong=None)
        self.assertIn("No compatible devices detected at location 7-7!", answer["error"]["message"])

    def test_parsing(self) -> None:
        text = (
            "Current status for hub 1-1.1 [0424:2514, USB 2.00, 3 ports, ppps]\n"
            "  Port 2: 0103 power enable connect [1d50:614e Klipper]\n"
            "Current status for hub 1-1 [0424:2514, USB 2.00, 4 ports, ppps]\n"
            "  Port 1: 0503 power highspeed enable connect [0424:2514]\n  Port 2: 0000 off\n"
        )
        self.assertIs(parse_status(text, "1-1", "2"), False)
        self.assertIs(parse_status(text, "1-1", ""), True)
        self.assertIs(parse_status(text, "1-1.1", "2"), True)
        self.assertIsNone(parse_status(text, "1", "2"))


# Says what the real program says (2.5) of a hub that it knows, and of one that it doesn't.
UHUBCTL = r"""#!/bin/sh
state=$(dirname "$0")/state
[ "$2" = 1-1 ] || { echo "No compatible devices detected at location $2!" >&2; exit 1; }
hub="status for hub 1-1 [0424:2514, USB 2.00, 4 ports, ppps]"
show() { if [ -e "$state" ]; then echo "  Port 2: 0100 power"; else echo "  Port 2: 0000 off"; fi; }
echo "Current $hub"; show
[ "$5" = -a ] || exit 0
if [ "$6" = on ]; then : > "$state"; else rm -f "$state"; fi
echo "Sent power $6 request"; echo "New $hub"; show
"""
