"""A web server on a port of its own that a test gives its answers to."""

import json
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site


class Asked:
    """One request that came.

    @ivar query: first value of each argument.
    @ivar redirect: where the answer points to, if it is set.
    """

    def __init__(self, request: Any) -> None:
        self.method = request.method.decode()
        self.path = request.path.decode()
        self.query = {name.decode(): values[0].decode() for name, values in request.args.items()}
        self.body = request.content.read()
        self._headers = request.requestHeaders
        self.redirect = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        values = self._headers.getRawHeaders(name)
        return values[0] if values else None


Answer = Callable[[Asked], Any]


class _Everything(Resource):
    isLeaf = True

    def __init__(self, server: "WebServer") -> None:
        super().__init__()
        self._server = server

    def render(self, request: Any) -> bytes:
        asked = Asked(request)
        self._server.asked.append(asked)
        answer = self._server.answer(asked)
        code, content = answer if isinstance(answer, tuple) else (200, answer)
        request.setResponseCode(code)
        if asked.redirect:
            request.setHeader(b"location", asked.redirect.encode())
        if isinstance(content, bytes):
            return content
        request.setHeader(b"content-type", b"application/json")
        return json.dumps(content).encode()


class WebServer:
    """@ivar asked: all requests.
    @ivar answer: gives the value for each, or (status, value)."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[Asked] = []
        self.answer = answer
        self._port = reactor.listenTCP(0, Site(_Everything(self)), interface="127.0.0.1")

    @property
    def port(self) -> int:
        return int(self._port.getHost().port)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self) -> Any:
        return self._port.stopListening()
