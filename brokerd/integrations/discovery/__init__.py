"""Being found: by multicast DNS (Bonjour, zeroconf) and, if wanted, by SSDP (UPnP).

- L{brokerd.integrations.discovery.mdns}: the announcement by multicast DNS.
- L{brokerd.integrations.discovery.ssdp}: answers to searches, and the description of the device.
"""

import socket
from collections.abc import Iterable
from uuid import NAMESPACE_DNS, uuid5

from attrs import frozen

from brokerd.integrations.discovery.mdns import MdnsAnnouncement
from brokerd.integrations.discovery.ssdp import SsdpDescription, SsdpServer
from brokerd.integrations.house import House
from brokerd.options import option, section

__all__ = ["COMPONENTS", "build"]

COMPONENTS = (SsdpDescription,)


def _hostname(text: str) -> str:
    """@raise ValueError: with what was expected."""
    name = text.strip().removesuffix(".local")
    if not name or len(name) > 63 or not all(each.isalnum() or each == "-" for each in name):
        raise ValueError("a hostname of letters, digits and hyphens")
    return name


@frozen(kw_only=True)
class ZeroconfConfig:
    """C{[zeroconf]}."""

    mdns_hostname: str = option(
        "", convert=_hostname, doc="name under which the machine is announced; by default its own"
    )
    enable_ssdp: bool = option(False, doc="whether searches by SSDP (UPnP) are answered, too")


section("zeroconf", ZeroconfConfig, optional=True, lenient=True)


def machine_uuid(printer: str = "") -> str:
    """An identifier of this machine that stays and tells nobody the machine's own.

    @param printer: tells further printers of one machine apart.
    """
    try:
        with open("/etc/machine-id") as file:
            seed = file.read().strip()
    except OSError:
        seed = socket.gethostname()
    return uuid5(NAMESPACE_DNS, f"brokerd-{seed}{printer}").hex


def build(house: House) -> Iterable[object]:
    """The announcement, if C{[zeroconf]} is there and right."""
    settings = house.parts.settings
    config = settings.sections.maybe(ZeroconfConfig)
    if config is None:
        return
    hostname = config.mdns_hostname or _hostname_or("printer", socket.gethostname().partition(".")[0])
    identifier = machine_uuid(settings.path)
    yield MdnsAnnouncement(house, hostname, identifier)
    # One answer for each machine: the first printer's page leads to the others.
    if config.enable_ssdp and not settings.path:
        yield SsdpDescription(hostname, identifier, house.parts)
        yield SsdpServer(house, identifier)


def _hostname_or(default: str, name: str) -> str:
    try:
        return _hostname(name)
    except ValueError:
        return default
