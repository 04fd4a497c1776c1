"""What HTTP requests are served from."""

from collections.abc import Callable
from pathlib import Path

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from brokerd.access.gate import Gate
from brokerd.chores import Chores
from brokerd.errors import TooLarge
from brokerd.faces.file_sender import FileSender
from brokerd.faces.jsonrpc import JsonRpc
from brokerd.faces.pages import Pages
from brokerd.files.upload import MultipartUpload, PartialFile, boundary_of
from brokerd.registry.table import Registry
from brokerd.threads import WorkerThreads

__all__ = ["HttpServices"]


@frozen
class HttpServices:
    """Shared by all HTTP requests of a broker.

    @ivar chores: the requests being answered.
    @ivar uploads: directory of files that are not complete yet.
    @ivar upload_limit: longest upload (bytes).
    @ivar body_limit: longest other body (bytes).
    @ivar prefix: what a proxy leaves before each path, such as C{/printer1}.
    @ivar open_partial: makes the file that an upload grows in.
    """

    clock: IReactorTime
    chores: Chores
    registry: Registry
    rpc: JsonRpc
    gate: Gate
    pages: Pages
    sender: FileSender
    threads: WorkerThreads
    uploads: Path
    upload_limit: int
    body_limit: int = 8 * 1024 * 1024
    prefix: bytes = b""
    open_partial: Callable[[Path, int], PartialFile] = PartialFile

    def without_prefix(self, uri: bytes) -> bytes:
        """A request's URI as it is without the prefix; one that lacks it is taken as it is."""
        prefix = self.prefix
        return uri[len(prefix) :] if prefix and uri.startswith(prefix + b"/") else uri

    def open_upload(
        self, content_type: str, length: int | None, hold: Callable[[bool], None]
    ) -> MultipartUpload:
        """Begin an upload.

        @raise ApiError: if it is no form, or too long.
        """
        boundary = boundary_of(content_type)
        if length is not None and length > self.upload_limit:
            raise TooLarge(f"the upload of {length} bytes is longer than the limit of {self.upload_limit}")
        partial = self.open_partial(self.uploads, length or 0)
        return MultipartUpload(boundary, self.upload_limit, partial, self.threads, hold)
