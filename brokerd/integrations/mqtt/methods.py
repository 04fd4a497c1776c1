"""C{server.mqtt.*}, and the macros' C{publish_mqtt_topic}."""

from typing import Annotated, Any, ClassVar

import orjson
from attrs import define
from twisted.internet.defer import Deferred

from brokerd.encoding import encode
from brokerd.errors import ApiError, BadRequest
from brokerd.integrations.mqtt.client import MqttClient
from brokerd.integrations.mqtt.config import parse_topic
from brokerd.registry.declare import method

__all__ = ["MqttMethods", "payload_bytes"]

Topic = Annotated[str, "name of the topic, without wildcards"]
Qos = Annotated[int | None, "quality of service, 0 to 2; by default that of the configuration"]


def payload_bytes(value: Any) -> bytes:
    """A payload as it is published: text as it is, nothing for None, all else as JSON."""
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else encode(value)


def payload_value(payload: bytes) -> Any:
    """A payload as the API gives it: a JSON object or list, a text, or None if it is empty."""
    if not payload:
        return None
    text = payload.decode("utf-8", "replace")
    if text[:1] in "{[":
        try:
            return orjson.loads(payload)
        except ValueError:
            return text
    return text


def _topic(text: str) -> str:
    try:
        return parse_topic(text)
    except ValueError as error:
        raise BadRequest(f"'topic' must be {error}, not {text[:60]!r}") from None


def _qos(qos: int | None) -> int | None:
    if qos is not None and not 0 <= qos <= 2:
        raise BadRequest(f"'qos' must be from 0 to 2, not {qos}")
    return qos


@define(eq=False, repr=False)
class MqttMethods:
    """Publishing and subscribing for clients."""

    component: ClassVar[str] = "mqtt"
    _client: MqttClient
    _clock: Any

    @method("server.mqtt.publish", "POST /server/mqtt/publish", result="{topic: str}")
    async def publish(
        self,
        topic: Topic,
        payload: Annotated[Any, "text, number, object, list or null"] = None,
        qos: Qos = None,
        retain: Annotated[bool, "whether the MQTT broker keeps it for later subscribers"] = False,
        timeout: Annotated[float | None, "how long to wait for the acknowledgement (s)"] = None,
    ) -> dict[str, Any]:
        """Publish a topic."""
        await self._client.publish(_topic(topic), payload_bytes(payload), _qos(qos), retain, timeout)
        return {"topic": topic}

    @method("server.mqtt.subscribe", "POST /server/mqtt/subscribe", result="{topic: str, payload: any}")
    async def subscribe(
        self,
        topic: Topic,
        qos: Qos = None,
        timeout: Annotated[float | None, "how long to wait (s)"] = None,
    ) -> dict[str, Any]:
        """Wait for the next message on a topic, or take the one that is retained."""
        arrived: Deferred[bytes] = Deferred()

        def receive(_: str, payload: bytes) -> None:
            if not arrived.called:
                arrived.callback(payload)

        subscription = self._client.subscribe(_topic(topic), receive, _qos(qos))
        if timeout is not None:
            arrived.addTimeout(timeout, self._clock, _timed_out)
        try:
            payload = await arrived
        finally:
            subscription.end()
        return {"topic": topic, "payload": payload_value(payload)}

    async def publish_from_macro(
        self,
        topic: str,
        payload: Any = None,
        qos: int | None = None,
        retain: bool = False,
        use_prefix: bool = False,
    ) -> None:
        """The remote method C{publish_mqtt_topic}."""
        name = f"{self._client.config.instance_name}/{topic.lstrip('/')}" if use_prefix else topic
        await self._client.publish(_topic(name), payload_bytes(payload), _qos(qos), bool(retain))


def _timed_out(*_: object) -> bytes:
    raise ApiError("nothing was published on the topic in time", 504)
