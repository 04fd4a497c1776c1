"""C{server.extensions.*} and what agents may do: programs that extend the broker over their connection."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from brokerd.encoding import encode
from brokerd.errors import ApiError, BadRequest, Forbidden, HostUnavailable, NotFound
from brokerd.notifications import Broadcaster, notification
from brokerd.printer.session import HostSession
from brokerd.registry.caller import Caller, Connection, Role, SharedMessage
from brokerd.registry.declare import method, shape

__all__ = ["ExtensionMethods"]

shape("Agent", '{name: str, version: str, type: "agent", url: str}')

AGENT_EVENT = notification(
    "notify_agent_event",
    "an agent came, went or says something",
    params=("{agent: str, event: str, data?: any}",),
)

_RESERVED = ("connected", "disconnected")
_PATIENCE = 60.0  # seconds that an agent may take for an answer


@define(eq=False, repr=False)
class _Agent:
    """A connected agent.

    @ivar waiting: requests that it has not answered, by number.
    @ivar methods: remote methods that it serves for the motion host.
    """

    connection: Connection
    waiting: dict[int, Deferred[Any]] = field(init=False, factory=dict)
    methods: list[str] = field(init=False, factory=list)

    @property
    def name(self) -> str:
        return str(self.connection.identity["name"])

    def send(self, content: Mapping[str, Any]) -> None:
        self.connection.send(SharedMessage(encode(content)))


def _request(method: str, arguments: Any, number: int | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if arguments:
        content["params"] = arguments
    if number is not None:
        content["id"] = number
    return content


def _failure(error: Any) -> ApiError:
    """An agent's error as our own; its code is kept if it is an HTTP status."""
    if not isinstance(error, Mapping):
        return ApiError(f"the agent failed: {error}")
    code = error.get("code")
    known = isinstance(code, int) and 400 <= code < 600
    return ApiError(str(error.get("message", error)), code if known else 400)


@define(eq=False, repr=False)
class ExtensionMethods:
    """Agents that are connected, and the way to them."""

    component: ClassVar[str] = "extensions"
    _host: HostSession
    _broadcaster: Broadcaster
    _clock: IReactorTime
    _agents: dict[str, _Agent] = field(init=False, factory=dict)
    _last: int = field(init=False, default=0)

    def identified(self, connection: Connection) -> None:
        """Take up a connection that says it is an agent.

        @raise BadRequest: if another agent bears its name.
        """
        identity = connection.identity
        if identity.get("type") != "agent":
            return
        name = str(identity["name"])
        if name in self._agents:
            raise BadRequest(f"there is an agent {name!r} already")
        agent = self._agents[name] = _Agent(connection)
        connection.when_closed(lambda: self._gone(agent))
        event = {"agent": name, "event": "connected", "data": dict(identity)}
        self._broadcaster.send(AGENT_EVENT, event, except_for=connection)

    def _gone(self, agent: _Agent) -> None:
        del self._agents[agent.name]
        for name in agent.methods:
            self._host.withdraw(name)
        waiting, agent.waiting = agent.waiting, {}
        for each in waiting.values():
            each.errback(HostUnavailable(f"the agent {agent.name!r} went away"))
        self._broadcaster.send(AGENT_EVENT, {"agent": agent.name, "event": "disconnected"})

    def answered(self, connection: Connection, message: Mapping[str, Any]) -> None:
        """Pass an agent's answer to who waits for it."""
        agent = self._agents.get(str(connection.identity.get("name")))
        number = message.get("id")
        if agent is None or agent.connection is not connection or not isinstance(number, int):
            return
        waiting = agent.waiting.pop(number, None)
        if waiting is None:
            return
        if "error" in message:
            waiting.errback(_failure(message["error"]))
        else:
            waiting.callback(message.get("result"))

    def _calling(self, caller: Caller) -> _Agent:
        connection = caller.connection
        assert connection is not None
        agent = self._agents.get(str(connection.identity.get("name")))
        if agent is None or agent.connection is not connection:
            raise Forbidden("only a connection that identified itself as an agent may do this")
        return agent

    @method(
        "server.extensions.list",
        "GET /server/extensions/list",
        result="{agents: [Agent]}",
        permission=Role.VIEWER,
    )
    async def list_agents(self) -> dict[str, Any]:
        """The agents that are connected."""
        return {"agents": [dict(each.connection.identity) for each in self._agents.values()]}

    @method("server.extensions.request", "POST /server/extensions/request", result="any")
    async def request(
        self,
        agent: Annotated[str, "name of the agent"],
        method: Annotated[str, "method of the agent"],
        arguments: Annotated[list[Any] | dict[str, Any] | None, "by position or by name"] = None,
    ) -> Any:
        """Call a method of an agent."""
        found = self._agents.get(agent)
        if found is None:
            raise NotFound(f"there is no agent {agent!r}")
        self._last += 1
        number = self._last
        answer = found.waiting[number] = Deferred()
        expiry = self._clock.callLater(_PATIENCE, self._expire, found, number)
        found.send(_request(method, arguments, number))
        try:
            return await answer
        finally:
            found.waiting.pop(number, None)
            if expiry.active():
                expiry.cancel()

    def _expire(self, agent: _Agent, number: int) -> None:
        waiting = agent.waiting.pop(number, None)
        if waiting is not None:
            waiting.errback(ApiError(f"the agent {agent.name!r} did not answer in {_PATIENCE:.0f} s", 504))

    @method("connection.send_event", result='"ok"', persistent=True)
    async def send_event(
        self,
        caller: Caller,
        event: Annotated[str, "name of the event"],
        data: Annotated[Any, "any JSON value"] = None,
    ) -> str:
        """Tell all other clients something; for agents."""
        agent = self._calling(caller)
        if event in _RESERVED:
            raise BadRequest(f"the event {event!r} is the broker's own")
        content = {"agent": agent.name, "event": event}
        if data is not None:
            content["data"] = data
        self._broadcaster.send(AGENT_EVENT, content, except_for=agent.connection)
        return "ok"

    @method("connection.register_remote_method", result='"ok"', persistent=True)
    async def register_remote_method(
        self, caller: Caller, method_name: Annotated[str, "as macros will call it"]
    ) -> str:
        """Let macros of the motion host call a method of this agent."""
        agent = self._calling(caller)
        if method_name in agent.methods:
            return "ok"

        async def call(**params: Any) -> None:
            agent.send(_request(method_name, params))

        await self._host.offer_now(method_name, call)
        agent.methods.append(method_name)
        return "ok"
