"""The one HTTP client of the broker: pooled connections, time limits, bounded answers."""

import os
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote, urljoin

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost, DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    ResponseDone,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

from brokerd import SERVER_VERSION
from brokerd.encoding import decode, encode
from brokerd.errors import ApiError

__all__ = ["HttpAnswer", "HttpClient", "HttpFailure"]

_PATIENCE = 10.0  # seconds for a whole request
_CONNECT_PATIENCE = 5.0
_LONGEST = 16 * 1024 * 1024  # bytes of an answer's body
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


class HttpFailure(Exception):
    """There was no answer, or it was an error; the text names the host and never shows credentials.

    @ivar status: HTTP status of the answer, or 0 if there was none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@frozen
class HttpAnswer:
    """An answer.

    @ivar url: what was asked for.
    @ivar final_url: what answered, after redirects.
    @ivar headers: lower-case names.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    final_url: str

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body's value.

        @raise HttpFailure: if it is not JSON.
        """
        try:
            return decode(self.content)
        except ValueError:
            raise HttpFailure(f"{_host(self.url)} sent no JSON: {self.text[:80]!r}", self.status) from None

    @property
    def failed(self) -> bool:
        """Whether the status is an error."""
        return not 200 <= self.status < 300

    def check(self) -> "HttpAnswer":
        """This answer.

        @raise HttpFailure: if it is an error.
        """
        if self.failed:
            raise HttpFailure(f"{_host(self.url)} answered with the status {self.status}", self.status)
        return self


def _host(url: str) -> str:
    """Scheme and host of a URL: what may be shown of it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}" if rest else url[:40]


def _without_credentials(url: str) -> tuple[str, str]:
    """A URL without C{user:password@}, and the header that says the same, or nothing."""
    scheme, sign, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    words, at, host = place.rpartition("@")
    if not at:
        return url, ""
    header = "Basic " + b64encode(unquote(words).encode()).decode()
    return f"{scheme}{sign}{host}{slash}{path}", header


@implementer(IBodyProducer)
@define(eq=False)
class _Body:
    """A request's body, which is at hand."""

    content: bytes

    @property
    def length(self) -> int:
        return len(self.content)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self.content)
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    def pauseProducing(self) -> None:
        """There is nothing to pause."""

    def resumeProducing(self) -> None:
        """There is nothing to resume."""

    def stopProducing(self) -> None:
        """There is nothing to stop."""


def _break_off(transport: Any) -> None:
    """Close a connection in the middle of a body; its transport is one of several kinds."""
    close = getattr(transport, "abortConnection", None) or getattr(transport, "loseConnection", None)
    if close is not None:
        close()


