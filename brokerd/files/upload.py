"""A multipart upload, streamed to disk: the reactor parses, a worker thread writes, memory stays bounded.

::

    receiving --feed--> receiving --finish--> finishing --> done
        |  error in the form or of the disk       |
        +--------> failed (the rest is thrown away, the partial file is gone) <--+
        +--abort--> aborted (same, nobody is told)
"""

import errno
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from attrs import define, field
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from brokerd.errors import ApiError, BadRequest, TooLarge
from brokerd.files.changes import storage_error
from brokerd.registry.exchange import ReceivedFile
from brokerd.threads import WorkerThreads

__all__ = ["MultipartUpload", "PartialFile", "boundary_of"]

log = Logger()

# It warns of each malformed form; the client is told, and that is enough.
logging.getLogger("python_multipart").setLevel(logging.ERROR)

_WRITE = 256 * 1024  # bytes handed to the disk at a time
_HIGH = 2 * 1024 * 1024  # bytes waiting for the disk at which the client is held
_LOW = 512 * 1024  # and let go again
_FIELD_LIMIT = 64 * 1024
_RESERVE = 16 * 1024 * 1024  # bytes that an upload leaves free on the disk


def boundary_of(content_type: str) -> bytes:
    """The boundary of a C{multipart/form-data} content type.

    @raise BadRequest: if it is another type or has none.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise BadRequest("an upload is multipart/form-data with a boundary")
    return boundary


class PartialFile:
    """The file that an upload grows in. All methods block: they run in a worker thread, one at a time."""

    def __init__(self, folder: Path, expected: int) -> None:
        self.path: Path | None = None
        self._folder = folder
        self._expected = expected
        self._file: IO[bytes] | None = None
        self._sha256 = hashlib.sha256()

    def write(self, chunks: list[bytes]) -> None:
        """Append; the file is made at the first call."""
        if self._file is None:
            self._open()
        assert self._file is not None
        for chunk in chunks:
            self._file.write(chunk)
            self._sha256.update(chunk)

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < self._expected + _RESERVE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        descriptor, name = tempfile.mkstemp(suffix=".part", dir=self._folder)
        self.path = Path(name)
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    def close(self) -> tuple[Path, int, str]:
        """Bring all of it to the disk; returns its path, its size and its checksum."""
        self.write([])
        assert self._file is not None and self.path is not None
        os.fsync(self._file.fileno())
        os.fchmod(self._file.fileno(), 0o644)
        size = self._file.tell()
        self._file.close()
        return self.path, size, self._sha256.hexdigest()

    def discard(self) -> None:
        """Remove it."""
        if self._file is not None:
            self._file.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)


@define(eq=False, repr=False)
class _Part:
    """The part of the form that is being read."""

    headers: dict[str, bytes] = field(factory=dict)
    header_name: bytes = b""
    header_value: bytes = b""
    name: str = ""
    filename: str | None = None
    value: bytearray = field(factory=bytearray)


@define(eq=False, repr=False, slots=False)
class MultipartUpload:
    """One upload in progress.

    @ivar _hold: called with True when the client must wait for the disk, with False when it may go on.
    """

    _boundary: bytes
    _limit: int
    _file: PartialFile
    _threads: WorkerThreads
    _hold: Callable[[bool], None]
    fields: dict[str, str] = field(init=False, factory=dict)
    filename: str | None = field(init=False, default=None)
    size: int = field(init=False, default=0)
    _part: _Part = field(init=False, factory=_Part)
    _parser: MultipartParser = field(init=False)
    _pending: list[bytes] = field(init=False, factory=list)
    _pending_size: int = field(init=False, default=0)
    _writing: int = field(init=False, default=0)
    _held: bool = field(init=False, default=False)
    _error: ApiError | None = field(init=False, default=None)
    _over: bool = field(init=False, default=False)
    _idle: Deferred[None] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._parser = MultipartParser(
            self._boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
            },
        )

    @property
    def error(self) -> ApiError | None:
        """Why the rest of the body is thrown away, or None."""
        return self._error

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        if self._over:
            return
        self.size += len(data)
        if self.size > self._limit:
            self._fail(TooLarge(f"the upload is longer than the limit of {self._limit} bytes"))
            return
        try:
            self._parser.write(data)
        except FormParserError as error:
            self._fail(BadRequest(f"the upload's form is malformed: {error}"))
        except ApiError as error:
            self._fail(error)
        self._flush(_WRITE)

    async def finish(self) -> ReceivedFile:
        """See L{brokerd.registry.exchange.UploadBody.finish}."""
        self._flush(0)
        await self._when_idle()
        if self._error is None and self.filename is None:
            self._error = BadRequest("the upload's form has no file")
        if self._error is not None:
            await self._discard()
            raise self._error
        self._over = True
        try:
            path, size, sha256 = await self._threads.run(self._file.close)
        except OSError as error:
            await self._discard()
            raise storage_error(error, "receiving the upload")
        assert self.filename is not None
        return ReceivedFile(path, self.filename, dict(self.fields), size, sha256)

    def abort(self) -> None:
        """The client went away: leave no trace."""
        if not self._over:
            self._fail(BadRequest("the upload was broken off"))

    # The form, as its parser finds it.

    def _begin_part(self) -> None:
        self._part = _Part()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._part.header_name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.header_value += data[start:end]

    def _header_end(self) -> None:
        part = self._part
        part.headers[part.header_name.decode("latin-1").lower()] = part.header_value
        part.header_name = part.header_value = b""

    def _headers_finished(self) -> None:
        part = self._part
        _, options = parse_options_header(part.headers.get("content-disposition", b""))
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            return
        if self.filename is not None:
            raise BadRequest("the upload's form has more than one file")
        try:
            self.filename = part.filename = options[b"filename"].decode("utf-8")
        except UnicodeDecodeError:
            raise BadRequest("the upload's file name is not valid UTF-8")
        if not part.filename:
            raise BadRequest("the upload's file has no name")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.filename is not None:
            self._pending.append(data[start:end])
            self._pending_size += end - start
            return
        part.value += data[start:end]
        if len(part.value) > _FIELD_LIMIT:
            raise TooLarge(f"the form's field {part.name!r} is longer than {_FIELD_LIMIT} bytes")

    def _part_end(self) -> None:
        if self._part.filename is None:
            self.fields[self._part.name] = self._part.value.decode("utf-8", "replace")

    # The disk.

    def _flush(self, least: int) -> None:
        """Hand what is pending to the disk, if it is enough and the disk is idle."""
        if not self._over and not self._writing and self._pending and self._pending_size >= least:
            chunks, self._writing = self._pending, self._pending_size
            self._pending, self._pending_size = [], 0
            self._threads.run(self._file.write, chunks).addCallbacks(self._written, self._not_written)
        self._pace()

    def _pace(self) -> None:
        waiting = self._pending_size + self._writing
        if not self._held and waiting > _HIGH:
            self._held = True
            self._hold(True)
        elif self._held and waiting < _LOW:
            self._held = False
            self._hold(False)

    def _written(self, _: object) -> None:
        self._writing = 0
        if self._over:
            self._discard()
        self._flush(0 if self._idle is not None else _WRITE)
        self._tell_idle()

    def _not_written(self, failure: Any) -> None:
        self._writing = 0
        failure.trap(OSError)
        self._fail(storage_error(failure.value, "receiving the upload"))
        self._tell_idle()

    def _when_idle(self) -> Deferred[None]:
        idle = self._idle = Deferred()
        self._tell_idle()
        return idle

    def _tell_idle(self) -> None:
        idle = self._idle
        if idle is not None and not self._writing and (self._over or not self._pending):
            self._idle = None
            idle.callback(None)

    def _fail(self, error: ApiError) -> None:
        """Throw away what came and what will come."""
        self._over = True
        self._error = self._error or error
        self._pending, self._pending_size = [], 0
        if not self._writing:
            self._discard()
        self._pace()

    def _discard(self) -> Deferred[None]:
        gone = self._threads.run(self._file.discard)
        gone.addErrback(lambda failure: log.failure("removing a partial upload", failure))
        return gone
