"""One broker with three printers whose motion hosts are in the process."""

from typing import Any

from twisted.internet import reactor

from brokerd.service import make_broker
from brokerd.settings import BrokerSettings, FurtherPrinter, tcp_endpoint

from ..fake_host import FakeHost, FakeLink
from ..harness import BrokerTestCase, SocketClient

__all__ = ["FarmTestCase"]


class FarmTestCase(BrokerTestCase):
    """The printer at / is called prusa; voron has a port of its own, ender has none.

    What is asked goes to the port of L{at}.
    """

    at = "prusa"

    def settings(self, **changes: Any) -> BrokerSettings:
        return super().settings(name="prusa", printers=self.further(), **changes)

    def further(self) -> tuple[FurtherPrinter, ...]:
        listen = (tcp_endpoint("127.0.0.1", 0),)
        return (
            FurtherPrinter(name="voron", data=self.data / "printers" / "voron", listen=listen),
            FurtherPrinter(name="ender", data=self.data / "printers" / "ender"),
        )

    async def _start(self) -> None:
        self.hosts = {name: FakeHost() for name in ("prusa", "voron", "ender")}
        self.links = {name: FakeLink(host) for name, host in self.hosts.items()}

        def link_to(printer: FurtherPrinter) -> FakeLink:
            return self.links.get(printer.name) or FakeLink(FakeHost())

        self.broker = make_broker(self.settings(), self.links["prusa"], reactor, link_to)
        self.broker.startService()
        self.addCleanup(self._stop)
        await self.broker.when_ready()
        assert self.broker.parts is not None
        self.parts = self.broker.parts
        for link in self.links.values():
            link.connect()
        await self.until(lambda: all(each["state"] == "ready" for each in self.summaries().values()))

    def summaries(self) -> dict[str, dict[str, Any]]:
        """What the list of printers says, by their names."""
        return {each.name: each.summary() for each in self.broker.printers if not each.problem}

    @property
    def port(self) -> int:
        [printer] = [each for each in self.broker.printers if each.name == self.at]
        return int(printer.listeners[0].address[1])

    async def socket_of(self, name: str) -> SocketClient:
        """A websocket to a printer by its path."""
        return await self.socket(path=f"/printers/{name}/websocket")

    async def result(self, path: str) -> Any:
        """The result of a GET."""
        answer = await self.get(path)
        self.assertEqual(answer.code, 200, answer.body)
        return answer.json["result"]
