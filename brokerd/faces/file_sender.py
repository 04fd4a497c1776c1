"""Files as answers: entity tags, ranges, precompressed siblings; read in threads, paced by the client."""

import gzip
import mimetypes
import os
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import IO
from urllib.parse import quote

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.web.http import Request
from zope.interface import implementer

from brokerd.errors import ApiError, NotFound
from brokerd.registry.exchange import FileReply
from brokerd.threads import WorkerThreads

__all__ = ["FileSender", "parse_range"]

_CHUNK = 256 * 1024
# Files of pages that are compressed for who wants it, and their size (bytes).
_TEXTS = frozenset({".html", ".js", ".mjs", ".css", ".svg", ".json", ".webmanifest", ".txt", ".xml"})
_LEAST, _MOST = 1024, 4 * 1024 * 1024
_TYPES = {".gcode": "text/plain", ".cfg": "text/plain", ".log": "text/plain", ".conf": "text/plain",
          ".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json",
          ".woff2": "font/woff2", ".crt": "application/x-x509-ca-cert"}  # fmt: skip


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """The span (first byte, length) of a C{Range} header; None if all of the file is to be sent.

    @raise ApiError: with code 416, if no byte of it exists.
    """
    unit, _, spec = header.partition("=")
    first, dash, last = spec.strip().partition("-")
    if unit.strip() != "bytes" or not dash or "," in spec:
        return None
    if not (first or last) or not (first + last).isdigit():
        return None
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    if start >= end:
        raise ApiError(f"the range {spec} is outside of the file's {size} bytes", 416)
    return start, end - start


@frozen
class _Opened:
    file: IO[bytes]
    size: int
    modified: float
    tag: str
    encoding: str


def _open(path: Path, accept_encoding: str) -> _Opened:
    """Open a file, its precompressed sibling, or what it is compressed. Blocks."""
    for name, suffix in (("br", ".br"), ("gzip", ".gz")):
        if name in accept_encoding and (sibling := Path(f"{path}{suffix}")).is_file():
            return _opened(sibling, name)
    opened = _opened(path, "")
    if "gzip" not in accept_encoding or path.suffix not in _TEXTS or not _LEAST <= opened.size <= _MOST:
        return opened
    with opened.file:
        packed = _packed(str(path), opened.tag)
    return _Opened(BytesIO(packed), len(packed), opened.modified, f'{opened.tag[:-1]}-gz"', "gzip")


@lru_cache(maxsize=64)
def _packed(path: str, tag: str) -> bytes:
    """A page's file, compressed; kept for as long as its tag is the same. Blocks."""
    return gzip.compress(Path(path).read_bytes(), 6)


def _opened(path: Path, encoding: str) -> _Opened:
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotFound(f"{path.name}: {error.strerror}")
    status = os.fstat(file.fileno())
    tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    return _Opened(file, status.st_size, status.st_mtime, tag, encoding)


def _read(file: IO[bytes], count: int) -> bytes:
    return file.read(count)


@implementer(IPushProducer)
@define(eq=False, repr=False)
class _Valve:
    """Lets the sending coroutine run only while the connection takes more."""

    _paused: bool = field(init=False, default=False)
    stopped: bool = field(init=False, default=False)
    _waiting: Deferred[None] | None = field(init=False, default=None)

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def stopProducing(self) -> None:
        self.stopped = True
        self.resumeProducing()

    async def passage(self) -> None:
        """Wait until the connection takes more."""
        if self._paused and not self.stopped:
            self._waiting = Deferred()
            await self._waiting


@define(eq=False, repr=False)
class FileSender:
    """Sends files over HTTP."""

    _threads: WorkerThreads

    async def send(
        self, request: Request, headers: Mapping[str, str], reply: FileReply, compressed: bool
    ) -> None:
        """Answer with a file; finishes the request.

        @param compressed: whether a sibling with the suffix C{.br} or C{.gz}, or the file compressed now, may
            be sent instead.
        @raise ApiError: if it can't be opened or the range is wrong; nothing is sent then.
        """
        accept = headers.get("accept-encoding", "") if compressed else ""
        opened = await self._threads.run(_open, reply.path, accept)
        try:
            self._describe(request, reply, opened)
            if opened.tag in headers.get("if-none-match", ""):
                request.setResponseCode(304)
                request.finish()
                return
            start, length = self._span(request, headers, opened)
            request.setHeader(b"Content-Length", b"%d" % length)
            await self._stream(request, opened.file, start, length)
        finally:
            opened.file.close()

    def _describe(self, request: Request, reply: FileReply, opened: _Opened) -> None:
        kind = _TYPES.get(reply.path.suffix) or mimetypes.guess_type(reply.path.name)[0]
        described = {
            "Content-Type": kind or "application/octet-stream",
            "Accept-Ranges": "bytes",
            "ETag": opened.tag,
            "Last-Modified": formatdate(opened.modified, usegmt=True),
            "Cache-Control": reply.cache,
            "X-Content-Type-Options": "nosniff",
        }
        if reply.download:
            described["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(reply.download)}"
        if opened.encoding:
            described["Content-Encoding"] = opened.encoding
        if reply.path.suffix in _TEXTS or opened.encoding:
            request.responseHeaders.addRawHeader(b"Vary", b"Accept-Encoding")
        for name, value in described.items():
            request.setHeader(name.encode(), value.encode())

    def _span(self, request: Request, headers: Mapping[str, str], opened: _Opened) -> tuple[int, int]:
        wanted = headers.get("range", "")
        if not wanted or headers.get("if-range", opened.tag) != opened.tag:
            return 0, opened.size
        span = parse_range(wanted, opened.size)
        if span is None:
            return 0, opened.size
        request.setResponseCode(206)
        last = span[0] + span[1] - 1
        request.setHeader(b"Content-Range", b"bytes %d-%d/%d" % (span[0], last, opened.size))
        return span

    async def _stream(self, request: Request, file: IO[bytes], start: int, length: int) -> None:
        if request.method == b"HEAD":
            request.finish()
            return
        valve = _Valve()
        request.registerProducer(valve, True)
        left = length
        if start:
            await self._threads.run(file.seek, start)
        while left > 0 and not valve.stopped:
            chunk = await self._threads.run(_read, file, min(_CHUNK, left))
            if not chunk:
                break  # the file became shorter: the client sees a short body
            left -= len(chunk)
            request.write(chunk)
            await valve.passage()
        if valve.stopped:
            return
        request.unregisterProducer()
        if left > 0:
            request.channel.forceAbortClient()
            return
        request.finish()
