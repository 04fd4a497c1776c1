"""Bodies of HTTP requests and answers, as twisted's client hands them over."""

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

__all__ = ["BodyPourer", "BodyReader", "HttpFailure", "SentBody"]


class HttpFailure(Exception):
    """There was no answer, or it was an error; the text names the host and never shows credentials.

    @ivar status: HTTP status of the answer, or 0 if there was none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def _is_end(reason: Failure) -> bool:
    """Whether a body ended as it should."""
    from twisted.web.client import ResponseDone  # whoever made the request has it by now

    return reason.check(ResponseDone, PotentialDataLoss) is not None


@implementer(IBodyProducer)
@define(eq=False, repr=False)
class SentBody:
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


class BodyReader(Protocol):
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
        if _is_end(reason):
            self.done.callback(b"".join(self._parts))
        else:
            self.done.errback(reason)


class BodyPourer(Protocol):
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
        if _is_end(reason):
            self.done.callback(None)
        else:
            self.done.errback(reason)
