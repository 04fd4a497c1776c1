"""C{access.*}, as far as a single user without accounts needs it."""

from typing import Any, ClassVar

from attrs import define

from brokerd.access.gate import Gate
from brokerd.registry.caller import Caller, Role
from brokerd.registry.declare import method
from brokerd.threads import WorkerThreads

__all__ = ["AccessMethods"]

_TRUSTED_USER = "_TRUSTED_USER_"
_KEY_USER = "_API_KEY_USER_"


@define(eq=False)
class AccessMethods:
    """Keys, tokens, and who one is."""

    component: ClassVar[str] = "authorization"
    _gate: Gate
    _threads: WorkerThreads

    @method(
        "access.info", "GET /access/info", result="sources, whether one is trusted", permission=Role.ANYONE
    )
    async def info(self, caller: Caller) -> dict[str, Any]:
        """How to get in."""
        return {
            "default_source": "moonraker",
            "available_sources": ["moonraker"],
            "login_required": False,
            "trusted": caller.trusted,
        }

    @method("access.get_user", "GET /access/user", result="{username, source}", permission=Role.VIEWER)
    async def get_user(self, caller: Caller) -> dict[str, Any]:
        """Who one is."""
        name = caller.user or (_TRUSTED_USER if caller.trusted else _KEY_USER)
        return {"username": name, "source": "moonraker", "created_on": 0.0}

    @method("access.users.list", "GET /access/users/list", result="{users}", permission=Role.VIEWER)
    async def users(self) -> dict[str, Any]:
        """The user accounts: none, as long as trusted addresses and the API key are the only ways in."""
        return {"users": []}

    @method("access.oneshot_token", "GET /access/oneshot_token", result="a token", permission=Role.VIEWER)
    async def oneshot_token(self, caller: Caller) -> str:
        """A token for the query string of one request, good for 5 s."""
        return self._gate.tokens.issue(caller.role)

    @method("access.get_api_key", "GET /access/api_key", result="the key", permission=Role.ADMIN)
    async def get_api_key(self) -> str:
        """The API key."""
        return self._gate.key.value

    @method("access.post_api_key", "POST /access/api_key", result="the new key", permission=Role.ADMIN)
    async def post_api_key(self) -> str:
        """Replace the API key; the old one is void at once."""
        return await self._threads.run(self._gate.key.renew)
