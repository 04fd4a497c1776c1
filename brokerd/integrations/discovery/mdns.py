"""Announces the broker by multicast DNS, as C{_moonraker._tcp.local.}, which clients look for.

The zeroconf library uses the reactor's loop where that is asyncio's, and a thread of its own elsewhere; it is
only made here, and waited for in a worker thread.
"""

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from brokerd import API_VERSION, SERVER_VERSION
from brokerd.integrations.house import House

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf

__all__ = ["SERVICE", "MdnsAnnouncement", "announced_addresses"]

log = Logger()

SERVICE = "_moonraker._tcp.local."


def announced_addresses(listening: list[tuple[str, int]]) -> tuple[list[str], list[str] | None]:
    """The addresses to announce, and the interfaces to announce them on (None: all).

    Whoever listens on loopback alone is announced there alone.
    """
    hosts = [host for host, _ in listening]
    if any(host in ("0.0.0.0", "::", "") for host in hosts):
        return _interface_addresses(), None
    return hosts, hosts


def _interface_addresses() -> list[str]:
    """Addresses of this machine that others can reach."""
    import ifaddr

    found = []
    for adapter in ifaddr.get_adapters():
        for each in adapter.ips:
            text = each.ip if isinstance(each.ip, str) else each.ip[0]
            address = ip_address(text)
            if not address.is_loopback and not (address.version == 6 and address.is_link_local):
                found.append(text)
    return found


@define(eq=False, repr=False, slots=False)
class MdnsAnnouncement(Service):
    """One announcement, for as long as the service runs."""

    component: ClassVar[str] = "zeroconf"
    _house: House
    _hostname: str
    _identifier: str
    _announcing: Deferred[None] | None = field(init=False, default=None)
    _zeroconf: "Zeroconf | None" = field(init=False, default=None)
    _info: "ServiceInfo | None" = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        announcing = self._announcing = Deferred.fromCoroutine(self._announce())
        announcing.addErrback(lambda failure: log.failure("announcing by multicast DNS", failure))

    async def _announce(self) -> None:
        parts = self._house.parts
        addresses, interfaces = announced_addresses(parts.addresses)
        if not addresses:
            self._house.warn("zeroconf", "[zeroconf]: the machine has no address to announce")
            return
        try:
            from zeroconf import InterfaceChoice, Zeroconf

            self._zeroconf = Zeroconf(interfaces=InterfaceChoice.All if interfaces is None else interfaces)
            info = self._describe(addresses, parts.addresses[0][1])
            await parts.threads.run(self._zeroconf.register_service, info, allow_name_change=True)
        except Exception as error:
            self._house.warn("zeroconf", f"[zeroconf]: {str(error) or type(error).__name__}")
            return
        self._info = info
        if all(ip_address(each).is_loopback for each in addresses):
            log.warn("[zeroconf]: the broker listens on this machine alone, and is announced to nobody else")
        log.info("announced as {name}", name=info.name)

    def _describe(self, addresses: list[str], port: int) -> "ServiceInfo":
        from zeroconf import ServiceInfo

        settings = self._house.parts.settings
        printer = f" ({settings.name})" if settings.path else ""
        properties: dict[str, Any] = {
            "uuid": self._identifier,
            "version": SERVER_VERSION,
            "api_version": ".".join(map(str, API_VERSION)),
            "route_prefix": settings.public_prefix,
            "https_port": str(port),
        }
        return ServiceInfo(
            SERVICE,
            f"Moonraker @ {self._hostname}{printer}.{SERVICE}",
            port=port,
            properties=properties,
            server=f"{self._hostname}.local.",
            parsed_addresses=addresses,
        )

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        """Say goodbye. An announcement that is under way takes a second; it can't be broken off."""
        if self._announcing is not None:
            await self._announcing
        running, self._zeroconf = self._zeroconf, None
        info, self._info = self._info, None
        if running is None:
            return
        threads = self._house.parts.threads
        if info is not None:
            await threads.run(running.unregister_service, info)
        await threads.run(running.close)
