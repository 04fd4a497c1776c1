"""What an HTTP-only endpoint is given and what it returns."""

from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, Protocol

from attrs import field, frozen

from brokerd.registry.caller import Caller

__all__ = ["Content", "FileReply", "HttpRequest", "ReceivedFile", "Reply", "UploadBody"]


@frozen
class ReceivedFile:
    """An uploaded file, complete but not at its place yet.

    @ivar partial: where it lies on disk.
    @ivar filename: as the client named it; may hold a path.
    @ivar fields: the other fields of the form.
    @ivar size: in bytes.
    @ivar sha256: checksum in hex.
    """

    partial: Path
    filename: str
    fields: Mapping[str, str]
    size: int
    sha256: str


class UploadBody(Protocol):
    """The body of an upload, which was streamed to disk."""

    def finish(self) -> Awaitable[ReceivedFile]:
        """The file, once all of it is on disk.

        @raise ApiError: if the form is malformed, or the disk failed.
        """


@frozen
class HttpRequest:
    """One request to an endpoint.

    @ivar values: values of the path's placeholders.
    @ivar arguments: from the query string and the body.
    @ivar headers: lower-case names.
    @ivar upload: the streamed body, for endpoints that take one.
    """

    verb: str
    path: str
    values: Mapping[str, str]
    arguments: Mapping[str, Any]
    headers: Mapping[str, str]
    caller: Caller
    upload: UploadBody | None = None


@frozen
class Content:
    """An answer that is not wrapped in C{{"result": ...}}: JSON, or bytes with a C{Content-Type} header.

    @ivar headers: names as they are to be sent.
    """

    value: Any
    code: int = 200
    headers: Mapping[str, str] = field(factory=dict)


@frozen
class FileReply:
    """A file as the answer.

    @ivar download: the name under which a browser saves it; empty to show it.
    @ivar cache: the C{Cache-Control} header.
    """

    path: Path
    download: str = ""
    cache: str = "no-cache"


Reply = Content | FileReply
