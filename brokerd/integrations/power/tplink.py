"""TP-Link plugs of the Kasa family: JSON over TCP, obscured by a running exclusive or."""

import struct
from collections.abc import Callable
from typing import Any

import orjson
from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from brokerd.integrations.power.config import TplinkPower
from brokerd.integrations.power.device import SwitchFailed

__all__ = ["TplinkSwitch", "obscure", "reveal"]

_KEY = 171
_PATIENCE = 5.0  # seconds
_LONGEST = 64 * 1024


def obscure(text: bytes) -> bytes:
    """A message as it goes over the wire, with its length before it."""
    key, content = _KEY, bytearray()
    for each in text:
        key ^= each
        content.append(key)
    return struct.pack(">I", len(text)) + bytes(content)


def reveal(content: bytes) -> bytes:
    """The text of a message, without its length."""
    key, text = _KEY, bytearray()
    for each in content:
        text.append(key ^ each)
        key = each
    return bytes(text)


class _Exchange(Protocol):
    """One question and its answer."""

    def __init__(self) -> None:
        self._received = b""
        self.answer: Deferred[bytes] = Deferred(lambda _: None)

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        if len(self._received) < 4 or self.answer.called:
            return
        (length,) = struct.unpack(">I", self._received[:4])
        if length > _LONGEST:
            self.answer.errback(SwitchFailed(f"it sends {length} bytes"))
        elif len(self._received) >= 4 + length:
            self.answer.callback(reveal(self._received[4 : 4 + length]))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.answer.called:
            self.answer.errback(SwitchFailed("the connection was closed"))


@define(eq=False, repr=False)
class TplinkSwitch:
    """A plug, or one socket of a strip."""

    _config: TplinkPower
    _reactor: Any

    async def start(self, changed: Callable[[bool | None], None]) -> None:
        """There is nothing to begin: each question has its own connection."""

    async def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        config = self._config
        endpoint = HostnameEndpoint(self._reactor, config.address, config.port, timeout=_PATIENCE)
        try:
            exchange = await connectProtocol(endpoint, _Exchange())
        except Exception as error:
            raise SwitchFailed(f"no connection to {config.address}:{config.port}: {error}") from None
        assert exchange.transport is not None
        exchange.answer.addTimeout(_PATIENCE, self._reactor, _late)
        try:
            exchange.transport.write(obscure(orjson.dumps(question)))
            text = await exchange.answer
        finally:
            exchange.transport.loseConnection()
        try:
            answer: dict[str, Any] = orjson.loads(text)["system"]
        except (ValueError, KeyError, TypeError):
            raise SwitchFailed("its answer can't be understood") from None
        return answer

    async def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = (await self._ask({"system": {"get_sysinfo": {}}}))["get_sysinfo"]
        return info

    def _socket(self, info: dict[str, Any]) -> dict[str, Any]:
        """The chosen socket of a strip."""
        children = info.get("children", [])
        if self._config.output_id > len(children):
            raise SwitchFailed(f"it has {len(children)} sockets, not {self._config.output_id}")
        socket: dict[str, Any] = children[self._config.output_id - 1]
        return socket

    async def read(self) -> bool | None:
        info = await self._info()
        if self._config.output_id:
            return bool(self._socket(info).get("state"))
        return bool(info.get("relay_state"))

    async def write(self, on: bool) -> bool:
        question: dict[str, Any] = {"system": {"set_relay_state": {"state": int(on)}}}
        if self._config.output_id:
            info = await self._info()
            number = str(self._socket(info).get("id", ""))
            device = str(info.get("deviceId", ""))
            question["context"] = {"child_ids": [number if number.startswith(device) else device + number]}
        result = (await self._ask(question)).get("set_relay_state", {})
        if result.get("err_code") != 0:
            raise SwitchFailed(f"it refuses: {result.get('err_msg', result)}")
        return on

    def stop(self) -> None:
        """No connection stays."""


def _late(*_: object) -> bytes:
    raise SwitchFailed(f"no answer in {_PATIENCE:g} s")
