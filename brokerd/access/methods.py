"""C{access.*}: logging in and out, accounts, keys, tokens, and who one is."""

from typing import Annotated, Any, ClassVar

from attrs import define

from brokerd.access.accounts import Account
from brokerd.access.gate import Gate
from brokerd.access.login import LOCAL, Logins
from brokerd.access.settings import RoleName, role_named
from brokerd.access.tokens import WebTokens
from brokerd.errors import BadRequest, Forbidden
from brokerd.registry.caller import Caller, Role
from brokerd.registry.declare import method, shape
from brokerd.threads import WorkerThreads

__all__ = ["AccessMethods"]

shape("AccountSource", '"moonraker" | "ldap"')
shape("RoleName", '"viewer" | "operator" | "admin"')
shape(
    "Account",
    """{
    username: str
    source: AccountSource
    created_on: num  # Unix time (s)
    role: RoleName
    printers?: [str]  # those that the user is confined to
}""",
)
shape(
    "Session",
    """{
    username: str
    token: str  # JSON Web Token that goes with requests
    refresh_token: str  # for access.refresh_jwt
    action: "user_logged_in" | "user_created"
    source: AccountSource
}""",
)
shape(
    "AccessInfo",
    """{
    default_source: AccountSource
    available_sources: [AccountSource]
    login_required: bool
    trusted: bool  # whether one's address alone lets one in
}""",
)
shape(
    "AccountChange",
    """{
    username: str
    action: "user_logged_out" | "user_deleted" | "user_password_reset"
}""",
)

_TRUSTED_USER = "_TRUSTED_USER_"
_KEY_USER = "_API_KEY_USER_"

Username = Annotated[str, "name of the user"]
Password = Annotated[str, "the password"]


