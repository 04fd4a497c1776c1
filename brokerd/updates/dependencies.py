"""What software needs besides itself: Python packages, Node packages, packages of the system, services."""

import re
from pathlib import Path
from typing import Any

import orjson
from attrs import define

from brokerd.programs import ProgramFailed, Programs
from brokerd.threads import WorkerThreads
from brokerd.updates.config import SoftwareConfig
from brokerd.updates.system import SystemPackages
from brokerd.updates.updater import Say, UpdateFailed

__all__ = ["Dependencies"]

_PATIENCE = 1800.0  # seconds
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_LIST = re.compile(r'^PKGLIST="(?:\$\{PKGLIST\})?([^"]*)"', re.MULTILINE)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _system_packages(folder: Path, config: SoftwareConfig, families: tuple[str, ...]) -> set[str]:
    """The packages that a version of the software asks for."""
    found: list[Any] = []
    listed, script = getattr(config, "system_dependencies", None), getattr(config, "install_script", None)
    if listed:
        try:
            content = orjson.loads(_text(folder / listed) or "{}")
        except ValueError:
            raise UpdateFailed(f"{listed} is not JSON") from None
        found = next((content[each] for each in families if each in content), [])
    elif script:
        found = " ".join(_LIST.findall(_text(folder / script))).split()
    # An entry may end in a condition, as in "libcamera ; distro_version >= '11'".
    names = [str(each).partition(";")[0].strip() for each in found]
    return {each for each in names if _PACKAGE.fullmatch(each)}


@define(eq=False, repr=False)
class Dependencies:
    """Brings in what a new version needs, before it takes the old one's place."""

    _programs: Programs
    _threads: WorkerThreads
    _system: SystemPackages

    async def prepare(
        self, config: SoftwareConfig, name: str, old: Path, new: Path, say: Say, node: bool = True
    ) -> None:
        """Install what C{new} needs and C{old} did not.

        @param node: whether Node packages are installed into C{new}, too.
        @raise UpdateFailed: if that fails.
        """
        try:
            await self._prepare_system(config, old, new, say)
            await self._prepare_python(config, old, new, say)
            if node:
                await self.install_node(config, await self.node_lock(old), new, say)
        except ProgramFailed as error:
            raise UpdateFailed(f"{name}: {error}") from None

    async def _prepare_system(self, config: SoftwareConfig, old: Path, new: Path, say: Say) -> None:
        families = await self._threads.run(_families)
        wanted = await self._threads.run(_system_packages, new, config, families)
        missing = sorted(wanted - await self._threads.run(_system_packages, old, config, families))
        if missing:
            say(f"Installing packages of the system: {', '.join(missing)}")
            await self._system.install(missing, say)

    async def _prepare_python(self, config: SoftwareConfig, old: Path, new: Path, say: Say) -> None:
        requirements, python = getattr(config, "requirements", None), _python(config)
        if not requirements or python is None:
            return
        before, after = [await self._threads.run(_text, folder / requirements) for folder in (old, new)]
        if after and after != before:
            say("Installing Python packages")
            words = (python, "-m", "pip", "install", "--disable-pip-version-check", "-r", new / requirements)
            (await self._programs.run(*words, timeout=_PATIENCE, line=say)).check()

    async def node_lock(self, folder: Path) -> str:
        """What Node packages the software in a folder asks for."""
        return await self._threads.run(_text, folder / "package-lock.json")

    async def install_node(self, config: SoftwareConfig, before: str, folder: Path, say: Say) -> None:
        """Install Node packages into a folder, if it asks for others than C{before}.

        @raise ProgramFailed: if that fails.
        """
        if not getattr(config, "enable_node_updates", False):
            return
        after = await self.node_lock(folder)
        if after and after != before:
            say("Installing Node packages")
            ended = await self._programs.run(
                "npm", "ci", "--omit=dev", cwd=folder, timeout=_PATIENCE, line=say
            )
            ended.check()


def _python(config: SoftwareConfig) -> Path | None:
    """The program of the software's Python environment."""
    folder, program = getattr(config, "virtualenv", None), getattr(config, "env", None)
    if folder is not None:
        return Path(folder) / "bin" / "python"
    return program


def _families() -> tuple[str, ...]:
    """This system and what it is like, as /etc/os-release has it. Blocks."""
    fields = dict(line.partition("=")[::2] for line in _text(Path("/etc/os-release")).splitlines())
    words = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', "").split()
    return tuple(words)
