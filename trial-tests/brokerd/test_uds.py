"""The socket link: framing, and a broker behind a real socket that comes, goes and comes back."""

import json
import os
import tempfile
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from brokerd.hostlink import HostLink
from brokerd.uds import MessageSplitter, SocketLink

from .fake_host import FakeHostServer
from .harness import BrokerTestCase


class SplitterTests(SynchronousTestCase):
    """Bytes in any pieces give the same messages."""

    @given(
        st.lists(st.binary(max_size=20).map(lambda each: each.replace(b"\x03", b"")), max_size=6), st.data()
    )
    def test_pieces(self, messages: list[bytes], data: Any) -> None:
        stream = b"".join(each + b"\x03" for each in messages)
        splitter, found = MessageSplitter(), []
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            found += splitter.feed(stream[:size])
            stream = stream[size:]
        self.assertEqual(found, messages)


class SocketLinkTests(BrokerTestCase):
    """A whole broker on a motion host's socket."""

    def make_link(self) -> HostLink:
        folder = tempfile.mkdtemp()  # a socket's path must be short
        self.path = os.path.join(folder, "uds")
        self.addCleanup(os.rmdir, folder)
        self.server = FakeHostServer(self.fake)
        self.port_of_host: Any = None
        self.addCleanup(self.switch_off)
        return SocketLink(reactor, reactor, self.path)

    def switch_on(self) -> None:
        self.port_of_host = reactor.listenUNIX(self.path, self.server)

    async def _switch_off(self) -> None:
        port, self.port_of_host = self.port_of_host, None
        for each in list(self.server.protocols):
            each.transport.abortConnection()
        if port is not None:
            await port.stopListening()

    def switch_off(self) -> Any:
        return Deferred.fromCoroutine(self._switch_off())

    async def is_ready(self) -> None:
        await self.until(lambda: self.parts.host.state == "ready")

    async def test_greeting_in_the_order_of_the_peers(self) -> None:
        self.switch_on()
        await self.is_ready()
        methods = [method for method, _ in self.fake.requests]
        expected = ["info", "list_endpoints", "gcode/subscribe_output", "objects/list", "objects/subscribe"]
        self.assertEqual([each for each in methods if each in expected][:5], expected)
        template = self.fake.asked("objects/subscribe")[0]["response_template"]
        self.assertEqual(template, {"method": "process_status_update"})

    async def test_absent_host(self) -> None:
        answer = await self.get("/printer/info")
        self.assertEqual(answer.code, 503)
        info = (await self.get("/server/info")).json["result"]
        self.assertEqual((info["klippy_connected"], info["klippy_state"]), (False, "disconnected"))

    async def test_starting_host_is_polled(self) -> None:
        self.fake.objects["webhooks"]["state"] = "startup"
        self.switch_on()
        await self.until(lambda: len(self.fake.asked("info")) >= 2)
        self.assertEqual(self.parts.host.state, "startup")
        self.assertEqual(self.fake.asked("objects/subscribe"), [])
        self.fake.objects["webhooks"]["state"] = "ready"
        await self.is_ready()

    async def test_host_in_error(self) -> None:
        self.fake.objects["webhooks"].update(state="error", state_message="Option 'x' is not valid")
        self.switch_on()
        await self.until(lambda: self.parts.host.state == "error")
        info = (await self.get("/printer/info")).json["result"]
        self.assertEqual(info["state_message"], "Option 'x' is not valid")

    async def test_lost_host_fails_what_waits_and_comes_back(self) -> None:
        self.switch_on()
        await self.is_ready()
        client = await self.socket()
        waiting = client.ask("printer.gcode.script", script="HOLD")
        await self.until(lambda: self.fake.held)
        gone = client.expect("notify_klippy_disconnected")
        await self._switch_off()
        self.assertEqual((await waiting)["error"]["code"], 503)
        await gone
        back = client.expect("notify_klippy_ready")
        self.switch_on()
        await back
        self.assertEqual((await client.ask("printer.gcode.script", script="G28"))["result"], "ok")
        self.fake.held[0].callback(None)

    async def test_garbage_from_the_host(self) -> None:
        self.switch_on()
        await self.is_ready()
        (protocol,) = self.server.protocols
        for text in (
            b"nonsense\x03",
            b"5\x03",
            b'{"id": 999, "result": {}}\x03',
            b'{"id": [], "result": 1}\x03',
        ):
            protocol.transport.write(text)
        protocol.transport.write(json.dumps({"method": "unheard_of", "params": {}}).encode() + b"\x03")
        self.assertEqual((await self.get("/printer/info")).code, 200)

    async def test_restart_of_the_broker_keeps_serving(self) -> None:
        self.switch_on()
        await self.is_ready()
        before, port = self.broker.parts, self.port
        self.assertEqual((await self.rpc("server.restart"))["result"], "ok")
        await self.until(lambda: self.broker.parts not in (before, None))
        self.parts = self.broker.parts  # type: ignore[assignment]
        await self.is_ready()
        self.assertNotEqual(port, 0)
        self.assertEqual((await self.get("/printer/info")).code, 200)
