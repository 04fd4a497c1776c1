"""Names of what is served, from the declarations."""

from collections.abc import Iterable

from attrs import frozen

from brokerd.registry.declare import ApiMethod, declared

__all__ = ["Served", "served_by"]


@frozen
class Served:
    """Names of all that a set of components serves.

    @ivar rpc: JSON-RPC method names.
    @ivar http: HTTP forms, such as C{"GET /server/info"}.
    """

    rpc: tuple[str, ...]
    http: tuple[str, ...]


def served_by(components: Iterable[type]) -> Served:
    """What these component classes declare."""
    specs = [spec for component in components for spec in declared(component)]
    rpc = sorted(spec.name for spec in specs if isinstance(spec, ApiMethod))
    http = sorted(each.text for spec in specs for each in spec.http)
    return Served(tuple(rpc), tuple(http))
