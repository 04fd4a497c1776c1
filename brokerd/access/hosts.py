"""Under which names a browser may use the trust in its address.

A page of anybody's can let its own name point to a printer's address (DNS rebinding); the browser then takes
the printer for that page's own server. What gives it away is the name in the C{Host} header: no local one.
"""

import socket
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import ip_address

from attrs import field, frozen

__all__ = ["HostRules", "host_name"]

# Names that nobody can register: RFC 6761, 6762, 8375, ICANN's .internal; .lan and .home are not delegated.
_LOCAL = (".local", ".localhost", ".lan", ".home", ".internal", ".home.arpa", ".localdomain", ".test")


def host_name(header: str) -> str:
    """The name in a C{Host} header, in lower case, without its port."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".")


@lru_cache(64)  # a client names the same host again and again
def _is_address(name: str) -> bool:
    try:
        ip_address(name.split("%")[0])
    except ValueError:
        return False
    return True


@frozen
class HostRules:
    """Which names are ours.

    @ivar names: names and patterns (C{*.example.org}) that were configured.
    @ivar own: what this machine calls itself.
    """

    names: tuple[str, ...] = ()
    own: str = field(factory=lambda: socket.gethostname().lower())

    @staticmethod
    def of(names: Iterable[str], origins: Iterable[str]) -> "HostRules":
        """Rules from configured names and from origins whose pages are welcome anyway."""
        hosts = (host_name(each.split("://")[-1]) for each in origins)
        return HostRules(tuple(each.lower() for each in (*names, *hosts) if each != "*"))

    def ours(self, header: str) -> bool:
        """Whether a browser that used this name has meant us. Without a header it was no browser."""
        name = host_name(header)
        if not name or "." not in name or _is_address(name) or name.endswith(_LOCAL):
            return True
        if name.partition(".")[0] == self.own or name == self.own:
            return True
        return any(fnmatchcase(name, each) for each in self.names)
