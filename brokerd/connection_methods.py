"""C{server.connection.*}: a lasting connection says who it is."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from attrs import define

from brokerd.access.gate import Gate
from brokerd.errors import BadRequest, Unauthorized
from brokerd.registry.caller import Caller, Connection, Role
from brokerd.registry.declare import method
from brokerd.registry.table import permit

__all__ = ["ConnectionMethods"]

ClientType = Literal["web", "mobile", "desktop", "display", "bot", "agent", "other"]


def _connection(caller: Caller) -> Connection:
    if caller.connection is None:
        raise BadRequest("this needs a connection that stays, such as a websocket")
    return caller.connection


@define(eq=False, repr=False)
class ConnectionMethods:
    """Identification of connections.

    @ivar _identified: told of each connection that said who it is.
    """

    component: ClassVar[str] = "websockets"
    _gate: Gate
    _identified: Callable[[Connection], None]

    @method(
        "server.connection.identify", result="{connection_id: int}", permission=Role.ANYONE, persistent=True
    )
    async def identify(
        self,
        caller: Caller,
        client_name: Annotated[str, "name of the program"],
        version: Annotated[str, "its version"],
        type: Annotated[ClientType, "kind of client"],
        url: Annotated[str, "its home"],
        access_token: Annotated[str | None, "JSON Web Token"] = None,
        api_key: Annotated[str | None, "API key"] = None,
    ) -> dict[str, Any]:
        """Say who one is; once for each connection."""
        connection = _connection(caller)
        if api_key:
            if not self._gate.unlocks(api_key):
                raise Unauthorized("the API key is wrong")
            caller.role = Role.ADMIN
        if access_token:
            account = self._gate.holder(access_token)
            self._gate.admit(caller, account)
        permit(caller, Role.VIEWER)
        connection.identify({"name": client_name, "version": version, "type": type, "url": url})
        self._identified(connection)
        return {"connection_id": connection.number}

    @method("server.websocket.id", result="{websocket_id: int}", permission=Role.VIEWER, persistent=True)
    async def websocket_id(self, caller: Caller) -> dict[str, Any]:
        """The number of this connection (obsolete: identify tells it, too)."""
        return {"websocket_id": _connection(caller).number}
