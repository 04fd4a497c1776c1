"""MQTT: the API by topics, the printer's status, and topics for other integrations.

- L{brokerd.integrations.mqtt.client}: the connection.
- L{brokerd.integrations.mqtt.api}: requests and answers.
- L{brokerd.integrations.mqtt.status}: printer objects.
- L{brokerd.integrations.mqtt.home_assistant}: discovery.
- L{brokerd.integrations.mqtt.methods}: C{server.mqtt.*}.
"""

from collections.abc import Iterable
from typing import Any

from attrs import define, field
from twisted.application.service import Service

from brokerd.integrations.house import House
from brokerd.integrations.mqtt.api import MqttApi
from brokerd.integrations.mqtt.client import MqttClient
from brokerd.integrations.mqtt.config import MqttConfig
from brokerd.integrations.mqtt.home_assistant import HomeAssistant
from brokerd.integrations.mqtt.methods import MqttMethods
from brokerd.integrations.mqtt.status import StatusPublisher
from brokerd.registry.caller import Role

__all__ = ["COMPONENTS", "build"]

COMPONENTS = (MqttMethods,)


@define(eq=False, repr=False, slots=False)
class _Publishing(Service):
    """The connection with all that is published by it."""

    _client: MqttClient
    _parts: list[Any] = field(factory=list)

    def startService(self) -> None:
        super().startService()
        self._client.follow(self)
        for each in self._parts:
            each.start()
        self._client.startService()

    def stopService(self) -> None:
        super().stopService()
        self._client.stopService()
        for each in self._parts:
            if hasattr(each, "stop"):
                each.stop()

    def mqtt_connected(self) -> None:
        topic, _ = self._client.will
        self._client.send(topic, b'{"server":"online"}', retain=True)

    def mqtt_disconnected(self) -> None:
        """The broker publishes our last will."""


def build(house: House) -> Iterable[object]:
    """The connection, if C{[mqtt]} is there and right."""
    parts = house.parts
    config = parts.settings.sections.maybe(MqttConfig)
    if config is None:
        return

    def warn(text: str) -> None:
        if text:
            house.warn("mqtt", text)
        else:
            house.clear("mqtt")

    will = (f"{config.instance_name}/moonraker/status", b'{"server":"offline"}')
    client = house.mqtt = MqttClient(config, will, parts.reactor, parts.threads, warn)
    publishing: list[Any] = []
    if config.enable_moonraker_api:
        qos = config.default_qos if config.api_qos is None else config.api_qos
        publishing.append(MqttApi(client, parts.rpc, parts.chores, qos, Role[config.api_role.upper()]))
    if config.status_objects:
        wanted = {n: None if f is None else frozenset(f) for n, f in config.status_objects.items()}
        split, interval = config.publish_split_status, config.status_interval
        publishing.append(StatusPublisher(client, parts.host, parts.reactor, wanted, split, interval))
    if config.enable_homeassistant_discovery:
        house.home_assistant = HomeAssistant(client, parts.host, parts.reactor)
        publishing.append(house.home_assistant)
    methods = MqttMethods(client, parts.reactor)
    parts.host.offer("publish_mqtt_topic", methods.publish_from_macro)
    yield methods
    yield _Publishing(client, publishing)
