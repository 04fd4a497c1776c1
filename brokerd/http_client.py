"""The one HTTP client of the broker: pooled connections, time limits, bounded answers."""

import os
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost, DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from brokerd import SERVER_VERSION
from brokerd.encoding import decode, encode
from brokerd.errors import ApiError
from brokerd.http_bodies import BodyPourer, BodyReader, HttpFailure, SentBody
from brokerd.threads import WorkerThreads

if TYPE_CHECKING:
    from brokerd.http_pool import Connections

__all__ = ["HttpAnswer", "HttpClient", "HttpFailure"]

_PATIENCE = 10.0  # seconds for a whole request
_LONGEST = 16 * 1024 * 1024  # bytes of an answer's body
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


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


def _reason(error: BaseException) -> str:
    """Why there was no answer, in words."""
    reasons = getattr(error, "reasons", None)  # twisted.web.client.ResponseFailed and its like
    if reasons:
        return _reason(reasons[0].value)
    if isinstance(error, DNSLookupError):
        return "there is no host of that name"
    if isinstance(error, ConnectionDone | ConnectionLost):
        return "the connection was closed"
    if isinstance(error, ConnectError) and error.osError is not None:
        return os.strerror(error.osError) if isinstance(error.osError, int) else str(error.osError)
    return str(error) or type(error).__name__


@define(eq=False, repr=False)
class HttpClient:
    """Makes requests. Nothing is kept but idle connections.

    @ivar _reactor: time, TCP and TLS.
    @ivar _threads: what the first request needs is imported there, since that takes a moment.
    """

    _reactor: Any
    _threads: WorkerThreads | None = None
    _made: "Connections | None" = field(init=False, default=None)
    _under_way: set[Deferred[Any]] = field(init=False, factory=set)

    async def _agent(self) -> Any:
        if self._made is None and self._threads is not None:
            await self._threads.run(import_module, "brokerd.http_pool")
        if self._made is None:
            from brokerd.http_pool import Connections

            self._made = Connections(self._reactor)
        return self._made.agent

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
        agent = await self._agent()
        for _ in range(_MOST_REDIRECTS + 1):
            response = await agent.request(
                method.encode("ascii"),
                place.encode("ascii"),
                Headers({name: [value] for name, value in headers.items()}),
                SentBody(content) if content is not None else None,
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
        reader = BodyReader(longest)
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
        agent = await self._agent()
        for _ in range(_MOST_REDIRECTS + 1):
            response = await agent.request(b"GET", place.encode("ascii"), headers, None)
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
            pourer = BodyPourer(write, longest)
            done = pourer.done
            response.deliverBody(pourer)
            await done
            return HttpAnswer(response.code, known, b"", url, place)
        raise HttpFailure(f"{_host(url)} redirects without end")

    def close(self) -> Deferred[None]:
        """Break off what is under way, and close idle connections."""
        for each in list(self._under_way):
            each.cancel()
        closing: Deferred[None] = self._made.close() if self._made is not None else succeed(None)
        return closing


def _raise(message: str) -> None:
    raise HttpFailure(message)


def _plain(headers: Headers) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in headers.getAllRawHeaders()
    }
