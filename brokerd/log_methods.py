"""C{server.logs.rollover}: a fresh log file, and the old one kept beside it for a while."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from attrs import define, frozen

from brokerd.errors import ApiError, Forbidden
from brokerd.machine.units import ServiceMethods
from brokerd.registry.caller import Role
from brokerd.registry.declare import method
from brokerd.threads import WorkerThreads

__all__ = ["LogMethods", "RotatedLog"]

_KEPT = 5


@frozen
class RotatedLog:
    """One log.

    @ivar path: where it is now, or None.
    @ivar reopen: lets its writer go on in a new file; None for a writer that has to be restarted.
    """

    path: Callable[[], Path | None]
    reopen: Callable[[], None] | None


@define(eq=False, repr=False)
class LogMethods:
    """Rolls logs over.

    @ivar _logs: by application.
    @ivar _printing: the file that is being printed, or None.
    """

    component: ClassVar[str] = "application"
    _logs: Mapping[str, RotatedLog]
    _units: ServiceMethods
    _threads: WorkerThreads
    _printing: Callable[[], str | None]

    @method(
        "server.logs.rollover",
        "POST /server/logs/rollover",
        result="{rolled_over: [str], failed: {*: str}}",
        permission=Role.ADMIN,
    )
    async def rollover(
        self,
        application: Annotated[Literal["moonraker", "klipper"] | None, "whose log; of all by default"] = None,
    ) -> dict[str, Any]:
        """Begin new log files."""
        rolled_over: list[str] = []
        failed: dict[str, str] = {}
        files: set[Path | None] = set()
        for name, log in self._logs.items():
            if application is not None and name != application:
                continue
            try:
                if log.path() not in files:  # host and broker may write into one
                    await self._roll(name, log)
                files.add(log.path())
                rolled_over.append(name)
            except (ApiError, OSError) as error:
                failed[name] = str(error)
        return {"rolled_over": rolled_over, "failed": failed}

    async def _roll(self, name: str, log: RotatedLog) -> None:
        path = log.path()
        if path is None or not await self._threads.run(path.is_file):
            raise ApiError("there is no log file")
        reopen = log.reopen or next(
            (each.reopen for each in self._logs.values() if each.path() == path), None
        )
        if reopen is not None:
            await self._threads.run(_move_away, path)
            reopen()
            return
        if self._printing() is not None:
            raise Forbidden("the motion host is printing, and would have to be restarted")
        await self._units.act("stop", name)
        try:
            await self._threads.run(_move_away, path)
        finally:
            await self._units.act("start", name)


def _move_away(path: Path) -> None:
    """Rename a log, and remove the oldest ones. Blocks."""
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    path.rename(path.with_name(f"{path.name}.{stamp}"))
    old = sorted(path.parent.glob(f"{path.name}.*-*-*_*"), key=lambda each: each.name)
    for each in old[:-_KEPT]:
        each.unlink()
