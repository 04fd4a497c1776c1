"""Announces the printer to Home Assistant by its MQTT discovery.

Each entity is one retained message C{{prefix}/{kind}/{instance}/{entity}/config}, as Home Assistant documents
it. Values come from topics that are retained too; commands are ordinary requests to the API by MQTT.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from brokerd import SERVER_VERSION
from brokerd.encoding import encode
from brokerd.errors import ApiError
from brokerd.integrations.mqtt.client import MqttClient
from brokerd.integrations.mqtt.status import StatusPublisher
from brokerd.printer.session import HostSession
from brokerd.printer.subscriptions import Watcher

__all__ = ["HomeAssistant"]

_PRINT = {"print_stats": ["state", "filename", "print_duration"], "virtual_sdcard": ["progress"]}


@frozen
class _Entity:
    """One entity.

    @ivar kind: of entity, in Home Assistant's words.
    @ivar content: its configuration, without what all have in common.
    """

    kind: str
    identifier: str
    content: Mapping[str, Any]


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)


def _script(script: str) -> str:
    params = encode({"script": script}).decode()
    return f'{{"jsonrpc":"2.0","method":"printer.gcode.script","params":{params}}}'


@define(eq=False, repr=False)
class HomeAssistant:
    """Announces the printer while the MQTT broker is connected."""

    _client: MqttClient
    _host: HostSession
    _clock: IReactorTime
    _heaters: list[str] = field(init=False, factory=list)
    _switches: dict[str, str] = field(init=False, factory=dict)
    _values: StatusPublisher = field(init=False)
    _watcher: Watcher = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._values = StatusPublisher(self._client, self._host, self._clock, {}, True, 1.0)
        self._watcher = Watcher(self._values.changed)

    def start(self) -> None:
        """Announce from now on."""
        self._host.follow(self)
        self._client.follow(self._values)
        self._client.follow(self)

    def stop(self) -> None:
        """Publish nothing more."""
        self._values.stop()

    async def host_ready(self) -> None:
        """Follow what the host has."""
        try:
            answer = await self._host.request("objects/query", {"objects": {"heaters": None}})
            self._heaters = list(answer["status"].get("heaters", {}).get("available_heaters", ()))
            objects = {**_PRINT, **{each: ["temperature", "target"] for each in self._heaters}}
            self._values.wanted = {name: frozenset(fields) for name, fields in objects.items()}
            now = await self._host.hub.subscribe(self._watcher, objects)
        except ApiError:
            return  # it is gone again, and will be back
        self._values.changed(now["status"], now["eventtime"])
        self.mqtt_connected()

    def host_stopped(self, state: str) -> None:
        """The state topic says so."""

    def mqtt_connected(self) -> None:
        """Announce everything; the messages are retained, and the same each time."""
        for entity in self._entities():
            self._announce(entity)
        for name, state in self._switches.items():
            self._tell_switch(name, state)

    def mqtt_disconnected(self) -> None:
        """The broker publishes our last will."""

    def switch(self, name: str, state: str) -> None:
        """A power device is there, or has changed."""
        new = name not in self._switches
        self._switches[name] = state
        if not self._client.connected:
            return
        if new:
            self._announce(self._switch(name))
        self._tell_switch(name, state)

    def _tell_switch(self, name: str, state: str) -> None:
        self._client.send(self._switch_topic(name), state.encode(), retain=True)

    def _switch_topic(self, name: str) -> str:
        return f"{self._name}/moonraker/power/{_plain(name)}"

    @property
    def _name(self) -> str:
        return self._client.config.instance_name

    @property
    def _commands(self) -> str:
        return f"{self._name}/moonraker/api/request"

    def _announce(self, entity: _Entity) -> None:
        node = _plain(self._name)
        content = {
            **entity.content,
            "unique_id": f"{node}_{entity.identifier}",
            "object_id": f"{node}_{entity.identifier}",
            "availability_topic": f"{self._name}/moonraker/status",
            "availability_template": "{{ value_json.server }}",
            "device": {
                "identifiers": [node],
                "name": self._name,
                "model": "3D printer",
                "manufacturer": "Klipper",
                "sw_version": SERVER_VERSION,
            },
        }
        prefix = self._client.config.homeassistant_prefix
        topic = f"{prefix}/{entity.kind}/{node}/{entity.identifier}/config"
        self._client.send(topic, encode(content), retain=True)

    def _entities(self) -> Iterable[_Entity]:
        yield self._sensor("print_stats", "state", "State", icon="mdi:printer-3d")
        yield self._sensor("print_stats", "filename", "File", icon="mdi:file")
        yield self._sensor(
            "print_stats", "print_duration", "Print time", unit_of_measurement="s", device_class="duration"
        )
        progress = "{{ (value_json.value * 100) | round(1) }}"
        yield self._sensor(
            "virtual_sdcard", "progress", "Progress", value_template=progress, unit_of_measurement="%"
        )
        for heater in self._heaters:
            yield from self._heater(heater)
        if not self._client.config.enable_moonraker_api:
            return
        for name, method in (
            ("Pause", "printer.print.pause"),
            ("Resume", "printer.print.resume"),
            ("Cancel", "printer.print.cancel"),
            ("Emergency stop", "printer.emergency_stop"),
        ):
            press = f'{{"jsonrpc":"2.0","method":"{method}"}}'
            content = {"name": name, "command_topic": self._commands, "payload_press": press}
            yield _Entity("button", _plain(name.lower()), content)
        for name in self._switches:
            yield self._switch(name)

    def _sensor(self, printer_object: str, value: str, name: str, **more: Any) -> _Entity:
        topic = f"{self._name}/klipper/state/{printer_object}/{value}"
        content = {"name": name, "state_topic": topic, "value_template": "{{ value_json.value }}", **more}
        return _Entity("sensor", _plain(f"{printer_object}_{value}"), content)

    def _heater(self, heater: str) -> Iterable[_Entity]:
        celsius = {"unit_of_measurement": "°C", "device_class": "temperature"}
        yield self._sensor(
            heater, "temperature", f"{heater} temperature", state_class="measurement", **celsius
        )
        if not self._client.config.enable_moonraker_api:
            yield self._sensor(heater, "target", f"{heater} target", **celsius)
            return
        short = heater.rpartition(" ")[2]
        content = {
            "name": f"{heater} target",
            "state_topic": f"{self._name}/klipper/state/{heater}/target",
            "value_template": "{{ value_json.value }}",
            "command_topic": self._commands,
            "command_template": _script(f"SET_HEATER_TEMPERATURE HEATER={short} TARGET={{{{ value }}}}"),
            "min": 0,
            "max": 350,
            "mode": "box",
            **celsius,
        }
        yield _Entity("number", _plain(f"{heater}_target"), content)

    def _switch(self, name: str) -> _Entity:
        def command(action: str) -> str:
            params = {"device": name, "action": action}
            request = {"jsonrpc": "2.0", "method": "machine.device_power.post_device", "params": params}
            return encode(request).decode()

        content = {
            "name": name,
            "state_topic": self._switch_topic(name),
            "state_on": "on",
            "state_off": "off",
            "command_topic": self._commands,
            "payload_on": command("on"),
            "payload_off": command("off"),
        }
        return _Entity("switch", _plain(f"power_{name}"), content)
