"""The certificate that devices install to trust this printer."""

from typing import ClassVar

from attrs import define

from brokerd.errors import NotFound
from brokerd.registry.caller import Role
from brokerd.registry.declare import endpoint
from brokerd.registry.exchange import FileReply, HttpRequest
from brokerd.threads import WorkerThreads
from brokerd.tls.context import ServerTls, user_pair

__all__ = ["TlsEndpoints"]


@define(eq=False, repr=False)
class TlsEndpoints:
    """Hands out the authority's certificate; it is no secret."""

    component: ClassVar[str] = "tls"
    _tls: ServerTls
    _threads: WorkerThreads

    @endpoint("GET /server/tls/ca.crt", result="bytes", permission=Role.ANYONE)
    async def authority(self, request: HttpRequest) -> FileReply:
        """The certificate of this printer's own authority; a device that installs it trusts the printer."""
        if await self._threads.run(user_pair, self._tls.folder) is not None:
            raise NotFound("this printer uses a certificate of yours, not one of its own authority")
        await self._tls.context()
        return FileReply(self._tls.folder / "ca.crt", download="printer-ca.crt")
