"""Spoolman, against a fake that answers as its published API does (the server is in no registry)."""

import json
from typing import Any

from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from brokerd.integrations.spoolman.presence import websocket_url

from .houses import HouseTestCase


class _Timer:
    def call_later(self, delay: float, function: Any, *arguments: Any) -> Any:
        return reactor.callLater(delay, function, *arguments)


class _Events(WebSocketServerProtocol):
    def onOpen(self) -> None:
        self.factory.server.sockets.append(self)

    def onClose(self, *_: object) -> None:
        self.factory.server.sockets.remove(self)


class FakeSpoolman(Resource):
    """Spools by number, with C{used_length} (mm); events about them by websocket."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.spools: dict[int, dict[str, Any]] = {n: {"id": n, "used_length": 0.0} for n in (1, 2)}
        self.sockets: list[_Events] = []
        self.reports: list[tuple[int, float]] = []
        factory = WebSocketServerFactory()
        factory.protocol = _Events
        factory.server = self
        factory._batched_timer = _Timer()
        self._upgrade = WebSocketResource(factory)
        self.port: Any = None

    def listen(self, number: int = 0) -> None:
        self.port = reactor.listenTCP(number, Site(self), interface="127.0.0.1")

    async def close(self) -> None:
        for each in list(self.sockets):
            each.transport.abortConnection()
        await self.port.stopListening()

    def tell(self, kind: str, spool_id: int) -> None:
        event = {
            "type": kind,
            "resource": "spool",
            "date": "2026-01-01T00:00:00Z",
            "payload": {"id": spool_id},
        }
        for each in self.sockets:
            each.sendMessage(json.dumps(event).encode())

    def render(self, request: Any) -> Any:
        if request.getHeader("upgrade"):
            return self._upgrade.render(request)
        code, value = self._answer(request.method.decode(), request.path.decode(), request)
        request.setResponseCode(code)
        request.setHeader("content-type", "application/json")
        return json.dumps(value).encode()

    def _answer(self, method: str, path: str, request: Any) -> tuple[int, Any]:
        words = path.removeprefix("/api/v1/").split("/")
        if words == ["spool"] and method == "GET":
            request.setHeader("x-total-count", str(len(self.spools)))
            return 200, list(self.spools.values())
        if words == ["spool"] and method == "POST":
            return 422, {"detail": [{"loc": ["body", "filament_id"], "msg": "field required"}]}
        spool = self.spools.get(int(words[1])) if words[0] == "spool" else None
        if spool is None:
            return 404, {"message": f"No spool with ID {words[1]} found."}
        if words[2:] == ["use"] and method == "PUT":
            length = json.loads(request.content.read())["use_length"]
            spool["used_length"] += length
            self.reports.append((spool["id"], round(length, 3)))
        return 200, spool


class SpoolmanTests(HouseTestCase):
    def prepare(self) -> None:
        self.spoolman = FakeSpoolman()
        self.spoolman.listen()
        self.addCleanup(lambda: self.async_test(self.spoolman.close()))
        port = self.spoolman.port.getHost().port
        self.configuration = f"[spoolman]\nserver: http://127.0.0.1:{port}/\nsync_rate: 1\n"

    @property
    def usage(self) -> Any:
        return self.house.built["spoolman"][1]

    async def connected(self) -> None:
        await self.until(lambda: self.spoolman.sockets and self.house.built["spoolman"][2].connected)

    def extrude(self, position: float) -> None:
        self.fake.change("toolhead", position=[0.0, 0.0, 0.0, position])

    def test_usage(self) -> Any:
        return self.async_test(self._usage())

    async def _usage(self) -> None:
        await self.connected()
        client = await self.socket()
        await client.ask("server.info")
        told = client.expect("notify_active_spool_set")
        answer = await self.post("/server/spoolman/spool_id", {"spool_id": 1})
        self.assertEqual(answer.json, {"result": {"spool_id": 1}})
        self.assertEqual(await told, [{"spool_id": 1}])
        # 10 mm, a retraction, its return, 5 mm more; then the other spool.
        for position in (10.0, 8.0, 10.0, 15.0):
            self.extrude(position)
        status = (await self.get("/server/spoolman/status")).json["result"]
        self.assertEqual(status["pending_reports"], [{"spool_id": 1, "filament_used": 15.0}])
        self.assertEqual((status["spoolman_connected"], status["spool_id"]), (True, 1))
        self.fake.call_remote("spoolman_set_active_spool", spool_id=2)
        await self.until(lambda: self.usage.spool_id == 2)
        self.extrude(18.0)
        await self.until(lambda: len(self.spoolman.reports) == 2)
        self.assertEqual(self.spoolman.reports, [(1, 15.0), (2, 3.0)])
        self.assertEqual((await self.call("server.spoolman.status"))["pending_reports"], [])

    def test_server_gone(self) -> Any:
        return self.async_test(self._gone())

    async def _gone(self) -> None:
        await self.connected()
        client = await self.socket()
        await client.ask("server.info")
        gone = client.expect("notify_spoolman_status_changed")
        await self.call("server.spoolman.post_spool_id", spool_id=1)
        port = self.spoolman.port.getHost().port
        await self.spoolman.close()
        self.assertEqual(await gone, [{"spoolman_connected": False}])
        self.extrude(4.0)
        await self.usage.report()
        self.assertEqual(self.usage.pending, {1: 4.0})
        answer = await self.rpc("server.spoolman.proxy", request_method="GET", path="/v1/spool")
        self.assertEqual(answer["error"]["code"], 503)
        back = client.expect("notify_spoolman_status_changed")
        self.spoolman.listen(port)
        self.assertEqual(await back, [{"spoolman_connected": True}])
        await self.usage.report()
        self.assertEqual(self.spoolman.reports, [(1, 4.0)])

    def test_spool_deleted(self) -> Any:
        return self.async_test(self._deleted())

    async def _deleted(self) -> None:
        await self.connected()
        await self.call("server.spoolman.post_spool_id", spool_id=2)
        self.spoolman.tell("updated", 2)
        self.spoolman.tell("deleted", 2)
        await self.until(lambda: self.usage.spool_id is None)
        # One that was deleted while nobody looked is noticed by its report.
        await self.call("server.spoolman.post_spool_id", spool_id=7)
        self.extrude(1.0)
        await self.usage.report()
        await self.until(lambda: self.usage.spool_id is None)
        self.assertEqual(self.usage.pending, {})

    def test_spool_is_remembered(self) -> Any:
        return self.async_test(self._remembered())

    async def _remembered(self) -> None:
        await self.call("server.spoolman.post_spool_id", spool_id=1)
        self.usage.spool_id = None
        await self.usage._load()
        self.assertEqual(await self.call("server.spoolman.get_spool_id"), {"spool_id": 1})

    def test_proxy(self) -> Any:
        return self.async_test(self._proxy())

    async def _proxy(self) -> None:
        spools = {"request_method": "GET", "path": "/v1/spool", "query": "limit=2"}
        first = await self.call("server.spoolman.proxy", **spools)
        self.assertEqual([each["id"] for each in first], [1, 2])
        second = await self.call("server.spoolman.proxy", use_v2_response=True, **spools)
        self.assertEqual((second["response"], second["error"]), (first, None))
        self.assertEqual(second["response_headers"], {"x-total-count": "2"})
        lost = {"request_method": "GET", "path": "/v1/spool/9"}
        answer = await self.rpc("server.spoolman.proxy", **lost)
        self.assertEqual(answer["error"]["message"], "No spool with ID 9 found.")
        answer = await self.call("server.spoolman.proxy", use_v2_response=True, **lost)
        error = {"status_code": 404, "message": "No spool with ID 9 found."}
        self.assertEqual(answer, {"response": None, "error": error})
        for path in ("/v1/../../secret", "v1/spool", "/v1/spool?x=1", "http://else/v1/x"):
            answer = await self.rpc("server.spoolman.proxy", request_method="GET", path=path)
            self.assertEqual(answer["error"]["code"], 400, path)


class UrlTests(SynchronousTestCase):
    def test_websocket(self) -> None:
        self.assertEqual(websocket_url("https://a:7/x"), "wss://a:7/x/api/v1/spool")
        self.assertEqual(websocket_url("http://a"), "ws://a/api/v1/spool")


class AbsentTests(HouseTestCase):
    """A server that is not there."""

    def prepare(self) -> None:
        port = reactor.listenTCP(0, Site(Resource()), interface="127.0.0.1")
        number = port.getHost().port
        self.configuration = f"[spoolman]\nserver: http://127.0.0.1:{number}\n"
        self.said: list[str] = []

        def note(event: Any) -> None:
            if "spoolman" in str(event.get("log_namespace")):
                self.said.append(formatEvent(event))

        globalLogPublisher.addObserver(note)
        self.addCleanup(globalLogPublisher.removeObserver, note)
        self.addCleanup(port.stopListening)
        port.stopListening()

    async def test_said_once(self) -> None:
        await self.until(lambda: self.said)
        self.assertIn("can't be reached: Connection was refused", self.said[0])
        self.assertEqual(len(self.said), 1)
        self.assertFalse((await self.call("server.spoolman.status"))["spoolman_connected"])
