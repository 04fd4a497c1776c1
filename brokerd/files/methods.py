"""C{server.files.*}: what lies in the roots, and changing it."""

import time
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from attrs import define

from brokerd.errors import Forbidden, NotFound
from brokerd.files import changes
from brokerd.files.announce import FileChanges
from brokerd.files.listing import describe, list_directory, list_root
from brokerd.files.metadata import GcodeMetadata
from brokerd.files.roots import Location, Roots, is_gcode
from brokerd.registry.caller import Role
from brokerd.registry.declare import form, method, shape
from brokerd.threads import WorkerThreads

__all__ = ["FileMethods"]

shape(
    "FileItem",
    """{
    root: str
    path: str  # below the root
    modified: num  # Unix time (s); 0 once it is gone
    size: int  # bytes
    permissions: "r" | "rw" | ""  # empty once it is gone
}""",
)
shape(
    "FileAction",
    '"create_dir" | "delete_dir" | "move_dir" | "create_file" | "modify_file" | "move_file" | "delete_file"'
    ' | "root_update"',  # in notifications alone: much has changed in a root, or there is another
)
shape(
    "FileChange",
    """{
    item: FileItem
    source_item?: {root: str, path: str}  # where it was before it was moved
    action: FileAction
}""",
)
shape(
    "Directory",
    """{
    dirs: [{dirname: str, modified: num, size: int, permissions: str}]
    files: [{filename: str, modified: num, size: int, permissions: str, ...}]  # extended: with FileMetadata
    disk_usage: {total: int, used: int, free: int}  # bytes
    root_info: {name: str, permissions: "r" | "rw"}
}""",
)

Path = Annotated[str, "root/path"]
Filename = Annotated[str, "path below the gcodes root"]


