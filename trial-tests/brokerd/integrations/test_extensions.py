"""Agents: programs that extend the broker over their connection."""

import json
from typing import Any

from twisted.internet.task import Clock

from ..harness import SocketClient
from .houses import HouseTestCase

AGENT = {"client_name": "moonagent", "version": "0.0.1", "type": "agent", "url": "https://example.org"}
SHOWN = {"name": "moonagent", "version": "0.0.1", "type": "agent", "url": "https://example.org"}


class AgentTests(HouseTestCase):
    async def agent(self, **changes: str) -> SocketClient:
        agent = await self.socket()
        answer = await agent.ask("server.connection.identify", **{**AGENT, **changes})
        self.assertIn("result", answer)
        return agent

    async def request_to(self, agent: SocketClient, method: str) -> dict[str, Any]:
        """The next request that the broker sends to an agent."""
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            found.extend(each for each in agent.notifications if each["method"] == method)
            return bool(found)

        await self.until(arrived)
        agent.notifications.clear()
        return found[0]

    def test_coming_and_going(self) -> Any:
        return self.async_test(self._coming())

    async def _coming(self) -> None:
        client = await self.socket()
        await client.ask("server.info")
        came = client.expect("notify_agent_event")
        agent = await self.agent()
        self.assertEqual(await came, [{"agent": "moonagent", "event": "connected", "data": SHOWN}])
        listed = (await self.get("/server/extensions/list")).json["result"]
        self.assertEqual(listed, {"agents": [SHOWN]})
        self.assertEqual([e for e in agent.notifications if e["method"] == "notify_agent_event"], [])
        twice = await (await self.socket()).ask("server.connection.identify", **AGENT)
        self.assertEqual(twice["error"]["message"], "there is an agent 'moonagent' already")
        left = client.expect("notify_agent_event")
        agent.sendClose()
        self.assertEqual(await left, [{"agent": "moonagent", "event": "disconnected"}])
        self.assertEqual((await self.call("server.extensions.list"))["agents"], [])

    def test_requests(self) -> Any:
        return self.async_test(self._requests())

    async def _requests(self) -> None:
        agent = await self.agent()
        body = {"agent": "moonagent", "method": "hello", "arguments": {"a": True}}
        answering = self.async_test(self.post("/server/extensions/request", body))
        request = await self.request_to(agent, "hello")
        self.assertEqual((request["params"], request["jsonrpc"]), ({"a": True}, "2.0"))
        agent.sendMessage(json.dumps({"jsonrpc": "2.0", "result": [1, 2], "id": request["id"]}).encode())
        self.assertEqual((await answering).json, {"result": [1, 2]})

        answering = self.async_test(self.post("/server/extensions/request", {**body, "arguments": [5]}))
        request = await self.request_to(agent, "hello")
        self.assertEqual(request["params"], [5])
        error = {"code": 418, "message": "no coffee"}
        agent.sendMessage(json.dumps({"jsonrpc": "2.0", "error": error, "id": request["id"]}).encode())
        refused = await answering
        self.assertEqual((refused.code, refused.json["error"]["message"]), (418, "no coffee"))

        answering = self.async_test(self.post("/server/extensions/request", body))
        await self.request_to(agent, "hello")
        agent.sendClose()
        self.assertEqual((await answering).code, 503)
        self.assertEqual((await self.post("/server/extensions/request", body)).code, 404)

    def test_time_is_bounded(self) -> Any:
        return self.async_test(self._bounded())

    async def _bounded(self) -> None:
        agent = await self.agent()
        clock = Clock()
        self.parts.extensions._clock = clock
        answering = self.async_test(self.call("server.extensions.request", agent="moonagent", method="x"))
        await self.request_to(agent, "x")
        clock.advance(61)
        error = await self.assertFailure(answering, Exception)
        self.assertEqual((error.code, error.message), (504, "the agent 'moonagent' did not answer in 60 s"))

    def test_only_the_agent_answers(self) -> Any:
        return self.async_test(self._only())

    async def _only(self) -> None:
        agent, other = await self.agent(), await self.agent(client_name="other")
        answering = self.async_test(self.call("server.extensions.request", agent="moonagent", method="x"))
        request = await self.request_to(agent, "x")
        for each, result in ((other, "forged"), (agent, "true")):
            each.sendMessage(json.dumps({"jsonrpc": "2.0", "result": result, "id": request["id"]}).encode())
            await each.ask("server.info")
        self.assertEqual(await answering, "true")

    def test_events(self) -> Any:
        return self.async_test(self._events())

    async def _events(self) -> None:
        client, agent = await self.socket(), await self.agent()
        await client.ask("server.info")
        told = client.expect("notify_agent_event")
        answer = await agent.ask("connection.send_event", event="hot", data={"t": 5})
        self.assertEqual(answer["result"], "ok")
        self.assertEqual(await told, [{"agent": "moonagent", "event": "hot", "data": {"t": 5}}])
        reserved = await agent.ask("connection.send_event", event="connected")
        self.assertEqual(reserved["error"]["code"], 400)
        nobody = await client.ask("connection.send_event", event="hot")
        self.assertEqual(nobody["error"]["code"], 403)

    def test_remote_methods(self) -> Any:
        return self.async_test(self._remote())

    async def _remote(self) -> None:
        agent = await self.agent()
        answer = await agent.ask("connection.register_remote_method", method_name="alert")
        self.assertEqual(answer["result"], "ok")
        self.fake.call_remote("alert", heater="extruder", temp=200)
        request = await self.request_to(agent, "alert")
        self.assertEqual(
            request, {"jsonrpc": "2.0", "method": "alert", "params": {"heater": "extruder", "temp": 200}}
        )
        self.fake.call_remote("alert")
        self.assertEqual(await self.request_to(agent, "alert"), {"jsonrpc": "2.0", "method": "alert"})
        taken = await agent.ask("connection.register_remote_method", method_name="pause_job_queue")
        self.assertIn("there already", taken["error"]["message"])
        # A host that starts again is told of it, too.
        self.link.disconnect()
        self.link.connect()
        await self.until(lambda: self.parts.host.state == "ready")
        self.assertIn("alert", self.link.client.remote)  # type: ignore[union-attr]
        agent.sendClose()
        await self.until(lambda: not self.parts.extensions._agents)
        again = await self.agent()
        answer = await again.ask("connection.register_remote_method", method_name="alert")
        self.assertEqual(answer["result"], "ok")
