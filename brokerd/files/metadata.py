"""Metadata of all G-code files: extracted once per version of a file, kept in memory and in the database."""

import uuid
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from brokerd.database import namespaces
from brokerd.database.store import Database
from brokerd.errors import NotFound
from brokerd.files import objects, thumbnails
from brokerd.files.gcode_comments import read_ends
from brokerd.files.listing import gcode_files
from brokerd.files.processing import FileProcessors
from brokerd.files.roots import Location, Roots, is_gcode
from brokerd.files.slicers import describe_gcode
from brokerd.registry.declare import shape
from brokerd.threads import WorkerThreads

__all__ = ["GcodeMetadata", "extract"]

shape(
    "FileMetadata",
    """{
    filename?: str
    size?: int  # bytes
    modified?: num  # Unix time (s)
    uuid?: str
    file_processors?: [str]  # programs that changed the file since it was sliced
    slicer?: str
    slicer_version?: str
    gcode_start_byte?: int  # where the first command is
    gcode_end_byte?: int  # where the last one ends
    print_start_time?: num | null  # Unix time (s) of the last print
    job_id?: str | null  # of the last print
    estimated_time?: num  # s
    object_height?: num  # mm
    layer_height?: num  # mm
    first_layer_height?: num  # mm
    layer_count?: int
    nozzle_diameter?: num  # mm
    first_layer_extr_temp?: num  # C
    first_layer_bed_temp?: num  # C
    chamber_temp?: num  # C
    filament_name?: str
    filament_type?: str
    filament_colors?: [str]
    extruder_colors?: [str]
    filament_temps?: [num]  # C
    filament_total?: num  # mm
    filament_weight_total?: num  # g
    filament_weights?: [num]  # g by tool
    filament_change_count?: int
    referenced_tools?: [int]
    mmu_print?: int
    printer_model?: str
    printer_vendor?: str
    printer_variant?: str
    profile_version?: str
    profile_name?: str
    thumbnails?: [{width: int, height: int, size: int, relative_path: str}]  # beside the file
}""",
)

log = Logger()
_NAMESPACE = "gcode_metadata"


def extract(path: Path) -> dict[str, Any]:
    """Read one file's metadata and write its thumbnails. Blocks.

    @raise OSError: if it can't be read.
    """
    status = path.stat()
    ends = read_ends(path)
    found = {
        "size": status.st_size,
        "modified": status.st_mtime,
        "uuid": str(uuid.uuid4()),
        "file_processors": _processors(ends.header, ends.footer),
        **describe_gcode(ends),
    }
    pictures = thumbnails.write(path, thumbnails.embedded(ends.header))
    if pictures:
        found["thumbnails"] = pictures
    return {**found, "print_start_time": None, "job_id": None}


_PROCESSORS = {
    "preprocess_cancellation": (objects.MARK,),
    "klipper_estimator": (b"Processed by klipper_estimator",),
    "analysis": (b"Times by the exact simulation of brokerd",),
}


def _processors(header: bytes, footer: bytes) -> list[str]:
    """Programs that have changed a file since it was sliced."""
    return [
        name
        for name, marks in _PROCESSORS.items()
        if any(mark in part for mark in marks for part in (header, footer))
    ]


@define(eq=False, repr=False)
class GcodeMetadata:
    """Metadata by path below the gcodes root.

    @ivar processors: what is done to a file before it is read.
    """

    _roots: Roots
    _threads: WorkerThreads
    _database: Database
    processors: FileProcessors = field(factory=FileProcessors)
    _known: dict[str, dict[str, Any]] = field(init=False, factory=dict)
    _one_at_a_time: DeferredLock = field(init=False, factory=DeferredLock)

    async def load(self) -> None:
        """Take up what the database knows, then scan what is new; forget what is gone."""
        self._known.update(await self._database.run(lambda db: namespaces.read_all(db, _NAMESPACE)))
        present = await self._threads.run(gcode_files, self._roots.root("gcodes"))
        for filename, modified, size in present:
            if not _is_current(self._known.get(filename), modified, size):
                try:
                    await self.scan(filename)
                except (NotFound, OSError) as error:
                    log.warn("no metadata of {name}: {error}", name=filename, error=error)
        for filename in set(self._known) - {each[0] for each in present}:
            await self.forget(filename)

    def known(self, filename: str) -> dict[str, Any] | None:
        """What is known of a file without looking at it."""
        return self._known.get(filename)

    async def get(self, filename: str) -> dict[str, Any]:
        """The metadata of a file as it is now.

        @raise NotFound: if there is no such G-code file.
        """
        location = self._locate(filename)
        status = await self._threads.run(_status, location)
        known = self._known.get(location.path)
        if known is None or not _is_current(known, *status):
            return await self.scan(filename)
        return known

    async def scan(self, filename: str) -> dict[str, Any]:
        """Extract again.

        @raise NotFound: if there is no such G-code file.
        """
        location = self._locate(filename)
        await self._one_at_a_time.acquire()
        try:
            if _is_new(self._known.get(location.path), await self._threads.run(_status, location)):
                await self.processors.run(location.real())
            found = await self._threads.run(_extract_at, location)
        finally:
            self._one_at_a_time.release()
        before = self._known.get(location.path, {})
        for name in ("print_start_time", "job_id"):
            found[name] = before.get(name)
        await self._keep(location.path, found)
        return found

    async def mark_printed(self, filename: str, job: str, start_time: float) -> None:
        """Note the last job that printed a file."""
        known = self._known.get(filename)
        if known is not None:
            await self._keep(filename, {**known, "job_id": job, "print_start_time": start_time})

    async def moved(self, source: str, dest: str) -> None:
        """Let what is known of the files in a directory follow it."""
        for name in [name for name in self._known if name.startswith(f"{source}/")]:
            found = self._known.pop(name)
            await self._keep(dest + name.removeprefix(source), found)
        await self.forget(source)

    async def forget(self, filename: str) -> None:
        """Drop a file, or all files of a directory, that are gone."""
        gone = [name for name in self._known if name == filename or name.startswith(f"{filename}/")]
        for name in gone:
            del self._known[name]
            await self._threads.run(_remove_pictures, self._roots.locate(name, "gcodes").on_disk)
        if gone:
            await self._database.run(
                lambda db: db.executemany(
                    "DELETE FROM items WHERE namespace = ? AND key = ?", [(_NAMESPACE, name) for name in gone]
                )
            )

    async def _keep(self, filename: str, found: dict[str, Any]) -> None:
        self._known[filename] = found
        await self._database.run(lambda db: namespaces.put(db, _NAMESPACE, filename, found))

    def _locate(self, filename: str) -> Location:
        location = self._roots.locate(filename, "gcodes")
        if not is_gcode(location.path):
            raise NotFound(f"{filename!r} is no G-code file")
        return location


def _is_new(known: dict[str, Any] | None, status: tuple[float, int]) -> bool:
    return not _is_current(known, *status)


def _is_current(known: dict[str, Any] | None, modified: float, size: int) -> bool:
    return known is not None and known.get("size") == size and known.get("modified") == modified


def _status(location: Location) -> tuple[float, int]:
    try:
        status = location.real().stat()
    except OSError:
        raise NotFound(f"there is no file {location.text}")
    return status.st_mtime, status.st_size


def _extract_at(location: Location) -> dict[str, Any]:
    path = location.real()
    if not path.is_file():
        raise NotFound(f"there is no file {location.text}")
    return extract(path)


def _remove_pictures(gcode: Path) -> None:
    if gcode.parent.is_dir() and not gcode.exists():
        thumbnails.remove(gcode)
