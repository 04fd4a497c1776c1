"""Uploads and downloads: HTTP only."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from attrs import define

from brokerd.errors import ApiError, Forbidden, NotFound, Unprocessable
from brokerd.files.announce import FileChanges
from brokerd.files.changes import rename_over, storage_errors
from brokerd.files.metadata import GcodeMetadata
from brokerd.files.roots import Location, Roots, is_gcode
from brokerd.files.ufp import is_ufp, unpack
from brokerd.registry.caller import Role
from brokerd.registry.declare import endpoint, shape
from brokerd.registry.exchange import Content, FileReply, HttpRequest, ReceivedFile
from brokerd.threads import WorkerThreads

__all__ = ["FileTransfer"]

shape(
    "UploadedFile",
    """{
    item: FileItem
    print_started: bool
    print_queued: bool
    action: "create_file"
}""",
)

_LONGEST_UNPACKED = 4 * 1024 * 1024 * 1024  # bytes of G-code in an archive

StartPrint = Callable[[str], Awaitable[bool]]


def _place(partial: Path, location: Location) -> None:
    """Move a received file to its place. Blocks."""
    end = location.real()
    if end.is_dir():
        raise Forbidden(f"{location.text} is a directory")
    with storage_errors(f"storing {location.text}"):
        end.parent.mkdir(parents=True, exist_ok=True)
        rename_over(partial, end)


def _remove(partial: Path) -> None:
    partial.unlink(missing_ok=True)


@define(eq=False, repr=False)
class FileTransfer:
    """Takes files in and gives them out.

    @ivar _printing: the file that is being printed, or None.
    @ivar _start_print: starts a print if the printer is free for it; tells whether it did.
    @ivar _queue: puts files into the job queue, if that is done with uploads that are to be printed.
    @ivar _logs: what the names of log files at their old addresses stand for.
    """

    component: ClassVar[str] = "file_manager"
    _roots: Roots
    _threads: WorkerThreads
    _metadata: GcodeMetadata
    _changes: FileChanges
    _printing: Callable[[], str | None]
    _start_print: StartPrint
    _logs: Callable[[str], Path | None]
    _queue: Callable[[list[str]], Awaitable[Any]] | None = None

    @endpoint(
        "POST /server/files/upload",
        "POST /api/files/local",
        result="UploadedFile",
        permission=Role.OPERATOR,
        upload=True,
    )
    async def upload(self, request: HttpRequest) -> Content:
        """Upload a file as multipart/form-data, and print it if asked to."""
        assert request.upload is not None
        received = await request.upload.finish()
        root = received.fields.get("root") or request.arguments.get("root") or "gcodes"
        if is_ufp(received.filename) and root == "gcodes":
            received = await self._threads.run(unpack, received, _LONGEST_UNPACKED)
        with self._changes.own():
            try:
                location = self._destination(request, received)
                await self._threads.run(_place, received.partial, location)
            except ApiError:
                await self._threads.run(_remove, received.partial)
                raise
            if location.root.name == "gcodes" and is_gcode(location.path):
                await self._metadata.scan(location.path)
            change = await self._changes.tell("create_file", location)
        started, queued = await self._print(request, received, location)
        host = request.headers.get("host", "localhost")
        address = f"http://{host}/server/files/{quote(location.text)}"
        answer = {**change, "print_started": started, "print_queued": queued}
        return Content(answer, 201, {"Location": address})

    def _destination(self, request: HttpRequest, received: ReceivedFile) -> Location:
        given: dict[str, Any] = {**request.arguments, **received.fields}
        wanted = str(given.get("checksum", "")).lower()
        if wanted and wanted != received.sha256:
            raise Unprocessable(f"the checksum is {received.sha256}, not {wanted}")
        path = f"{given.get('path') or ''}/{received.filename}"
        location = self._roots.locate(path, str(given.get("root") or "gcodes"))
        location.check_writable()
        if location.root.name == "gcodes" and location.path == self._printing():
            raise Forbidden(f"{location.path} is being printed")
        return location

    async def _print(
        self, request: HttpRequest, received: ReceivedFile, location: Location
    ) -> tuple[bool, bool]:
        """Print a file if that is wished; whether it was started, or else put into the queue."""
        wanted = received.fields.get("print", request.arguments.get("print", "false"))
        if str(wanted).lower() != "true" or location.root.name != "gcodes":
            return False, False
        if await self._start_print(location.path):
            return True, False
        if self._queue is None:
            return False, False
        await self._queue([location.path])
        return False, True

    @endpoint("GET /server/files/{root}/{filename}", result="bytes")
    async def download(self, request: HttpRequest) -> FileReply:
        """Download a file; understands ranges and entity tags."""
        location = self._roots.locate(request.values["filename"], request.values["root"])
        path = await self._threads.run(_existing, location)
        return FileReply(path, download=os.path.basename(location.path))

    @endpoint("GET /server/files/klippy.log", result="bytes")
    async def host_log(self, request: HttpRequest) -> FileReply:
        """The motion host's log."""
        return await self._log("klippy.log")

    @endpoint("GET /server/files/moonraker.log", result="bytes")
    async def broker_log(self, request: HttpRequest) -> FileReply:
        """The broker's log."""
        return await self._log("moonraker.log")

    async def _log(self, name: str) -> FileReply:
        path = self._logs(name)
        if path is None or not await self._threads.run(path.is_file):
            raise NotFound(f"there is no {name}")
        return FileReply(path, download=name)


def _existing(location: Location) -> Path:
    path = location.real()
    if not path.is_file():
        raise NotFound(f"there is no file {location.text}")
    return path
