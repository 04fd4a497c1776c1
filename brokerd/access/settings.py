"""C{[authorization]} and C{[ldap]}: who may come in, and how."""

from collections.abc import Callable
from typing import Literal

from attrs import frozen

from brokerd.access.addresses import LOOPBACK, parse_client
from brokerd.options import option, section
from brokerd.registry.caller import Role

__all__ = ["AuthorizationConfig", "LdapConfig", "RoleName", "role_named"]

RoleName = Literal["viewer", "operator", "admin"]


def role_named(name: str) -> Role:
    """The role of that name."""
    return Role[name.upper()]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.replace(",", "\n").split("\n") if each.strip())


def _clients(text: str) -> tuple[str, ...]:
    for each in _lines(text):
        try:
            parse_client(each)
        except ValueError:
            raise ValueError(f"addresses, networks such as 192.168.1.0/24, or names (not {each!r})") from None
    return _lines(text)


def _pages(text: str) -> tuple[str, ...]:
    for each in _lines(text):
        host = each.split("://")[-1].rsplit(":", 1)[0]
        if "." in host and host.rsplit(".", 1)[1] == "*":
            raise ValueError(f"origins whose last label is no wildcard (not {each!r})")
    return _lines(text)


def _optional(least: int) -> Callable[[str], int | None]:
    def convert(text: str) -> int | None:
        try:
            number = int(text)
        except ValueError:
            raise ValueError("an integer") from None
        if number < least:
            raise ValueError(f"{least} or more")
        return number

    return convert


@frozen
class AuthorizationConfig:
    """C{[authorization]}: who may come in."""

    enable_api_key: bool = option(True, doc="whether the API key opens the door")
    login_timeout: int = option(
        90, doc="days from a login until the password is asked for again", minimum=1, maximum=3650
    )
    max_login_attempts: int | None = option(
        None, doc="failed logins in a row after which an address is shut out until the restart",
        convert=_optional(1),
    )  # fmt: skip
    trusted_clients: tuple[str, ...] = option(
        tuple(map(str, LOOPBACK)), doc="addresses, networks and names whose clients need no key",
        convert=_clients,
    )  # fmt: skip
    trusted_proxies: tuple[str, ...] = option(
        (), doc="addresses and networks of proxies that are believed when they name their client",
        convert=_clients,
    )  # fmt: skip
    trusted_hosts: tuple[str, ...] = option(
        (), doc="names beside local ones under which browsers reach this printer without a key"
    )
    trusted_role: RoleName = option("admin", doc="what clients at trusted addresses may do")
    default_role: RoleName = option("admin", doc="what a new account may do unless its creator says")
    cors_domains: tuple[str, ...] = option(
        (), doc="patterns of web origins whose pages may use the API", convert=_pages
    )
    force_logins: bool = option(
        False, doc="whether trusted addresses must log in, too, once there is an account"
    )
    default_source: Literal["moonraker", "ldap"] = option(
        "moonraker", doc="who checks passwords unless the login says"
    )


@frozen
class LdapConfig:
    """C{[ldap]}: a directory that checks passwords."""

    ldap_host: str = option(doc="name or address of the server")
    base_dn: str = option(doc="where users are searched", template=True)
    ldap_port: int | None = option(
        None, doc="its port; 389, or 636 for secure connections", convert=_optional(1)
    )
    ldap_secure: bool = option(False, doc="whether to use TLS")
    ldap_verify: bool = option(True, doc="whether the server's certificate must be known")
    ldap_ca_file: str = option("", doc="a file of certificates that are trusted besides the system's")
    bind_dn: str = option("", doc="who searches; nobody in particular by default", template=True)
    bind_password: str = option("", doc="its password", template=True, secret=True)
    group_dn: str = option("", doc="group that a user must belong to", template=True)
    is_active_directory: bool = option(False, doc="whether users are found by sAMAccountName, not uid")
    user_filter: str = option("", doc="filter that finds a user; must hold the word USERNAME", template=True)
    membership_attribute: Literal["memberof", "ismemberof"] = option(
        "memberof", doc="attribute of a user that lists groups"
    )
    check_dn_case: bool = option(True, doc="whether the case of group_dn matters")

    def __attrs_post_init__(self) -> None:
        if bool(self.bind_dn) != bool(self.bind_password):
            raise ValueError("'bind_dn' and 'bind_password' go together")
        if self.user_filter and "USERNAME" not in self.user_filter:
            raise ValueError("'user_filter' must hold the word USERNAME")


section("authorization", AuthorizationConfig)
section("ldap", LdapConfig)
