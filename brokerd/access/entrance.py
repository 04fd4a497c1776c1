"""The parts that say who comes in, made from the settings."""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from brokerd.access.accounts import Accounts
from brokerd.access.addresses import AddressRules
from brokerd.access.attempts import LoginAttempts
from brokerd.access.gate import Gate
from brokerd.access.hosts import HostRules
from brokerd.access.keys import ApiKey, OneshotTokens
from brokerd.access.ldap import LdapDirectory
from brokerd.access.login import LOCAL, Logins
from brokerd.access.names import TrustedNames
from brokerd.access.origins import OriginRules
from brokerd.access.passwords import Passwords
from brokerd.access.settings import AuthorizationConfig, LdapConfig, role_named
from brokerd.access.tokens import WebTokens
from brokerd.notifications import Broadcaster
from brokerd.settings import BrokerSettings
from brokerd.threads import WorkerThreads

__all__ = ["Entrance", "make_entrance"]

_DAY = 86400.0


@frozen
class Entrance:
    """Who comes in.

    @ivar names: to be started and stopped with the broker.
    """

    gate: Gate
    logins: Logins
    names: TrustedNames

    def load(self) -> None:
        """Read keys and accounts. Blocks for a moment."""
        self.gate.key.load()
        self.gate.accounts.load()

    def prepare(self) -> None:
        """Import what tokens need, if there are accounts that may show some. Blocks."""
        if len(self.gate.accounts):
            self.gate.web_tokens.prepare()

    @property
    def warnings(self) -> list[str]:
        """What the user should know."""
        return [each for each in (self.gate.accounts.warning,) if each]


def make_entrance(
    settings: BrokerSettings,
    reactor: Any,
    threads: WorkerThreads,
    broadcaster: Broadcaster,
    now: Callable[[], float],
) -> Entrance:
    """The entrance of one broker."""
    config = settings.sections.one(AuthorizationConfig)
    names = TrustedNames(reactor, settings.trusted_names)
    accounts = Accounts(settings.data / ".accounts", threads)
    addresses = AddressRules(settings.trusted_clients, settings.trusted_proxies, names.addresses)
    gate = Gate(
        addresses=addresses,
        origins=OriginRules(settings.cors_domains, addresses.trusts),
        hosts=HostRules.of((*config.trusted_hosts, *settings.trusted_names), settings.cors_domains),
        key=ApiKey(settings.data / ".api_key"),
        tokens=OneshotTokens(reactor),
        accounts=accounts,
        web_tokens=WebTokens(accounts, now, config.login_timeout * _DAY),
        enable_api_key=settings.enable_api_key,
        force_logins=config.force_logins,
        trusted_role=role_named(config.trusted_role),
    )
    return Entrance(gate, _make_logins(settings, config, gate, reactor, threads, broadcaster, now), names)


def _make_logins(
    settings: BrokerSettings,
    config: AuthorizationConfig,
    gate: Gate,
    reactor: Any,
    threads: WorkerThreads,
    broadcaster: Broadcaster,
    now: Callable[[], float],
) -> Logins:
    ldap = settings.sections.maybe(LdapConfig)
    directory = None
    if ldap is not None:
        server = LdapDirectory(ldap)

        async def directory(username: str, password: str) -> bool:
            return await threads.run(server.accepts, username, password)

    return Logins(
        gate,
        Passwords(threads),
        LoginAttempts(reactor, config.max_login_attempts),
        broadcaster,
        now,
        directory,
        config.default_source if directory is not None else LOCAL,
        role_named(config.default_role),
        (settings.name, *(each.name for each in settings.printers)),
    )
