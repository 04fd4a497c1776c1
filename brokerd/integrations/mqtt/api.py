"""The API over MQTT: JSON-RPC requests come by one topic, answers leave by another."""

from collections import deque
from typing import Any

import orjson
from attrs import define, field
from twisted.logger import Logger

from brokerd.chores import Chores
from brokerd.encoding import encode
from brokerd.faces.jsonrpc import JsonRpc
from brokerd.integrations.mqtt.client import MqttClient
from brokerd.registry.caller import Caller, Role

__all__ = ["MqttApi"]

log = Logger()

_REMEMBERED = 20  # time stamps of requests, to know repeated ones by
_IN_FLIGHT = 100  # requests that are not answered yet
_LONGEST = 4 * 1024 * 1024
# Whoever is here can publish and subscribe by itself.
_WITHHELD = "server.mqtt."


@define(eq=False, repr=False)
class MqttApi:
    """Answers requests. Whoever the MQTT broker lets publish the topic is trusted with C{role}."""

    _client: MqttClient
    _rpc: JsonRpc
    _chores: Chores
    _qos: int
    _role: Role
    _in_flight: int = field(init=False, default=0)
    _stamps: deque[Any] = field(init=False, factory=lambda: deque(maxlen=_REMEMBERED))

    def start(self) -> None:
        """Listen from now on."""
        name = self._client.config.instance_name
        self._client.subscribe(f"{name}/moonraker/api/request", self._received, self._qos)

    def _received(self, topic: str, payload: bytes) -> None:
        if len(payload) > _LONGEST or self._in_flight >= _IN_FLIGHT:
            log.warn("a request by MQTT is dropped: it is too long, or too many are waiting")
            return
        self._in_flight += 1
        self._chores.spawn(self._answer(payload), "answering a request by MQTT", self._answered)

    def _answered(self) -> None:
        self._in_flight -= 1

    async def _answer(self, payload: bytes) -> None:
        request = _parsed(payload)
        params = request.get("params")
        stamp = params.get("mqtt_timestamp") if isinstance(params, dict) else None
        if stamp is not None:
            if stamp in self._stamps:
                return  # quality of service 1 may deliver twice
            self._stamps.append(stamp)
        if str(request.get("method", "")).startswith(_WITHHELD):
            error = {"code": -32601, "message": "Method not found"}
            answer: bytes | None = encode({"jsonrpc": "2.0", "error": error, "id": request.get("id")})
        else:
            answer = await self._rpc.answer(payload, Caller(self._role, address="mqtt"))
        if answer is not None:
            name = self._client.config.instance_name
            self._client.send(f"{name}/moonraker/api/response", answer, self._qos)


def _parsed(payload: bytes) -> dict[str, Any]:
    """The request, as far as it is one; what is wrong with it the answer will say."""
    try:
        content = orjson.loads(payload)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