@define(eq=False, repr=False)
class FileMethods:
    """Listing and changing files."""

    component: ClassVar[str] = "file_manager"
    _roots: Roots
    _threads: WorkerThreads
    _metadata: GcodeMetadata
    _changes: FileChanges
    _printing: Callable[[], str | None]

    @method(
        "server.files.list",
        "GET /server/files/list",
        result="[{path: str, modified: num, size: int, permissions: str}]",
        permission=Role.VIEWER,
    )
    async def list_files(self, root: Annotated[str, "name of a root"] = "gcodes") -> list[dict[str, Any]]:
        """All files below a root."""
        return await self._threads.run(list_root, self._roots.root(root))

    @method(
        "server.files.roots",
        "GET /server/files/roots",
        result='[{name: str, path: str, permissions: "r" | "rw"}]',
        permission=Role.VIEWER,
    )
    async def roots(self) -> list[dict[str, Any]]:
        """The roots."""
        return [
            {"name": each.name, "path": str(each.path), "permissions": each.permissions}
            for each in self._roots
        ]

    @method(
        "server.files.metadata", "GET /server/files/metadata", result="FileMetadata", permission=Role.VIEWER
    )
    async def metadata(self, filename: Filename) -> dict[str, Any]:
        """What a G-code file says about itself."""
        return {**await self._metadata.get(filename), "filename": filename}

    @method("server.files.metascan", "POST /server/files/metascan", result="FileMetadata")
    async def metascan(self, filename: Filename) -> dict[str, Any]:
        """Read a file's metadata again."""
        return {**await self._metadata.scan(filename), "filename": filename}

    @method(
        "server.files.thumbnails",
        "GET /server/files/thumbnails",
        result="[{width: int, height: int, size: int, thumbnail_path: str}]",
        permission=Role.VIEWER,
    )
    async def thumbnails(self, filename: Filename) -> list[dict[str, Any]]:
        """The pictures embedded in a G-code file."""
        found = (await self._metadata.get(filename)).get("thumbnails", [])
        folder = filename.rpartition("/")[0]
        prefix = f"{folder}/" if folder else ""
        return [
            {
                "width": each["width"],
                "height": each["height"],
                "size": each["size"],
                "thumbnail_path": prefix + each["relative_path"],
            }
            for each in found
        ]

    @method(
        "server.files.get_directory",
        "GET /server/files/directory",
        result="Directory",
        permission=Role.VIEWER,
    )
    async def get_directory(
        self, path: Path = "gcodes", extended: Annotated[bool, "with the metadata of G-code"] = False
    ) -> dict[str, Any]:
        """One directory."""
        location = self._roots.locate(path)
        listing = await self._threads.run(list_directory, location)
        if extended and location.root.name == "gcodes":
            folder = f"{location.path}/" if location.path else ""
            for each in listing["files"]:
                known = self._metadata.known(folder + each["filename"]) or {}
                each.update({name: known[name] for name in known if name not in each})
        return listing

    @method("server.files.post_directory", "POST /server/files/directory", result="FileChange")
    async def post_directory(self, path: Path) -> dict[str, Any]:
        """Create a directory."""
        with self._changes.own():
            location = self._roots.locate(path)
            await self._threads.run(changes.make_directory, location)
            return await self._changes.tell("create_dir", location)

    @method("server.files.delete_directory", "DELETE /server/files/directory", result="FileChange")
    async def delete_directory(
        self, path: Path, force: Annotated[bool, "with what is in it"] = False
    ) -> dict[str, Any]:
        """Delete a directory."""
        with self._changes.own():
            location = self._roots.locate(path)
            self._check_free(location)
            await self._threads.run(changes.delete_directory, location, force)
            await self._forget(location)
            return await self._changes.tell("delete_dir", location)

    @method("server.files.move", "POST /server/files/move", result="FileChange")
    async def move(self, source: Path, dest: Path) -> dict[str, Any]:
        """Move or rename a file or directory."""
        with self._changes.own():
            start, end = self._roots.locate(source), self._roots.locate(dest)
            self._check_free(start)
            self._check_free(end)
            final, is_directory = await self._threads.run(changes.move, start, end)
            if is_directory and start.root.name == final.root.name == "gcodes":
                await self._metadata.moved(start.path, final.path)
            await self._forget(start)
            await self._scan(final)
            return await self._changes.tell("move_dir" if is_directory else "move_file", final, start)

    @method("server.files.copy", "POST /server/files/copy", result="FileChange")
    async def copy(self, source: Path, dest: Path) -> dict[str, Any]:
        """Copy a file or directory."""
        with self._changes.own():
            start, end = self._roots.locate(source), self._roots.locate(dest)
            self._check_free(end)
            final, action = await self._threads.run(changes.copy, start, end)
            await self._scan(final)
            return await self._changes.tell(action, final)

    @method(
        "server.files.zip", "POST /server/files/zip", result='{destination: FileItem, action: "zip_files"}'
    )
    async def zip(
        self,
        items: Annotated[list[str], "what goes in: root/path of files and directories"],
        dest: Annotated[str | None, "root/path of the archive"] = None,
        store_only: Annotated[bool, "without compression"] = False,
    ) -> dict[str, Any]:
        """Pack files and directories into an archive."""
        with self._changes.own():
            name = dest or time.strftime("config/collection-%Y%m%d-%H%M%S.zip")
            location = self._roots.locate(name)
            content = [self._roots.locate(each) for each in items]
            await self._threads.run(changes.pack, content, location, store_only)
            await self._changes.tell("create_file", location)
            return {"destination": await self._threads.run(describe, location), "action": "zip_files"}

    @method(
        "server.files.delete_file",
        form(
            "DELETE /server/files/{root}/{filename}",
            lambda given: {"path": f"{given['root']}/{given['filename']}"},
        ),
        result="FileChange",
    )
    async def delete_file(self, path: Path) -> dict[str, Any]:
        """Delete a file."""
        with self._changes.own():
            location = self._roots.locate(path)
            self._check_free(location)
            await self._threads.run(changes.delete_file, location)
            await self._forget(location)
            return await self._changes.tell("delete_file", location)

    def _check_free(self, location: Location) -> None:
        """@raise Forbidden: if the file that is printing lies there."""
        printing = self._printing()
        if printing is None or location.root.name != "gcodes":
            return
        if printing == location.path or printing.startswith(f"{location.path}/"):
            raise Forbidden(f"{printing} is being printed")

    async def _forget(self, location: Location) -> None:
        if location.root.name == "gcodes":
            await self._metadata.forget(location.path)

    async def _scan(self, location: Location) -> None:
        if location.root.name == "gcodes" and is_gcode(location.path):
            try:
                await self._metadata.scan(location.path)
            except NotFound:
                return  # a directory with the name of a file, or gone again
