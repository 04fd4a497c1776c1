"""One registry of remote procedures, whoever asks: the UDS server, the broker in the same process, tests.

Requests and answers are plain dicts of JSON types, so that faces only encode and decode. Methods, their
parameters and the order of messages: API_Server.md of the field's motion host.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from klipperd.errors import CommandError
from klipperd.objects.call import Remote, json_arguments, remotes_of
from klipperd.objects.values import nearest
from klipperd.remote.callbacks import RemoteMethods

__all__ = ["Client", "Procedures"]

Send = Callable[[dict[str, Any]], None]


@define(eq=False, repr=False)
class Client:
    """One connected asker. C{send} gets every message that is no answer: subscription updates and
    calls of remote methods that the client registered. C{on_close} callables end its subscriptions."""

    procedures: "Procedures"
    send: Send
    on_drop: Callable[[], None] = lambda: None
    """Runs when the host ends the connection itself, which it does whenever it restarts."""
    on_close: list[Callable[[], None]] = field(factory=list)
    closed: bool = False

    async def request(self, method: str, params: Mapping[str, Any]) -> Any:
        """Run one procedure and give its result.

        @raise CommandError: when it is unknown, badly called or refused; the text is for the user.
        """
        return await self.procedures.run(self, method, params)

    def notify(self, template: Mapping[str, Any], params: Mapping[str, Any]) -> None:
        """Send C{template} with C{params} filled in, as response templates ask for."""
        if not self.closed:
            self.send({**template, "params": params})

    def close(self) -> None:
        """The client has gone: end what it subscribed to."""
        self.closed = True
        self.procedures.forget(self)
        for end in self.on_close:
            end()
        self.on_close.clear()


@frozen
class _Bound:
    spec: Remote
    function: Callable[..., Awaitable[Any]]


@define(eq=False, repr=False)
class Procedures:
    """The procedures of one host by name. Those of printer objects come and go with the printer."""

    _bound: dict[str, _Bound] = field(factory=dict)
    _clients: set[Client] = field(factory=set)
    remote_methods: RemoteMethods = field(factory=RemoteMethods)
    """What clients offer in their turn."""

    def add(self, server: object) -> None:
        """Offer all methods of C{server} that are marked L{klipperd.objects.remote}."""
        for spec in remotes_of(type(server)):
            self._bound[spec.name] = _Bound(spec, getattr(server, spec.method))

    def remove(self, server: object) -> None:
        """Take back what C{server} offered."""
        for spec in remotes_of(type(server)):
            bound = self._bound.get(spec.name)
            if bound is not None and getattr(bound.function, "__self__", None) is server:
                del self._bound[spec.name]

    def names(self) -> list[str]:
        """All procedures on offer."""
        return sorted(self._bound)

    def connect(self, send: Send, on_drop: Callable[[], None] = lambda: None) -> Client:
        """A new client whose unasked messages go to C{send}; C{on_drop} runs when the host restarts."""
        client = Client(self, send, on_drop)
        self._clients.add(client)
        return client

    def forget(self, client: Client) -> None:
        """The client has closed."""
        self._clients.discard(client)

    def drop_clients(self) -> None:
        """End all connections. Clients connect again and subscribe anew, since every object they know of
        may be another one: brokers of the field rely on this when the host restarts."""
        for client in list(self._clients):
            client.close()
            client.on_drop()

    async def run(self, client: Client, method: str, params: Mapping[str, Any]) -> Any:
        """Check the parameters and await the procedure."""
        bound = self._bound.get(method)
        if bound is None:
            raise CommandError(f"unknown method {method!r}{nearest(method, self.names())}")
        arguments = json_arguments(bound.spec, params)
        if bound.spec.with_client:
            return await bound.function(client, **arguments)
        return await bound.function(**arguments)