class _Reader(Protocol):
    """Collects a body up to a limit."""

    def __init__(self, longest: int) -> None:
        self.done: Deferred[bytes] = Deferred(self._cancelled)
        self._longest, self._parts, self._size = longest, list[bytes](), 0

    def _cancelled(self, _: object) -> None:
        _break_off(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        self._parts.append(data)
        if self._size > self._longest:
            done, self.done = self.done, Deferred()
            done.errback(HttpFailure(f"the answer is longer than {self._longest} bytes"))
            self._cancelled(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(b"".join(self._parts))
        else:
            self.done.errback(reason)


class _Pourer(Protocol):
    """Hands a body on in pieces; the peer waits while one is taken."""

    def __init__(self, write: Callable[[bytes], Awaitable[None]], longest: int) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self._break_off())
        self._write, self._longest, self._size = write, longest, 0
        self._pending: list[bytes] = []
        self._pouring = False
        self._ended: Failure | None = None

    def _break_off(self) -> None:
        _break_off(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        self._pending.append(data)
        if self._size > self._longest:
            self._fail(Failure(HttpFailure(f"the answer is longer than {self._longest} bytes")))
        elif not self._pouring and not self.done.called:
            self._pouring = True
            self.transport.pauseProducing()  # type: ignore[union-attr]
            Deferred.fromCoroutine(self._pour()).addErrback(self._fail)

    async def _pour(self) -> None:
        while self._pending:
            piece, self._pending = b"".join(self._pending), []
            await self._write(piece)
        self._pouring = False
        if self._ended is not None:
            self._finish(self._ended)
        elif self.transport is not None:
            self.transport.resumeProducing()  # type: ignore[attr-defined]

    def _fail(self, failure: Failure) -> None:
        if not self.done.called:
            done, self.done = self.done, Deferred()
            self.done.callback(None)
            self._break_off()
            done.errback(failure)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._pouring:
            self._ended = reason
        else:
            self._finish(reason)

    def _finish(self, reason: Failure) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(None)
        else:
            self.done.errback(reason)


def _reason(error: BaseException) -> str:
    """Why there was no answer, in words."""
    if isinstance(error, ResponseFailed | ResponseNeverReceived) and error.reasons:
        return _reason(error.reasons[0].value)
    if isinstance(error, DNSLookupError):
        return "there is no host of that name"
    if isinstance(error, ConnectionDone | ConnectionLost):
        return "the connection was closed"
    if isinstance(error, ConnectError) and error.osError is not None:
        return os.strerror(error.osError) if isinstance(error.osError, int) else str(error.osError)
    return str(error) or type(error).__name__


class _Pool(HTTPConnectionPool):
    """Idle connections; once it is closed it takes no more.

    @ivar closed: whether it is.
    """

    closed = False

    def _putConnection(self, key: Any, connection: Any) -> None:
        if self.closed:
            connection.transport.loseConnection()
        else:
            super()._putConnection(key, connection)


@define(eq=False)
class HttpClient:
    """Makes requests. Nothing is kept but idle connections.

    @ivar _reactor: time, TCP and TLS.
    """

    _reactor: Any
    _pool: _Pool = field(init=False)
    _agent: Agent = field(init=False)
    _under_way: set[Deferred[Any]] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self._pool = _Pool(self._reactor, persistent=True)
        self._pool.maxPersistentPerHost = 2
        self._pool.cachedConnectionTimeout = 30
        self._agent = Agent(self._reactor, connectTimeout=_CONNECT_PATIENCE, pool=self._pool)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | list[Any] | Mapping[str, Any] | None = None,
        timeout: float = _PATIENCE,
        longest: int = _LONGEST,
    ) -> HttpAnswer:
        """Ask, and follow redirects.

        @param body: sent as it is, or as JSON if it is a list or mapping.
        @param timeout: for the whole of it (s).
        @param longest: most bytes of the answer's body.
        @raise HttpFailure: if there is no answer, or one without end. An error status is an answer.
        """
        asking = Deferred.fromCoroutine(self._ask(method.upper(), url, dict(headers or {}), body, longest))
        clock: IReactorTime = self._reactor
        asking.addTimeout(timeout, clock, lambda _, after: _raise(f"{_host(url)}: no answer in {after:g} s"))
        self._under_way.add(asking)
        try:
            return await asking
        except (HttpFailure, CancelledError):
            raise
        except Exception as error:
            raise HttpFailure(f"{_host(url)}: {_reason(error)}") from None
        finally:
            self._under_way.discard(asking)

    async def get(self, url: str, **options: Any) -> HttpAnswer:
        """L{request} with C{GET}."""
        return await self.request("GET", url, **options)

    async def _ask(
        self, method: str, url: str, headers: dict[str, str], body: Any, longest: int
    ) -> HttpAnswer:
        known = {name.lower() for name in headers}
        if isinstance(body, list | Mapping):
            body = encode(body)
            if "content-type" not in known:
                headers["Content-Type"] = "application/json"
        if "user-agent" not in known:
            headers["User-Agent"] = f"brokerd/{SERVER_VERSION}"
        content = body.encode() if isinstance(body, str) else body
        place, credentials = _without_credentials(url)
        if credentials and "authorization" not in known:
            headers["Authorization"] = credentials
        for _ in range(_MOST_REDIRECTS + 1):
            response = await self._agent.request(
                method.encode("ascii"),
                place.encode("ascii"),
                Headers({name: [value] for name, value in headers.items()}),
                _Body(content) if content is not None else None,
            )
            received = await self._read(response, longest)
            answer = HttpAnswer(response.code, _plain(response.headers), received, url, place)
            target = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not target or method not in ("GET", "HEAD"):
                return answer
            after = urljoin(place, target)
            if _host(after) != _host(place):
                headers = {n: v for n, v in headers.items() if n.lower() not in ("authorization", "cookie")}
            place = after
        raise HttpFailure(f"{_host(url)} redirects without end")

    async def _read(self, response: IResponse, longest: int) -> bytes:
        reader = _Reader(longest)
        done = reader.done  # data that is here already may end it at once
        response.deliverBody(reader)
        return await done

    async def download(
        self,
        url: str,
        write: Callable[[bytes], Awaitable[None]],
        *,
        timeout: float,
        longest: int,
    ) -> HttpAnswer:
        """C{GET} a long body, which goes to C{write} piece by piece; the answer has no content then.

        @raise HttpFailure: as L{request}. What C{write} raises comes through.
        """
        working = Deferred.fromCoroutine(self._download(url, write, longest))
        clock: IReactorTime = self._reactor
        self._under_way.add(working)
        working.addTimeout(timeout, clock, lambda _, after: _raise(f"{_host(url)}: no end in {after:g} s"))
        try:
            return await working
        except (HttpFailure, ApiError, CancelledError):
            raise
        except Exception as error:
            raise HttpFailure(f"{_host(url)}: {_reason(error)}") from None
        finally:
            self._under_way.discard(working)

    async def _download(
        self, url: str, write: Callable[[bytes], Awaitable[None]], longest: int
    ) -> HttpAnswer:
        place, credentials = _without_credentials(url)
        headers = Headers({"User-Agent": [f"brokerd/{SERVER_VERSION}"]})
        if credentials:
            headers.addRawHeader("Authorization", credentials)
        for _ in range(_MOST_REDIRECTS + 1):
            response = await self._agent.request(b"GET", place.encode("ascii"), headers, None)
            known = _plain(response.headers)
            target = known.get("location")
            if response.code in _REDIRECTS and target:
                await self._read(response, _LONGEST)
                after = urljoin(place, target)
                if _host(after) != _host(place):
                    headers.removeHeader("Authorization")
                place = after
                continue
            if not 200 <= response.code < 300:
                content = await self._read(response, _LONGEST)
                return HttpAnswer(response.code, known, content, url, place)
            pourer = _Pourer(write, longest)
            done = pourer.done
            response.deliverBody(pourer)
            await done
            return HttpAnswer(response.code, known, b"", url, place)
        raise HttpFailure(f"{_host(url)} redirects without end")

    def close(self) -> Deferred[None]:
        """Break off what is under way, and close idle connections."""
        self._pool.closed = True
        for each in list(self._under_way):
            each.cancel()
        closing: Deferred[None] = self._pool.closeCachedConnections()
        return closing


def _raise(message: str) -> None:
    raise HttpFailure(message)


def _plain(headers: Headers) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in headers.getAllRawHeaders()
    }
