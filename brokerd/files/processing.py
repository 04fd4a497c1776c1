"""What is done to a G-code file before its metadata is read, each step by a program of its own."""

import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from attrs import define, field
from twisted.logger import Logger

from brokerd.errors import ApiError
from brokerd.files.objects import NOTHING_TO_DO, has_tags, is_processed
from brokerd.programs import ProgramFailed, Programs
from brokerd.threads import WorkerThreads

__all__ = ["FileProcessors", "ObjectProcessing", "Step"]

log = Logger()

_SPAN = 1024 * 1024  # bytes in which a file that has objects names the first of them
_PATIENCE = 600.0  # seconds for one file

# Changes the file at the path if it has to; tells whether it did.
Step = Callable[[Path], Awaitable[bool]]


@define(eq=False, repr=False)
class FileProcessors:
    """The steps, in order. One that fails leaves the file as it is and is logged."""

    _steps: list[tuple[str, Step]] = field(init=False, factory=list)

    def add(self, name: str, step: Step) -> None:
        """Run C{step} on each file that is new or has changed."""
        self._steps.append((name, step))

    async def run(self, path: Path) -> None:
        """Run all steps on one file."""
        for name, step in self._steps:
            try:
                await step(path)
            except (ApiError, ProgramFailed, OSError) as error:
                log.warn("{step} of {path}: {error}", step=name, path=path.name, error=str(error))


@define(eq=False, repr=False)
class ObjectProcessing:
    """Writes the commands for excluding objects into files that name their objects in comments."""

    _programs: Programs
    _threads: WorkerThreads

    async def step(self, path: Path) -> bool:
        """See L{Step}."""
        if not await self._threads.run(_wanted, path):
            return False
        fresh = await self._threads.run(_fresh_beside, path)
        try:
            ended = await self._programs.run(
                sys.executable, "-m", "brokerd.files.objects", path, fresh, timeout=_PATIENCE
            )
            if ended.code == NOTHING_TO_DO:
                return False
            ended.check()
            await self._threads.run(_replace, fresh, path)
            return True
        finally:
            await self._threads.run(_remove, fresh)


def _wanted(path: Path) -> bool:
    with path.open("rb") as file:
        header = file.read(_SPAN)
    return has_tags(header) and not is_processed(header)


def _fresh_beside(path: Path) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    os.close(descriptor)
    return Path(name)


def _replace(fresh: Path, path: Path) -> None:
    status = path.stat()
    os.chmod(fresh, status.st_mode & 0o777)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(fresh, path)


def _remove(fresh: Path) -> None:
    fresh.unlink(missing_ok=True)
