"""The packages of the system, by apt."""

from typing import Any, Protocol

from attrs import define, field

from brokerd.errors import ApiError
from brokerd.programs import ProgramFailed, Programs
from brokerd.updates.updater import Say, UpdateFailed

__all__ = ["Root", "SystemPackages"]

_PATIENCE = 3600.0  # seconds
_KEEP = ("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")


class Root(Protocol):
    """Runs programs as root."""

    async def run(self, *words: str, timeout: float = ..., **options: Any) -> str:
        """What the program wrote; see L{brokerd.machine.sudo.Sudo.run}."""


@define(eq=False, repr=False)
class SystemPackages:
    """All packages of the system."""

    _programs: Programs
    _root: Root
    name: str = field(init=False, default="system")
    interval: int | None = field(init=False, default=None)
    _packages: list[str] = field(init=False, factory=list)

    async def begin(self) -> None:
        """See L{Updater.begin}. An installation that was cut short is finished by the next update."""
        await self._list()

    async def refresh(self) -> None:
        """See L{Updater.refresh}."""
        await self._as_root("apt-get", "update")
        await self._list()

    async def _list(self) -> None:
        try:
            listed = (await self._programs.run("nice", "-n", "15", "apt", "list", "--upgradable")).check()
        except ProgramFailed as error:
            raise UpdateFailed(f"the system's packages: {error}") from None
        self._packages = [line.partition("/")[0] for line in listed.splitlines() if "/" in line]

    @property
    def behind(self) -> bool:
        """See L{Updater.behind}."""
        return bool(self._packages)

    def status(self) -> dict[str, Any]:
        """See L{Updater.status}."""
        return {
            "name": self.name,
            "configured_type": "system",
            "package_count": len(self._packages),
            "package_list": list(self._packages),
        }

    async def update(self, say: Say) -> None:
        """See L{Updater.update}. The package manager itself sees to whole packages."""
        await self._as_root("dpkg", "--configure", "-a", say=say)
        await self._as_root("apt-get", "update", say=say)
        await self._as_root("apt-get", "upgrade", "--yes", "--with-new-pkgs", *_KEEP, say=say)
        await self._list()

    async def install(self, packages: list[str], say: Say) -> None:
        """Install packages by name.

        @raise UpdateFailed: if that fails.
        """
        await self._as_root("apt-get", "install", "--yes", *_KEEP, "--", *packages, say=say)

    async def rollback(self, say: Say) -> None:
        """See L{Updater.rollback}."""
        raise UpdateFailed("packages of the system can't be taken back")

    async def recover(self, hard: bool, say: Say) -> None:
        """See L{Updater.recover}."""
        await self._as_root("dpkg", "--configure", "-a", say=say)
        await self._as_root("apt-get", "install", "--fix-broken", "--yes", *_KEEP, say=say)

    async def _as_root(self, *words: str, say: Say | None = None) -> None:
        try:
            await self._root.run("env", "DEBIAN_FRONTEND=noninteractive", *words, timeout=_PATIENCE, line=say)
        except ProgramFailed as error:
            raise UpdateFailed(f"the system's packages: {error}") from None
        except ApiError as error:
            raise UpdateFailed(f"the system's packages: {error.message}", error.code) from None
