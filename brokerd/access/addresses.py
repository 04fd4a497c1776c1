"""Which address a request really comes from, and whether that address is trusted."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from attrs import frozen

__all__ = ["LOOPBACK", "AddressRules", "Network", "Origin", "parse_client", "parse_network"]

Network = IPv4Network | IPv6Network
_Address = IPv4Address | IPv6Address

LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_NAME = re.compile(r"(?=.*[a-z])(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*\.?", re.IGNORECASE)
_REMEMBERED = 256  # addresses of clients that keep asking
_FORWARDING = ("x-forwarded-for", "x-real-ip", "forwarded")


def parse_network(text: str) -> Network:
    """A network or a single address.

    @raise ValueError: if it is neither; the message names the text.
    """
    return ip_network(text.strip(), strict=False)


def parse_client(text: str) -> Network | str:
    """A network, an address, or the name of a client.

    @raise ValueError: if it is none of them.
    """
    try:
        return parse_network(text)
    except ValueError:
        if _NAME.fullmatch(text.strip()):
            return text.strip()
        raise


@lru_cache(_REMEMBERED)
def _parse(text: str) -> _Address | None:
    try:
        address = ip_address(text.strip().split("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@frozen
class Origin:
    """Where a request comes from.

    @ivar address: IP address as text; C{""} if it is unknown.
    @ivar trusted: whether that address alone opens the door.
    """

    address: str
    trusted: bool


@frozen
class AddressRules:
    """Trusted clients and proxies.

    @ivar trusted: networks whose clients need no key.
    @ivar proxies: proxies that are believed when they name their client.
    @ivar named: addresses of trusted clients that are known by name, as far as they are known now.
    """

    trusted: tuple[Network, ...] = LOOPBACK
    proxies: tuple[Network, ...] = ()
    named: Callable[[], frozenset[str]] = frozenset

    def origin(self, peer: str, headers: Mapping[str, str]) -> Origin:
        """Judge one request.

        A request that passed a proxy which is not configured may come from anywhere, even if the proxy runs
        on a trusted address: it is never trusted by address.
        """
        address = _parse(peer)
        if address is None:
            return Origin("", False)
        if not any(name in headers for name in _FORWARDING):
            return Origin(str(address), self._trusts(address))
        if not _within(address, self.proxies):
            return Origin(str(address), False)
        client = self._client_behind(headers)
        if client is None:
            return Origin(str(address), False)
        return Origin(str(client), self._trusts(client))

    def trusts(self, text: str) -> bool:
        """Whether that is a trusted address."""
        address = _parse(text)
        return address is not None and self._trusts(address)

    def _trusts(self, address: _Address) -> bool:
        return _within(address, self.trusted) or str(address) in self.named()

    def _client_behind(self, headers: Mapping[str, str]) -> _Address | None:
        """The last hop that is no proxy of ours."""
        hops = headers.get("x-forwarded-for") or headers.get("x-real-ip") or ""
        for hop in reversed(hops.split(",")):
            address = _parse(hop)
            if address is None or not _within(address, self.proxies):
                return address
        return None


def _within(address: _Address, networks: Iterable[Network]) -> bool:
    return any(address.version == each.version and address in each for each in networks)
