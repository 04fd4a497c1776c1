"""Being found: by another zeroconf instance over loopback, and by a search for UPnP devices."""

from typing import Any
from xml.etree import ElementTree

from twisted.application.service import Service
from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from brokerd.integrations.discovery import _hostname
from brokerd.integrations.discovery.mdns import SERVICE, MdnsAnnouncement, announced_addresses
from brokerd.integrations.discovery.ssdp import DEVICE_TYPE, SsdpServer, parse_search

from .houses import HouseTestCase

SEARCH = (
    b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: %s\r\n\r\n'
)


def _find(name: str) -> Any:
    """In a thread: the service as another machine's zeroconf sees it."""
    from zeroconf import Zeroconf

    zeroconf = Zeroconf(interfaces=["127.0.0.1"])
    try:
        return zeroconf.get_service_info(SERVICE, f"Moonraker @ {name}.{SERVICE}", timeout=15000)
    finally:
        zeroconf.close()


class MdnsTests(HouseTestCase):
    configuration = "[zeroconf]\nmdns_hostname: my-printer\n"

    def test_found(self) -> Any:
        return self.async_test(self._found())

    async def _found(self) -> None:
        info = await deferToThread(_find, "my-printer")
        self.assertEqual((info.port, info.server), (self.port, "my-printer.local."))
        self.assertEqual(info.parsed_addresses(), ["127.0.0.1"])
        properties = {name.decode(): value.decode() for name, value in info.properties.items() if value}
        self.assertEqual(properties["https_port"], str(self.port))
        self.assertEqual(len(properties["uuid"]), 32)
        self.assertIn("zeroconf", (await self.call("server.info"))["components"])


class _Searcher(DatagramProtocol):
    def __init__(self) -> None:
        self.answers: list[str] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.answers.append(datagram.decode())


class SsdpTests(HouseTestCase):
    configuration = "[zeroconf]\nmdns_hostname: my-printer\nenable_ssdp: True\n"

    def prepare(self) -> None:
        # The port that the protocol names may be in use on a machine that runs tests.
        defaults = SsdpServer.__init__.__defaults__
        self.patch(SsdpServer.__init__, "__defaults__", (0,))
        assert defaults == (1900,)
        self.patch(MdnsAnnouncement, "startService", Service.startService)

    def test_found(self) -> Any:
        return self.async_test(self._found())

    async def _found(self) -> None:
        server = next(each for each in self.house.built["zeroconf"] if isinstance(each, SsdpServer))
        searcher = _Searcher()
        port = reactor.listenUDP(0, searcher, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        number = server._port.getHost().port
        port.write(SEARCH % b"urn:something:else", ("127.0.0.1", number))
        port.write(b"garbage\xff", ("127.0.0.1", number))
        port.write(SEARCH % DEVICE_TYPE.encode(), ("127.0.0.1", number))
        await self.until(lambda: searcher.answers)
        (answer,) = searcher.answers
        headers = dict(line.split(": ", 1) for line in answer.split("\r\n")[1:] if ": " in line)
        self.assertEqual(headers["ST"], DEVICE_TYPE)
        self.assertTrue(headers["LOCATION"].startswith(f"http://127.0.0.1:{self.port}/"))
        path = headers["LOCATION"].partition(str(self.port))[2]
        description = await self.get(path)
        self.assertEqual(description.headers["content-type"], "text/xml; charset=utf-8")
        root = ElementTree.fromstring(description.body)
        space = "{urn:schemas-upnp-org:device-1-0}"
        self.assertEqual(root.findtext(f"{space}device/{space}deviceType"), DEVICE_TYPE)
        self.assertEqual(root.findtext(f"{space}device/{space}friendlyName"), "Moonraker (my-printer)")
        self.assertTrue(headers["USN"].startswith(str(root.findtext(f"{space}device/{space}UDN"))))
        port.write(SEARCH % b"ssdp:all", ("127.0.0.1", number))
        await self.until(lambda: len(searcher.answers) == 4)


class SearchTests(SynchronousTestCase):
    def test_parsing(self) -> None:
        self.assertEqual(parse_search(SEARCH % b"ssdp:all"), "ssdp:all")
        self.assertIsNone(parse_search(b"NOTIFY * HTTP/1.1\r\nST: x\r\n\r\n"))
        self.assertIsNone(parse_search(b"M-SEARCH * HTTP/1.1\r\nST: x\r\n\r\n"))


class NameTests(SynchronousTestCase):
    def test_addresses(self) -> None:
        self.assertEqual(announced_addresses([("192.168.1.5", 1)]), (["192.168.1.5"], ["192.168.1.5"]))
        addresses, interfaces = announced_addresses([("0.0.0.0", 80)])
        self.assertIsNone(interfaces)
        self.assertNotIn("127.0.0.1", addresses)

    def test_hostnames(self) -> None:
        self.assertEqual(_hostname("voron.local"), "voron")
        self.assertRaises(ValueError, _hostname, "my printer")
