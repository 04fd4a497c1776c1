"""Methods that clients offer to the host, and that macros call: C{action_call_remote_method}."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from klipperd.errors import CommandError
from klipperd.objects.values import nearest

if TYPE_CHECKING:
    from klipperd.remote.procedures import Client

__all__ = ["RemoteMethods"]


@define(eq=False, repr=False)
class RemoteMethods:
    """Who offers which method; each client at most once a name."""

    _offers: "dict[str, dict[Client, Mapping[str, Any]]]" = field(factory=dict)

    def offer(self, client: "Client", name: str, template: Mapping[str, Any]) -> None:
        """C{client} serves C{name} until it goes; it is told of calls by C{template}."""
        self._offers.setdefault(name, {})[client] = template
        client.on_close.append(lambda: self._withdraw(client, name))

    def _withdraw(self, client: "Client", name: str) -> None:
        offered = self._offers.get(name, {})
        offered.pop(client, None)
        if not offered:
            self._offers.pop(name, None)

    def call(self, name: str, params: Mapping[str, Any]) -> None:
        """Tell every client that offers C{name}. @raise CommandError: when none does."""
        offered = self._offers.get(name)
        if not offered:
            raise CommandError(f"Remote method '{name}' not registered{nearest(name, list(self._offers))}")
        for client, template in list(offered.items()):
            client.notify(template, params)
