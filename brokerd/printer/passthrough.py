"""Procedures of the motion host that have no method of their own here: C{printer.bed_mesh.dump_mesh}."""

from collections.abc import Mapping
from typing import Any

from attrs import define, frozen

from brokerd.errors import NotFound
from brokerd.printer.session import HostSession
from brokerd.registry.caller import Caller, Role
from brokerd.registry.declare import ApiMethod
from brokerd.registry.table import BoundMethod, permit

__all__ = ["HostProcedures"]

# Registrations and streams belong to one connection of the host; through a shared one they make no sense.
_WITHHELD = frozenset(
    {"register_remote_method", "gcode/subscribe_output", "objects/subscribe", "list_endpoints"}
)
_NO_STREAM = "bed_mesh/dump_mesh"


def _passes(procedure: str) -> bool:
    streams = procedure.rpartition("/")[2].startswith("dump_") and procedure != _NO_STREAM
    return not streams and procedure not in _WITHHELD


@define(eq=False, repr=False)
class HostProcedures:
    """Offers the procedures that the host lists, each as C{printer.<its name with dots>}."""

    _host: HostSession

    def find(self, name: str) -> BoundMethod | None:
        """The method that passes a call on, if the host has such a procedure."""
        if not name.startswith("printer."):
            return None
        procedure = name.removeprefix("printer.").replace(".", "/")
        if procedure not in self._host.endpoints or not _passes(procedure):
            return None
        return _PassedOn(_declaration(name), self._host, procedure)


@frozen
class _PassedOn(BoundMethod):
    """One procedure; its arguments go to the host as they came."""

    procedure: str

    async def call(self, arguments: Mapping[str, Any], caller: Caller) -> Any:
        permit(caller, self.api.permission)
        host = self.component
        assert isinstance(host, HostSession)
        answer = await host.request(self.procedure, arguments)
        return "ok" if answer == {} else answer


async def _undeclared() -> None:
    raise NotFound("this procedure is the host's own")


def _declaration(name: str) -> ApiMethod:
    doc, result = "A procedure of the motion host.", "any"
    return ApiMethod(name, (), Role.OPERATOR, False, result, doc, (), None, _undeclared)
