"""One HTTP request and its answer, from the headers to the last byte."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError
from twisted.web.http import RESPONSES, Request

from brokerd.encoding import encode
from brokerd.errors import ApiError, NotFound
from brokerd.faces.arguments import body_arguments, decode_path, query_arguments
from brokerd.faces.body import Body, KeptBody, RefusedBody
from brokerd.faces.express import http_date
from brokerd.faces.http_services import HttpServices
from brokerd.faces.jsonrpc import fault
from brokerd.files.upload import MultipartUpload
from brokerd.registry.caller import Caller, Role
from brokerd.registry.exchange import Content, FileReply, HttpRequest
from brokerd.registry.table import BoundEndpoint, BoundMethod, Route, permit

__all__ = ["HttpExchange"]

_JSONRPC = "/server/jsonrpc"
_ALLOWED_HEADERS = "Origin, Accept, Content-Type, X-Requested-With, Authorization, X-Api-Key"
_SAFE = ("GET", "HEAD", "OPTIONS")
# Of a body whose request has failed, so much is read before the connection is closed.
_PATIENCE = 16 * 1024 * 1024


@define(eq=False, repr=False, slots=False)
class HttpExchange:
    """Made when the headers are complete; C{body} gets what follows, then L{serve} is called.

    @ivar verb: the request's method; HEAD is treated as GET that says less.
    @ivar held: whether the body waits for our disk.
    """

    _services: HttpServices
    _request: Request
    verb: str
    _uri: bytes
    _length: int | None
    headers: Mapping[str, str] = field(init=False, factory=dict)
    path: str = field(init=False, default="")
    arguments: dict[str, Any] = field(init=False, factory=dict)
    caller: Caller = field(init=False, factory=lambda: Caller(Role.ANYONE))
    route: Route | None = field(init=False, default=None)
    body: Body = field(init=False)
    held: bool = field(init=False, default=False)
    _wasted: int = field(init=False, default=0)
    _answered: bool = field(init=False, default=False)
    _lost: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.headers = {
            name.decode("latin-1").lower(): values[0].decode("latin-1")
            for name, values in self._request.requestHeaders.getAllRawHeaders()
        }
        try:
            self.body = self._begin()
        except ApiError as error:
            self.body = RefusedBody(error)

    def _begin(self) -> Body:
        """Judge the request by its headers; returns where its body goes.

        @raise ApiError: if it is refused.
        """
        raw_path, _, query = self._uri.partition(b"?")
        self.path = decode_path(raw_path)
        self.arguments = query_arguments(query.decode("latin-1"))
        gate = self._services.gate
        if self.verb not in _SAFE:
            gate.check_page(self.headers)
        token = str(self.arguments.pop("token", "") or "")
        peer = getattr(self._request.client, "host", "")
        self.caller = gate.caller(peer, self.headers, token)
        if self.path != _JSONRPC and self.verb != "OPTIONS":
            self.route = self._find_route()
        return self._open_body()

    def _find_route(self) -> Route | None:
        verb = "GET" if self.verb == "HEAD" else self.verb
        try:
            route = self._services.registry.route(verb, self.path)
        except NotFound:
            if verb == "GET":
                return None  # perhaps a page
            raise
        target = route.target
        permit(self.caller, target.permission)
        return route

    def _open_body(self) -> Body:
        services, target = self._services, self.route.target if self.route is not None else None
        if isinstance(target, BoundEndpoint) and target.spec.upload:
            kind = self.headers.get("content-type", "")
            return services.open_upload(kind, self._length, self._hold)
        return KeptBody(services.body_limit)

    def _hold(self, hold: bool) -> None:
        self.held = hold
        transport: Any = self._request.transport
        if transport is not None:
            transport.pauseProducing() if hold else transport.resumeProducing()

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        self.body.feed(data)
        if self.body.error is None:
            return
        self._wasted += len(data)
        if self._wasted > _PATIENCE and not self._answered:
            self._answered = True
            self._services.clock.callLater(0, self._break_off, self.body.error)

    def _break_off(self, error: ApiError) -> None:
        """Answer before the body's end, and close: the rest would be in vain."""
        request = self._request
        if request.finished or self._lost:
            return
        request.channel.persistent = False
        request.setHeader(b"Connection", b"close")
        self._send_error(error)

    def lost(self) -> None:
        """The client went away."""
        self._lost = True
        self.body.abort()

    def serve(self) -> None:
        """The body is complete: answer."""
        if self._answered:
            return
        self._answered = True
        self._services.chores.spawn(self._serve(), "answering a request")

    async def _serve(self) -> None:
        try:
            await self._answer()
        except ApiError as error:
            self._send_error(error)
        except CancelledError:
            raise  # the broker stops
        except Exception:
            self._send_error(ApiError(fault(f"{self.verb} {self.path}")))

    async def _answer(self) -> None:
        if isinstance(self.body, RefusedBody | KeptBody) and self.body.error is not None:
            raise self.body.error
        if self.verb == "OPTIONS":
            self._send(b"", 204)
        elif self.path == _JSONRPC:
            await self._answer_rpc()
        elif self.route is None:
            page = await self._services.pages.find(self.path)
            await self._send_file(page, compressed=True)
        elif isinstance(self.route.target, BoundMethod):
            await self._call(self.route, self.route.target)
        else:
            await self._use_endpoint(self.route, self.route.target)

    def _gather(self, route: Route) -> Mapping[str, Any]:
        assert isinstance(self.body, KeptBody)
        given = {
            **self.arguments,
            **body_arguments(self.headers.get("content-type", ""), self.body.content),
            **route.values,
        }
        return route.form.arguments(given) if route.form.arguments is not None else given

    async def _call(self, route: Route, method: BoundMethod) -> None:
        result = await method.call(self._gather(route), self.caller)
        self._send(encode({"result": result}))

    async def _use_endpoint(self, route: Route, endpoint: BoundEndpoint) -> None:
        upload = self.body if isinstance(self.body, MultipartUpload) else None
        arguments = self.arguments if upload is not None else self._gather(route)
        reply = await endpoint.call(
            HttpRequest(self.verb, self.path, route.values, arguments, self.headers, self.caller, upload)
        )
        if isinstance(reply, FileReply):
            await self._send_file(reply, compressed=False)
        else:
            assert isinstance(reply, Content)
            content = reply.value if isinstance(reply.value, bytes) else encode(reply.value)
            self._send(content, reply.code, reply.headers)

    async def _answer_rpc(self) -> None:
        if self.verb != "POST":
            raise ApiError(f"{_JSONRPC} takes POST, not {self.verb}", 405)
        assert isinstance(self.body, KeptBody)
        answer = await self._services.rpc.answer(self.body.content, self.caller)
        self._send(answer or b"", 200 if answer is not None else 204)

    async def _send_file(self, reply: FileReply, compressed: bool) -> None:
        self._set_cors()
        self._request.setHeader(b"Date", http_date())
        await self._services.sender.send(self._request, self.headers, reply, compressed)

    def _send_error(self, error: ApiError) -> None:
        if self._request.startedWriting and not self._lost:
            self._request.channel.forceAbortClient()  # a half-sent file can't turn into an error
            return
        content = {"error": {"code": error.code, "message": error.message}}
        self._send(encode(content), error.code)

    def _send(self, content: bytes, code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        request = self._request
        if self._lost:
            return
        request.setResponseCode(code, RESPONSES.get(code, b"Error"))
        request.setHeader(b"Date", http_date())
        self._set_cors()
        for name, value in (headers or {}).items():
            request.setHeader(name.encode(), value.encode())
        if content and "Content-Type" not in (headers or {}):
            request.setHeader(b"Content-Type", b"application/json; charset=UTF-8")
        if code != 204:
            request.setHeader(b"Content-Length", b"%d" % len(content))
        request.write(content)
        request.finish()

    def _set_cors(self) -> None:
        origin = self.headers.get("origin")
        if origin is None or not self._services.gate.origins.allowed(origin):
            return
        headers = {
            "Access-Control-Allow-Origin": origin,
            "Vary": "Origin",
            "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
            "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
            "Access-Control-Allow-Private-Network": "true",
        }
        for name, value in headers.items():
            self._request.setHeader(name.encode(), value.encode())
