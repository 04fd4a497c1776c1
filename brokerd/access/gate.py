"""The one place that says who a request's caller is."""

from collections.abc import Callable, Mapping

from attrs import define, evolve, field

from brokerd.access.accounts import Account, Accounts
from brokerd.access.addresses import AddressRules, Origin
from brokerd.access.hosts import HostRules
from brokerd.access.keys import ApiKey, OneshotTokens
from brokerd.access.origins import OriginRules
from brokerd.access.tokens import InvalidToken, WebTokens
from brokerd.errors import Forbidden, Unauthorized
from brokerd.registry.caller import Caller, Role

__all__ = ["Gate"]


@define(eq=False, repr=False)
class Gate:
    """Judges callers: by JSON Web Token, one-shot token, API key, address, in this order.

    @ivar enable_api_key: whether the API key opens the door.
    @ivar force_logins: whether trusted addresses must log in once there is an account.
    @ivar trusted_role: what a trusted address may do.
    @ivar printer: the printer that it leads to; accounts may be confined to others.
    """

    addresses: AddressRules
    origins: OriginRules
    hosts: HostRules
    key: ApiKey
    tokens: OneshotTokens
    accounts: Accounts
    web_tokens: WebTokens
    enable_api_key: bool = True
    force_logins: bool = False
    trusted_role: Role = Role.ADMIN
    printer: str = ""
    _watchers: list[Callable[[str], None]] = field(init=False, factory=list)

    def of_printer(self, name: str) -> "Gate":
        """The gate to one of several printers: with the same keys, but not for all accounts."""
        gate = evolve(self, printer=name)
        gate._watchers = self._watchers
        return gate

    def role_of(self, account: Account) -> Role:
        """What a user may do with this printer."""
        return account.role if account.may_use(self.printer) else Role.ANYONE

    def admit(self, caller: Caller, account: Account) -> None:
        """Let the caller be that user from now on."""
        caller.become(account.username, self.role_of(account))
        if caller.role is Role.ANYONE:
            caller.hint = f"the user {account.username!r} may not use the printer {self.printer!r}"

    def caller(self, peer: str, headers: Mapping[str, str], token: str = "") -> Caller:
        """The caller of a request.

        @param headers: lower-case names.
        @param token: the C{token} of its query string, if any.
        @raise Unauthorized: if it shows a key or token that is wrong.
        """
        origin = self.addresses.origin(peer, headers)
        role, hint = self._address_role(origin, headers)
        caller = Caller(role, origin.address, role > Role.ANYONE, address_role=role, hint=hint)
        bearer = headers.get("authorization", "")
        if bearer[:7].lower() == "bearer " and self._shown(caller, bearer[7:].strip()):
            return caller
        if token:
            self._redeem(caller, token)
            return caller
        key = headers.get("x-api-key", "")
        if key and self.unlocks(key):
            caller.role = Role.ADMIN
        elif key and role is Role.ANYONE:
            raise Unauthorized("the API key is wrong")
        return caller

    def _address_role(self, origin: Origin, headers: Mapping[str, str]) -> tuple[Role, str]:
        """What the address alone gives, and why if that is nothing though it is trusted."""
        if not origin.trusted:
            return Role.ANYONE, ""
        if self.login_required:
            return Role.ANYONE, "log in first (force_logins)"
        host = headers.get("host", "")
        if not self.hosts.ours(host):
            return Role.ANYONE, f"{host!r} is no name of this printer: see trusted_hosts in [authorization]"
        return self.trusted_role, ""

    def _shown(self, caller: Caller, token: str) -> bool:
        """Whether a JSON Web Token says who the caller is.

        @raise Unauthorized: if it does not; but what is void (not merely old) harms no one who needs none.
        """
        try:
            account = self.web_tokens.account(token, "access")
        except InvalidToken:
            if caller.role is Role.ANYONE:
                raise
            return False
        self.admit(caller, account)
        return True

    def _redeem(self, caller: Caller, token: str) -> None:
        bearer = self.tokens.redeem(token)
        if bearer is not None:
            caller.user, caller.role = bearer.user, bearer.role
            account = self.accounts.get(bearer.user) if bearer.user is not None else None
            if account is not None:
                self.admit(caller, account)
        elif caller.role is Role.ANYONE:
            raise Unauthorized("the token is wrong or too old")

    def holder(self, access_token: str) -> Account:
        """The account of a JSON Web Token.

        @raise Unauthorized: if it is void or too old.
        """
        return self.web_tokens.account(access_token, "access")

    @property
    def login_required(self) -> bool:
        """Whether trusted addresses must log in, too."""
        return self.force_logins and len(self.accounts) > 0

    def unlocks(self, key: str) -> bool:
        """Whether that is the API key, and keys are accepted."""
        return self.enable_api_key and self.key.matches(key)

    def check_page(self, headers: Mapping[str, str]) -> None:
        """Refuse changes that a foreign page makes in the name of a trusted browser.

        @raise Forbidden: if the request comes from a page that may not.
        """
        if not self.origins.acceptable(headers):
            raise Forbidden(f"the page {headers.get('origin')} may not do this: see cors_domains")

    def watch(self, left: Callable[[str], None]) -> None:
        """Call C{left} with the name of each user who logs out or is deleted."""
        self._watchers.append(left)

    def user_left(self, username: str) -> None:
        """Tell all watchers."""
        for left in self._watchers:
            left(username)
