"""The service as a whole: listening, restarting, stopping, and the command line."""

import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol
from twisted.trial.unittest import TestCase

from brokerd.assembly import FOLDERS
from brokerd.service import make_broker
from brokerd.settings import BrokerSettings, tcp_endpoint

from .fake_host import FakeHost, FakeLink
from .harness import BrokerTestCase


class ServiceTests(BrokerTestCase):
    """A running broker."""

    async def test_data_directory(self) -> None:
        found = {each for each in os.listdir(self.data) if not each.startswith(".")}
        self.assertLessEqual(set(FOLDERS), found)
        self.assertLessEqual(found, {*FOLDERS, "backup", "moonraker.asvc"})

    async def test_address_in_use_is_loud(self) -> None:
        settings = BrokerSettings(data=self.data / "two", listen=(tcp_endpoint("127.0.0.1", self.port),))
        other = make_broker(settings, FakeLink(FakeHost()), reactor)
        with self.assertRaises(CannotListenError):
            other.startService()
        self.assertIsNone(other.parts)
        self.assertEqual((await self.get("/server/info")).code, 200)

    async def test_stop_says_goodbye_and_leaves_nothing(self) -> None:
        client = await self.socket()
        idle = await self.open_raw()
        await self.broker.stopService()
        code, reason = await client.closed
        self.sockets.remove(client)
        self.assertEqual((code, reason), (1000, "the broker stops"))
        await self.until(lambda: idle.lost)

    async def test_restart(self) -> None:
        client = await self.socket()
        self.assertEqual((await client.ask("server.restart"))["result"], "ok")
        await client.closed
        self.sockets.remove(client)
        await self.until(lambda: self.broker.parts not in (None, self.parts))
        again = self.broker.parts
        assert again is not None
        await self.until(lambda: again.host.state == "ready")
        self.assertEqual(self.parts.host.state, "ready")
        self.link.disconnect()
        self.assertEqual((again.host.state, self.parts.host.state), ("disconnected", "ready"))

    async def test_components_and_warnings(self) -> None:
        info = (await self.get("/server/info")).json["result"]
        self.assertEqual(info["registered_directories"], ["config", "logs", "gcodes"])
        self.assertIn("file_manager", info["components"])
        self.assertEqual((info["warnings"], info["missing_klippy_requirements"]), ([], []))


class SeveralListenersTests(BrokerTestCase):
    """More than one address."""

    def settings(self, **changes: Any) -> BrokerSettings:
        one = tcp_endpoint("127.0.0.1", 0)
        return BrokerSettings(data=self.data, listen=(one, one), **changes)

    async def test_each_serves(self) -> None:
        urls = {each.url for each in self.broker._listeners}
        self.assertEqual(len(urls), 2)


class _Process(ProcessProtocol):
    """Collects what a process says."""

    def __init__(self) -> None:
        self.said = ""
        self.ready: Deferred[str] = Deferred()
        self.ended: Deferred[int | None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.said += data.decode()
        if "ready " in self.said and "\n" in self.said and not self.ready.called:
            self.ready.callback(self.said.split("ready ")[1].split()[0])

    def errReceived(self, data: bytes) -> None:
        self.said += data.decode()

    def processEnded(self, reason: Any) -> None:
        if not self.ready.called:
            self.ready.errback(RuntimeError(self.said))
        self.ended.callback(reason.value.exitCode)


class CommandLineTests(TestCase):
    """C{brokerd} in a process of its own."""

    timeout = 60

    def spawn(self, *words: str) -> _Process:
        process = _Process()
        root = str(Path(__file__).parents[2])
        command = [sys.executable, "-c", "from brokerd.cli import main; main()", *words]
        transport = reactor.spawnProcess(process, sys.executable, command, {"PYTHONPATH": root}, root)

        def kill() -> Any:
            if transport.pid is None:
                return None
            transport.signalProcess("KILL")
            return process.ended

        self.addCleanup(kill)
        return process

    async def test_runs_until_told_to_stop(self) -> None:
        for name in ("uvloop", "epoll"):
            data = Path(self.mktemp()).absolute()
            (data / "config").mkdir(parents=True)
            config = data / "config" / "moonraker.conf"
            config.write_text("[server]\nport: 0\n[nonsense]\n")
            process = self.spawn("-d", str(data), "-u", "/nowhere/uds", "--reactor", name)
            url = await process.ready
            self.assertTrue(url.startswith("http://127.0.0.1:"))
            self.assertIn(f"{config}:3: the section [nonsense]", process.said)
            log = data / "logs" / "moonraker.log"
            log.rename(data / "logs" / "old.log")
            process.transport.signalProcess("HUP")
            process.transport.signalProcess("TERM")
            self.assertEqual(await process.ended, 0)
            self.assertTrue(log.exists())

    async def test_bad_configuration(self) -> None:
        data = Path(self.mktemp()).absolute()
        (data / "config").mkdir(parents=True)
        (data / "config" / "moonraker.conf").write_text("[server]\nport: many\n")
        process = self.spawn("-d", str(data))
        self.assertEqual(await process.ended, 1)
        self.assertIn("moonraker.conf:2: the option 'port' of [server] must be an integer", process.said)
        await self.assertFailure(process.ready, RuntimeError)

    async def test_taken_address(self) -> None:
        port = reactor.listenTCP(0, Factory.forProtocol(Protocol), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        data = Path(self.mktemp()).absolute()
        (data / "config").mkdir(parents=True)
        number = port.getHost().port
        (data / "config" / "moonraker.conf").write_text(f"[server]\nport: {number}\n")
        process = self.spawn("-d", str(data))
        self.assertEqual(await process.ended, 1)
        self.assertIn(f"{number}: [Errno 98]", process.said)
        await self.assertFailure(process.ready, RuntimeError)
