"""SSDP: answers searches for devices, and describes this one (UPnP Device Architecture 1.1)."""

import socket
from email.utils import formatdate
from typing import Any, ClassVar
from xml.sax.saxutils import escape

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from brokerd import SERVER_VERSION
from brokerd.integrations.house import House
from brokerd.registry.caller import Role
from brokerd.registry.declare import endpoint
from brokerd.registry.exchange import Content, HttpRequest

__all__ = ["DEVICE_TYPE", "SsdpDescription", "SsdpServer", "search_targets"]

log = Logger()

DEVICE_TYPE = "urn:arksine.github.io:device:Moonraker:1"
PATH = "/server/zeroconf/ssdp"
_GROUP = "239.255.255.250"
_PORT = 1900
_MAX_AGE = 1800  # seconds that an announcement holds
_PERIOD = 600.0  # seconds between two announcements


def search_targets(identifier: str) -> list[tuple[str, str]]:
    """What this device is found as: target and the unique name that belongs to it."""
    unique = f"uuid:{identifier}"
    return [
        ("upnp:rootdevice", f"{unique}::upnp:rootdevice"),
        (unique, unique),
        (DEVICE_TYPE, f"{unique}::{DEVICE_TYPE}"),
    ]


def parse_search(datagram: bytes) -> str | None:
    """The target of a search, or None if it is none."""
    lines = datagram.decode("latin-1").split("\r\n")
    if not lines[0].upper().startswith("M-SEARCH * HTTP/1.1"):
        return None
    headers = {}
    for line in lines[1:]:
        name, sign, value = line.partition(":")
        if sign:
            headers[name.strip().lower()] = value.strip()
    if headers.get("man", "").strip('"').lower() != "ssdp:discover":
        return None
    return headers.get("st")


def _message(first: str, **headers: str) -> bytes:
    lines = [first, *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class _Protocol(DatagramProtocol):
    def __init__(self, server: "SsdpServer") -> None:
        self._server = server

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self._server.searched(datagram, addr)


@define(eq=False, repr=False, slots=False)
class SsdpServer(Service):
    """Answers searches, and announces the device now and then.

    @ivar number: the port to listen on.
    """

    _house: House
    _identifier: str
    number: int = _PORT
    _port: Any = field(init=False, default=None)
    _announcing: LoopingCall | None = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        reactor = self._house.parts.reactor
        listening = self._house.parts.addresses[0][0]
        host = listening if listening.startswith("127.") else ""
        try:
            self._port = reactor.listenMulticast(
                self.number, _Protocol(self), interface=host, listenMultiple=True
            )
        except Exception as error:
            self._house.warn("ssdp", f"[zeroconf]: no SSDP: {error}")
            return
        joining = self._port.protocol.transport.joinGroup(_GROUP, host)
        joining.addErrback(lambda f: self._house.warn("ssdp", f"[zeroconf]: no SSDP: {f.getErrorMessage()}"))
        announcing = self._announcing = LoopingCall(self._notify, "ssdp:alive")
        announcing.clock = reactor
        announcing.start(_PERIOD).addErrback(lambda failure: log.failure("ssdp", failure))

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        if self._announcing is not None and self._announcing.running:
            self._announcing.stop()
        port, self._port = self._port, None
        if port is None:
            return None
        self._notify("ssdp:byebye", port)
        stopping: Deferred[None] | None = port.stopListening()
        return stopping

    def _location(self, peer: str) -> str:
        """Where the description is, by the address that the peer reaches us at."""
        host, number = self._house.parts.addresses[0]
        if host in ("0.0.0.0", "::", ""):
            host = _own_address(peer)
        return f"http://{host}:{number}{_prefix(self._house.parts)}{PATH}"

    def searched(self, datagram: bytes, address: tuple[str, int]) -> None:
        """Somebody searches."""
        target = parse_search(datagram)
        if target is None or self._port is None:
            return
        for each, unique in search_targets(self._identifier):
            if target in (each, "ssdp:all"):
                answer = _message(
                    "HTTP/1.1 200 OK",
                    CACHE_CONTROL=f"max-age={_MAX_AGE}",
                    DATE=formatdate(usegmt=True),
                    EXT="",
                    LOCATION=self._location(address[0]),
                    SERVER=f"Linux UPnP/1.1 brokerd/{SERVER_VERSION}",
                    ST=each,
                    USN=unique,
                )
                self._port.write(answer, address)

    def _notify(self, kind: str, port: Any = None) -> None:
        port = port or self._port
        if port is None:
            return
        for target, unique in search_targets(self._identifier):
            headers = {"HOST": f"{_GROUP}:{_PORT}", "NT": target, "NTS": kind, "USN": unique}
            if kind == "ssdp:alive":
                headers["LOCATION"] = self._location(_GROUP)
                headers["CACHE-CONTROL"] = f"max-age={_MAX_AGE}"
            try:
                port.write(_message("NOTIFY * HTTP/1.1", **headers), (_GROUP, _PORT))
            except OSError as error:
                log.debug("ssdp: {error}", error=error)  # there may be no way out just now


def _prefix(parts: Any) -> str:
    prefix = parts.settings.route_prefix
    return f"/{prefix}" if prefix else ""


def _own_address(peer: str) -> str:
    """The address of this machine that a peer sees; nothing is sent to find it out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, 9))
            host: str = probe.getsockname()[0]
        except OSError:
            host = "127.0.0.1"
    return host


_DESCRIPTION = """<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0" configId="1">
<specVersion><major>1</major><minor>1</minor></specVersion>
<device>
<deviceType>{kind}</deviceType>
<friendlyName>{name}</friendlyName>
<manufacturer>brokerd</manufacturer>
<modelName>Moonraker</modelName>
<modelNumber>{version}</modelNumber>
<serialNumber>{identifier}</serialNumber>
<UDN>uuid:{identifier}</UDN>
<presentationURL>{url}</presentationURL>
</device>
</root>
"""


@define(eq=False, repr=False)
class SsdpDescription:
    """The description that an announcement points to."""

    component: ClassVar[str] = "zeroconf"
    _hostname: str
    _identifier: str
    _parts: Any

    @endpoint(f"GET {PATH}", result="bytes", permission=Role.ANYONE)
    async def describe(self, request: HttpRequest) -> Content:
        """The description of the device."""
        host = request.headers.get("host") or "{}:{}".format(*self._parts.addresses[0])
        text = _DESCRIPTION.format(
            kind=DEVICE_TYPE,
            name=escape(f"Moonraker ({self._hostname})"),
            version=escape(SERVER_VERSION),
            identifier=self._identifier,
            url=escape(f"http://{host}{_prefix(self._parts)}/"),
        )
        return Content(text.encode(), headers={"Content-Type": "text/xml; charset=utf-8"})