@define(eq=False, repr=False)
class AccessMethods:
    """Accounts, keys, tokens, and who one is."""

    component: ClassVar[str] = "authorization"
    _gate: Gate
    _logins: Logins
    _threads: WorkerThreads

    @method("access.login", "POST /access/login", result="Session", permission=Role.ANYONE)
    async def login(
        self,
        caller: Caller,
        username: Username,
        password: Password,
        source: Annotated[str | None, "who checks the password: moonraker or ldap"] = None,
    ) -> dict[str, Any]:
        """Log in; on a connection that stays, the connection is logged in, too."""
        account = await self._logins.login(username, password, source, caller.address)
        self._gate.admit(caller, account)
        return await self._session(account, "user_logged_in")

    async def _session(self, account: Account, action: str) -> dict[str, Any]:
        access, refresh = await self._threads.run(_tokens, self._gate.web_tokens, account)
        return {
            "username": account.username,
            "token": access,
            "refresh_token": refresh,
            "action": action,
            "source": account.source,
        }

    @method("access.logout", "POST /access/logout", result="AccountChange", permission=Role.VIEWER)
    async def logout(self, caller: Caller) -> dict[str, Any]:
        """Log out: all tokens of the user become void."""
        username = _user(caller)
        await self._logins.logout(username)
        caller.forget_user()
        return {"username": username, "action": "user_logged_out"}

    @method(
        "access.refresh_jwt", "POST /access/refresh_jwt",
        result='{username: str, token: str, source: AccountSource, action: "user_jwt_refresh"}',
        permission=Role.ANYONE,
    )  # fmt: skip
    async def refresh_jwt(
        self, refresh_token: Annotated[str, "what the login gave for this"]
    ) -> dict[str, Any]:
        """A new access token."""
        account = self._gate.web_tokens.account(refresh_token, "refresh")
        token = self._gate.web_tokens.issue(account, "access")
        return {
            "username": account.username,
            "token": token,
            "source": account.source,
            "action": "user_jwt_refresh",
        }

    @method(
        "access.info",
        "GET /access/info",
        result="AccessInfo",
        permission=Role.ANYONE,
    )
    async def info(self, caller: Caller) -> dict[str, Any]:
        """How to get in."""
        return {
            "default_source": self._logins.default_source,
            "available_sources": self._logins.sources,
            "login_required": self._gate.login_required,
            "trusted": caller.trusted,
        }

    @method("access.get_user", "GET /access/user", result="Account", permission=Role.VIEWER)
    async def get_user(self, caller: Caller) -> dict[str, Any]:
        """Who one is."""
        account = self._gate.accounts.get(caller.user) if caller.user is not None else None
        if account is not None:
            return _shown(account)
        name = _TRUSTED_USER if caller.trusted else _KEY_USER
        return {"username": name, "source": LOCAL, "created_on": 0.0, "role": caller.role.name.lower()}

    @method("access.post_user", "POST /access/user", result="Session", permission=Role.ADMIN)
    async def post_user(
        self,
        username: Username,
        password: Password,
        role: Annotated[RoleName | None, "what the user may do"] = None,
    ) -> dict[str, Any]:
        """Create an account of our own and log it in."""
        given = role_named(role) if role is not None else None
        account = await self._logins.create(username, password, given)
        return await self._session(account, "user_created")

    @method("access.delete_user", "DELETE /access/user", result="AccountChange", permission=Role.ADMIN)
    async def delete_user(self, caller: Caller, username: Username) -> dict[str, Any]:
        """Delete an account other than one's own."""
        await self._logins.delete(username, caller.user)
        return {"username": username, "action": "user_deleted"}

    @method(
        "access.users.list", "GET /access/users/list", result="{users: [Account]}", permission=Role.VIEWER
    )
    async def users(self) -> dict[str, Any]:
        """The accounts."""
        return {"users": [_shown(each) for each in self._gate.accounts.all]}

    @method(
        "access.user.password", "POST /access/user/password", result="AccountChange", permission=Role.VIEWER
    )
    async def user_password(
        self,
        caller: Caller,
        password: Annotated[str, "the present password"],
        new_password: Annotated[str, "the new one"],
    ) -> dict[str, Any]:
        """Change one's password."""
        username = _user(caller)
        await self._logins.change_password(username, password, new_password, caller.address)
        return {"username": username, "action": "user_password_reset"}

    @method(
        "access.user.role",
        "POST /access/user/role",
        result="{username: str, role: RoleName}",
        permission=Role.ADMIN,
    )
    async def user_role(
        self, username: Username, role: Annotated[RoleName, "what the user may do"]
    ) -> dict[str, Any]:
        """Change what a user may do."""
        await self._logins.set_role(username, role_named(role))
        return {"username": username, "role": role}

    @method(
        "access.user.printers", "POST /access/user/printers",
        result="{username: str, printers: [str]}", permission=Role.ADMIN,
    )  # fmt: skip
    async def user_printers(
        self,
        username: Username,
        printers: Annotated[list[str], "names of printers of this broker; none for all of them"],
    ) -> dict[str, Any]:
        """Confine a user to some printers."""
        await self._logins.set_printers(username, printers)
        return {"username": username, "printers": printers}

    @method("access.oneshot_token", "GET /access/oneshot_token", result="str", permission=Role.VIEWER)
    async def oneshot_token(self, caller: Caller) -> str:
        """A token for the query string of one request, good for 5 s."""
        return self._gate.tokens.issue(caller.role, caller.user)

    @method("access.get_api_key", "GET /access/api_key", result="str", permission=Role.ADMIN)
    async def get_api_key(self, caller: Caller) -> str:
        """The API key."""
        _not_by_socket(caller)
        return self._gate.key.value

    @method("access.post_api_key", "POST /access/api_key", result="str", permission=Role.ADMIN)
    async def post_api_key(self, caller: Caller) -> str:
        """Replace the API key; the old one is void at once."""
        _not_by_socket(caller)
        return await self._threads.run(self._gate.key.renew)


def _tokens(tokens: WebTokens, account: Account) -> tuple[str, str]:
    """Both tokens of a session; the first ones import what they need. Blocks."""
    return tokens.issue(account, "access"), tokens.issue(account, "refresh")


def _not_by_socket(caller: Caller) -> None:
    """@raise Forbidden: if the caller only had to open a file to get here."""
    if caller.address == "unix":
        raise Forbidden("the API key is not given away over the unix socket")


def _user(caller: Caller) -> str:
    """@raise BadRequest: if the caller is no user."""
    if caller.user is None:
        raise BadRequest("nobody is logged in here")
    return caller.user


def _shown(account: Account) -> dict[str, Any]:
    return {
        "username": account.username,
        "source": account.source,
        "created_on": account.created_on,
        "role": account.role.name.lower(),
        **({"printers": list(account.printers)} if account.printers else {}),
    }
