"""JSON-RPC over the unix socket."""

import json
import os
import socket
import stat
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol

from brokerd.faces.unix import short_path

from .harness import BrokerTestCase


class UnixClient(Protocol):
    """Answers by id, all else in order."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.lost = False
        self._rest = b""
        self._waiting: dict[int, Deferred[Any]] = {}
        self._last = 0

    def dataReceived(self, data: bytes) -> None:
        *messages, self._rest = (self._rest + data).split(b"\x03")
        for text in messages:
            message = json.loads(text)
            waiting = self._waiting.pop(message["id"], None) if "method" not in message else None
            if waiting is not None:
                waiting.callback(message)
            else:
                self.messages.append(message)

    def connectionLost(self, reason: object = None) -> None:
        self.lost = True

    def say(self, message: Any) -> None:
        self.transport.write(json.dumps(message).encode() + b"\x03")  # type: ignore[union-attr]

    def ask(self, method: str, /, **params: Any) -> Deferred[Any]:
        self._last += 1
        answer = self._waiting[self._last] = Deferred()
        self.say({"jsonrpc": "2.0", "method": method, "params": params, "id": self._last})
        return answer


class UnixFaceTests(BrokerTestCase):
    async def client(self) -> UnixClient:
        folder = os.open(self.data / "comms", os.O_PATH)
        self.addCleanup(os.close, folder)
        path = short_path(self.data / "comms" / "moonraker.sock", folder)
        client: UnixClient = await connectProtocol(UNIXClientEndpoint(reactor, path), UnixClient())

        async def close() -> None:
            client.transport.abortConnection()  # type: ignore[union-attr]
            await self.until(lambda: client.lost)

        self.addCleanup(lambda: self.async_test(close()))
        return client

    async def heard(self, client: UnixClient, method: str) -> Any:
        """The next message of that method."""
        await self.until(lambda: any(each.get("method") == method for each in client.messages))
        found = next(each for each in client.messages if each.get("method") == method)
        client.messages.remove(found)
        return found

    async def test_requests(self) -> None:
        client = await self.client()
        answer = await client.ask("server.info")
        self.assertEqual(answer["result"]["klippy_state"], "ready")
        self.assertEqual((await client.ask("no.such.method"))["error"]["code"], -32601)
        number = (await client.ask("server.websocket.id"))["result"]["websocket_id"]
        self.assertGreaterEqual(number, 1_000_000)

    async def test_status_and_notifications(self) -> None:
        client = await self.client()
        answer = await client.ask("printer.objects.subscribe", objects={"extruder": ["target"]})
        self.assertEqual(answer["result"]["status"], {"extruder": {"target": 0.0}})
        self.fake.change("extruder", target=200.0, temperature=30.0)
        update = await self.heard(client, "notify_status_update")
        self.assertEqual(update["params"][0], {"extruder": {"target": 200.0}})
        self.fake.say("hello")
        self.assertEqual((await self.heard(client, "notify_gcode_response"))["params"], ["hello"])

    async def test_agent(self) -> None:
        client, agent = await self.client(), await self.client()
        identity = {"client_name": "a", "version": "1", "type": "agent", "url": "https://example.org"}
        self.assertIn("result", await agent.ask("server.connection.identify", **identity))
        asking = client.ask("server.extensions.request", agent="a", method="double", arguments={"n": 2})
        request = await self.heard(agent, "double")
        agent.say({"jsonrpc": "2.0", "result": 2 * request["params"]["n"], "id": request["id"]})
        self.assertEqual((await asking)["result"], 4)
        agent.transport.loseConnection()  # type: ignore[union-attr]
        told = None
        while told != "disconnected":
            told = (await self.heard(client, "notify_agent_event"))["params"][0]["event"]

    async def test_key_is_kept(self) -> None:
        client = await self.client()
        for method in ("access.get_api_key", "access.post_api_key"):
            self.assertEqual((await client.ask(method))["error"]["code"], 403)
        mode = stat.S_IMODE((self.data / "comms" / "moonraker.sock").stat().st_mode)
        self.assertEqual(mode & stat.S_IRWXO, 0)

    async def test_floods_are_closed(self) -> None:
        client = await self.client()
        client.transport.write(b"x" * (4 * 1024 * 1024 + 10))  # type: ignore[union-attr]
        await self.until(lambda: client.lost)
        client = await self.client()
        for _ in range(201):
            client.say({"jsonrpc": "2.0", "method": "printer.gcode.script", "params": {"script": "HOLD"}})
        await self.until(lambda: client.lost)
        for held in self.fake.held:
            held.callback(None)
        self.assertIn("result", await (await self.client()).ask("server.info"))

    async def test_garbage(self) -> None:
        client = await self.client()
        client.transport.write(b"{not json\x03\xff\xfe\x03[]\x03")  # type: ignore[union-attr]
        await self.until(lambda: len(client.messages) >= 3)
        codes = [each["error"]["code"] for each in client.messages]
        self.assertEqual(codes, [-32700, -32700, -32600])

    async def test_a_dead_brokers_socket_is_replaced(self) -> None:
        path = self.data / "comms" / "moonraker.sock"
        await self.broker.stopService()
        self.assertFalse(path.exists())
        dead = socket.socket(socket.AF_UNIX)
        folder = os.open(path.parent, os.O_PATH)
        dead.bind(short_path(path, folder))
        dead.close()
        os.symlink("999999999", f"{path}.lock")  # its process is no more
        os.close(folder)
        self.broker.startService()
        assert self.broker.parts is not None
        self.assertEqual(self.broker.parts.unix.warning, "")
        self.assertIn("result", await (await self.client()).ask("server.info"))

    async def test_no_socket_is_said(self) -> None:
        path = self.data / "comms" / "moonraker.sock"
        await self.broker.stopService()
        path.mkdir()
        self.broker.startService()
        warnings = (await self.rpc("server.info"))["result"]["warnings"]
        self.assertIn("no unix socket for other programs", warnings[0])
