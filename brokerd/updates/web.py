"""Software that comes as files of GitHub releases: pages, applications in a zip archive, single programs.

The folder of the software holds C{release_info.json}: project_name, project_owner, version, asset_name.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
from attrs import define, field

from brokerd.threads import WorkerThreads
from brokerd.updates.archive import unpack
from brokerd.updates.config import ExecutableConfig, ReleaseConfig, WebConfig, ZipConfig
from brokerd.updates.dependencies import Dependencies
from brokerd.updates.releases import Release, Releases
from brokerd.updates.swap import exchange, fresh_beside, mend, previous_of
from brokerd.updates.updater import RestartServices, Say, UpdateFailed

__all__ = ["ReleaseUpdater"]

_INFO = "release_info.json"


def _read_info(folder: Path) -> dict[str, Any]:
    """What a folder says of itself; nothing if it says nothing. Blocks."""
    try:
        info = orjson.loads((folder / _INFO).read_bytes())
    except (OSError, ValueError):
        return {}
    return info if isinstance(info, dict) else {}


@define(eq=False, repr=False)
class ReleaseUpdater:
    """One page, application or program."""

    name: str
    _config: ReleaseConfig
    _releases: Releases
    _threads: WorkerThreads
    _dependencies: Dependencies
    _restart: RestartServices
    _installed: str = field(init=False, default="?")
    _previous: str = field(init=False, default="?")
    _asset: str = field(init=False, default="")
    _newest: Release | None = field(init=False, default=None)
    _warnings: list[str] = field(init=False, factory=list)
    _anomalies: list[str] = field(init=False, factory=list)

    @property
    def interval(self) -> int | None:
        return self._config.refresh_interval

    @property
    def _kind(self) -> str:
        kinds = ((WebConfig, "web"), (ZipConfig, "zip"), (ExecutableConfig, "executable"))
        return next(name for kind, name in kinds if isinstance(self._config, kind))

    async def begin(self) -> None:
        """See L{Updater.begin}."""
        path = self._config.path
        if await self._threads.run(mend, path):
            self._anomalies.append("an update was cut short; what was there before is back")
        await self._look()

    async def _look(self) -> None:
        path = self._config.path
        info, before = await self._threads.run(lambda: (_read_info(path), _read_info(previous_of(path))))
        self._warnings = []
        if not info:
            self._warnings.append(f"{path} holds no usable {_INFO}: it is not known what is installed")
        elif (path / ".git").exists():
            self._warnings.append(f"{path} is a git repository, not an installed release")
        self._installed = str(info.get("version") or "?")
        self._previous = str(before.get("version") or "?")
        self._asset = str(
            info.get("asset_name") or ("" if self._kind == "executable" else f"{self.name}.zip")
        )
        if info and not self._asset:
            self._warnings.append(f"{_INFO} does not name the program ('asset_name')")

    async def refresh(self) -> None:
        """See L{Updater.refresh}."""
        await self._look()
        self._newest = await self._releases.newest(self._config.repo, self._config.channel == "beta")

    @property
    def behind(self) -> bool:
        """See L{Updater.behind}."""
        return self._newest is not None and self._newest.version != self._installed and not self._warnings

    def status(self) -> dict[str, Any]:
        """See L{Updater.status}."""
        owner, _, project = self._config.repo.partition("/")
        return {
            "name": self.name,
            "configured_type": self._kind,
            "channel": self._config.channel,
            "channel_invalid": False,
            "debug_enabled": False,
            "owner": owner,
            "repo_name": project,
            "version": self._installed,
            "remote_version": self._newest.version if self._newest is not None else "?",
            "rollback_version": self._previous,
            "last_error": "",
            "is_valid": not self._warnings,
            "warnings": list(self._warnings),
            "anomalies": list(self._anomalies) if self._config.report_anomalies else [],
            "info_tags": list(self._config.info_tags),
        }

    async def update(self, say: Say) -> None:
        """See L{Updater.update}."""
        if self._warnings:
            raise UpdateFailed(f"{self.name}: {self._warnings[0]}")
        await self.refresh()
        if not self.behind:
            say(f"{self._installed} is the newest already")
            return
        await self._install(say)

    async def _install(self, say: Say) -> None:
        assert self._newest is not None
        path = self._config.path
        fresh = await self._threads.run(fresh_beside, path)
        try:
            await self._make_ready(self._newest, fresh, say)
            await self._dependencies.prepare(self._config, self.name, path, fresh, say)
            await self._threads.run(_swap, fresh, path)
        except OSError as error:
            raise UpdateFailed(f"{self.name}: {error.strerror or error}") from None
        finally:
            await self._threads.run(shutil.rmtree, fresh, True)
        await self._look()
        say(f"{self.name} {self._installed} is installed")
        await self._restart(self._config.services(self.name))

    async def _make_ready(self, release: Release, fresh: Path, say: Say) -> None:
        """Put all of a release into a folder of its own."""
        config = self._config
        if isinstance(config, ExecutableConfig):
            await self._threads.run(_copy_over, config.path, fresh, None)
            program = fresh / self._asset
            await self._releases.fetch(release, self._asset, program, say)
            await self._threads.run(_finish_program, program, release.version)
            return
        archive = fresh.with_name(f"{fresh.name}.zip")
        try:
            await self._releases.fetch(release, self._asset, archive, say)
            await self._threads.run(unpack, archive, fresh)
        finally:
            await self._threads.run(archive.unlink, True)
        info = await self._threads.run(_read_info, fresh)
        if info.get("version") != release.version:
            raise UpdateFailed(
                f"the archive says that it is {info.get('version')!r}, and should be {release.version}"
            )
        assert isinstance(config, WebConfig | ZipConfig)
        if config.persistent_files:
            await self._threads.run(_copy_over, config.path, fresh, config.persistent_files)

    async def rollback(self, say: Say) -> None:
        """See L{Updater.rollback}."""
        path = self._config.path
        if self._previous == "?":
            raise UpdateFailed(f"{self.name}: nothing older is kept")
        say(f"Going back to {self._previous}")
        try:
            await self._threads.run(exchange, previous_of(path), path)
        except OSError as error:
            raise UpdateFailed(f"{self.name}: {error.strerror or error}") from None
        await self._look()
        await self._restart(self._config.services(self.name))

    async def recover(self, hard: bool, say: Say) -> None:
        """See L{Updater.recover}."""
        self._newest = await self._releases.newest(self._config.repo, self._config.channel == "beta")
        self._asset = self._asset or f"{self.name}.zip"
        await self._install(say)


def _copy_over(path: Path, fresh: Path, names: Iterable[str] | None) -> None:
    """Copy what lasts from the installed folder into the new one; all of it without C{names}."""
    for name in sorted(os.listdir(path)) if names is None else names:
        source, target = path / name, fresh / name
        if Path(name).is_absolute() or ".." in Path(name).parts or not source.exists():
            continue
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        elif target.exists():
            target.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target, follow_symlinks=False)


def _finish_program(program: Path, version: str) -> None:
    program.chmod(0o755)
    info: Mapping[str, Any] = {**_read_info(program.parent), "version": version}
    (program.parent / _INFO).write_bytes(orjson.dumps(info, option=orjson.OPT_INDENT_2))


def _swap(fresh: Path, path: Path) -> None:
    """Let the new folder take the old one's place, and keep the old one for a rollback."""
    shutil.copymode(path, fresh)
    os.sync()
    exchange(fresh, path)
    previous = previous_of(path)
    shutil.rmtree(previous, ignore_errors=True)
    os.rename(fresh, previous)
