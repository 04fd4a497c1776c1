"""C{server.spoolman.*}, and the macros' C{spoolman_set_active_spool}."""

import re
from typing import Annotated, Any, ClassVar, Literal

from attrs import define

from brokerd.errors import ApiError, BadRequest
from brokerd.http_client import HttpAnswer, HttpClient, HttpFailure
from brokerd.integrations.spoolman.presence import SpoolmanPresence
from brokerd.integrations.spoolman.usage import SpoolUsage
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape

__all__ = ["SpoolmanMethods"]

shape(
    "SpoolmanStatus",
    """{
    spoolman_connected: bool
    pending_reports: [{spool_id: int, filament_used: num}]  # mm
    spool_id: int | null
}""",
)

_PATH = re.compile(r"/v\d+(/[A-Za-z0-9_.~%-]+)+/?$")
_QUERY = re.compile(r"[!-~]*$")


@define(eq=False, repr=False)
class SpoolmanMethods:
    """The active spool, and a way to the server for clients that can't reach it."""

    component: ClassVar[str] = "spoolman"
    _http: HttpClient
    _server: str
    _usage: SpoolUsage
    _presence: SpoolmanPresence

    @method(
        "server.spoolman.status",
        "GET /server/spoolman/status",
        result="SpoolmanStatus",
        permission=Role.VIEWER,
    )
    async def status(self) -> dict[str, Any]:
        """Whether the server is there, and what it has not been told yet."""
        pending = [{"spool_id": n, "filament_used": length} for n, length in self._usage.pending.items()]
        return {
            "spoolman_connected": self._presence.connected,
            "pending_reports": pending,
            "spool_id": self._usage.spool_id,
        }

    @method(
        "server.spoolman.post_spool_id", "POST /server/spoolman/spool_id", result="{spool_id: int | null}"
    )
    async def post_spool_id(
        self, spool_id: Annotated[int | None, "the spool that is in use; null for none"] = None
    ) -> dict[str, Any]:
        """Say which spool is in use."""
        await self._usage.choose(spool_id)
        return {"spool_id": spool_id}

    @method(
        "server.spoolman.get_spool_id",
        "GET /server/spoolman/spool_id",
        result="{spool_id: int | null}",
        permission=Role.VIEWER,
    )
    async def get_spool_id(self) -> dict[str, Any]:
        """Which spool is in use."""
        return {"spool_id": self._usage.spool_id}

    @method("server.spoolman.proxy", "POST /server/spoolman/proxy", result="any")
    async def proxy(
        self,
        request_method: Annotated[Literal["GET", "POST", "PUT", "PATCH", "DELETE"], "HTTP method"],
        path: Annotated[str, "path with its version, as in /v1/spool"],
        query: Annotated[str | None, "query string, without ?"] = None,
        body: Annotated[dict[str, Any] | None, "JSON body"] = None,
        use_v2_response: Annotated[bool, "tell the server's errors from our own"] = False,
    ) -> Any:
        """Pass a request on to the server."""
        if not _PATH.fullmatch(path) or "/.." in path or "/." in path:
            raise BadRequest(f"'path' must be one such as /v1/spool, not {path[:60]!r}")
        if query is not None and not _QUERY.fullmatch(query):
            raise BadRequest("'query' must be percent-encoded")
        if body is not None and request_method == "GET":
            raise BadRequest("a GET request has no body")
        url = f"{self._server}/api{path}" + (f"?{query}" if query else "")
        try:
            answer = await self._http.request(request_method, url, body=body)
            value = answer.json() if answer.content else None
        except HttpFailure as error:
            raise ApiError(f"spoolman: {error}", 503) from None
        return _second_form(answer, value) if use_v2_response else _first_form(answer, value)

    async def set_from_macro(self, spool_id: Any = None) -> None:
        """The remote method C{spoolman_set_active_spool}."""
        if spool_id is not None and (isinstance(spool_id, bool) or not isinstance(spool_id, int)):
            raise BadRequest(f"spool_id must be an integer or None, not {spool_id!r}")
        await self._usage.choose(spool_id)


def _message(value: Any) -> str:
    """The server's own words about an error."""
    if isinstance(value, dict):
        for key in ("message", "detail"):
            if key in value:
                return str(value[key])
    return str(value)


def _second_form(answer: HttpAnswer, value: Any) -> dict[str, Any]:
    shown = {"response": value, "error": None}
    headers = {n: v for n, v in answer.headers.items() if n in ("x-total-count", "link")}
    if headers:
        shown["response_headers"] = headers
    if answer.failed:
        error = {"status_code": answer.status, "message": _message(value)}
        return {"response": None, "error": error}
    return shown


def _first_form(answer: HttpAnswer, value: Any) -> Any:
    if answer.failed:
        raise ApiError(_message(value), answer.status)
    return value
