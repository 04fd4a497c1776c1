"""Applications in a Python environment of their own, from a package index.

pip says what it would install, with the hash of each file; exactly these files are installed then. If that
fails, the versions from before are installed again.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

import orjson
from attrs import define, field, frozen

from brokerd.programs import ProgramFailed, Programs
from brokerd.threads import WorkerThreads
from brokerd.updates.config import PythonConfig
from brokerd.updates.journal import Journal
from brokerd.updates.updater import RestartServices, Say, UpdateFailed

__all__ = ["PythonUpdater"]

_PATIENCE = 1800.0  # seconds
_QUERY = (
    "import importlib.metadata as m, json, sys; d = m.distribution(sys.argv[1]);"
    " print(json.dumps({'version': d.version, 'urls': d.metadata.get_all('Project-URL') or [],"
    " 'home': d.metadata.get('Home-page') or ''}))"
)
_HASH = re.compile(r"sha256:([0-9a-f]{64})")


@frozen
class _Pinned:
    """One distribution that pip would install."""

    name: str
    version: str
    url: str
    sha256: str

    @property
    def line(self) -> str:
        """Its line in a requirements file."""
        return f"{self.name} @ {self.url} --hash=sha256:{self.sha256}\n"


@define(eq=False, repr=False)
class PythonUpdater:
    """One application."""

    name: str
    _config: PythonConfig
    _programs: Programs
    _threads: WorkerThreads
    _journal: Journal
    _restart: RestartServices
    _version: str = field(init=False, default="?")
    _newest: str = field(init=False, default="?")
    _previous: str = field(init=False, default="?")
    _urls: dict[str, str] = field(init=False, factory=dict)
    _warnings: list[str] = field(init=False, factory=list)

    @property
    def interval(self) -> int | None:
        return self._config.refresh_interval

    @property
    def _project(self) -> str:
        return self._config.project_name or self.name

    @property
    def _plain(self) -> str:
        """The project's name without extras."""
        return self._project.partition("[")[0].strip()

    async def _python(self, *words: str | Path, **options: Any) -> str:
        program = self._config.virtualenv / "bin" / "python"
        return (await self._programs.run(program, *words, timeout=_PATIENCE, **options)).check()

    async def begin(self) -> None:
        """See L{Updater.begin}."""
        record = await self._journal.read(self.name)
        self._previous = record.get("rollback_version") or "?"
        if record.get("under_way"):
            await self._install_again(record["under_way"], lambda text: None)
        await self._look()

    async def _look(self) -> None:
        self._warnings = []
        try:
            found = orjson.loads(await self._python("-c", _QUERY, self._plain))
        except (ProgramFailed, ValueError) as error:
            self._warnings.append(f"{self._plain} is not installed in {self._config.virtualenv}: {error}")
            return
        self._version = found["version"]
        pairs = (each.partition(",")[::2] for each in found["urls"])
        self._urls = {label.strip().lower(): url.strip() for label, url in pairs}
        self._urls.setdefault("homepage", found["home"])

    async def refresh(self) -> None:
        """See L{Updater.refresh}."""
        await self._look()
        for each in await self._wanted():
            if each.name.lower().replace("_", "-") == self._plain.lower().replace("_", "-"):
                self._newest = each.version
                return
        self._newest = self._version

    async def _wanted(self, version: str | None = None) -> list[_Pinned]:
        """What pip would install, with hashes."""
        wanted = self._project if version is None else f"{self._project}=={version}"
        with tempfile.NamedTemporaryFile(prefix="brokerd-pip-", suffix=".json") as report:
            words = ["-m", "pip", "install", "--dry-run", "--quiet", "--disable-pip-version-check"]
            words += [
                "--upgrade",
                "--report",
                report.name,
                *(["--pre"] if self._config.channel != "stable" else []),
            ]
            try:
                await self._python(*words, wanted)
                text = await self._threads.run(Path(report.name).read_bytes)
                items = orjson.loads(text).get("install", [])
            except (ProgramFailed, ValueError) as error:
                raise UpdateFailed(f"{self.name}: {error}") from None
        return [_pinned(each) for each in items]

    @property
    def behind(self) -> bool:
        """See L{Updater.behind}."""
        return self._newest not in ("?", self._version) and not self._warnings

    def status(self) -> dict[str, Any]:
        """See L{Updater.status}."""
        repository = self._urls.get("repository") or self._urls.get("homepage") or ""
        owner, project = (
            [*repository.removesuffix(".git").rstrip("/").split("/"), "?", "?"][3:5]
            if "://" in repository
            else ("?", "?")
        )
        return {
            "name": self.name,
            "configured_type": "python",
            "channel": self._config.channel,
            "channel_invalid": False,
            "debug_enabled": False,
            "owner": owner,
            "repo_name": project,
            "branch": self._config.primary_branch,
            "version": self._version,
            "remote_version": self._newest,
            "rollback_version": self._previous,
            "full_version_string": self._version,
            "current_hash": "not-specified",
            "remote_hash": "update-available" if self.behind else "not-specified",
            "is_valid": not self._warnings,
            "is_dirty": False,
            "changelog_url": self._urls.get("changelog", ""),
            "warnings": list(self._warnings),
            "anomalies": [],
            "info_tags": list(self._config.info_tags),
        }

    async def update(self, say: Say) -> None:
        """See L{Updater.update}."""
        await self.refresh()
        if self._warnings:
            raise UpdateFailed(f"{self.name}: {self._warnings[0]}")
        if not self.behind:
            say(f"{self._version} is the newest already")
            return
        await self._change(await self._wanted(), say)

    async def _change(self, wanted: list[_Pinned], say: Say) -> None:
        before = self._version
        frozen_now = await self._freeze()
        await self._journal.note(self.name, under_way=frozen_now)
        try:
            await self._install(wanted, say)
        except (ProgramFailed, UpdateFailed) as error:
            say(f"That failed; installing {before} again")
            await self._install_again(frozen_now, say)
            raise UpdateFailed(f"{self.name}: {error}") from None
        await self._journal.note(self.name, under_way=None, rollback_version=before)
        self._previous = before
        await self._look()
        say(f"{self.name} {self._version} is installed")
        await self._restart(self._config.services(self.name))

    async def _freeze(self) -> list[str]:
        try:
            return (
                await self._python("-m", "pip", "freeze", "--local", "--disable-pip-version-check")
            ).splitlines()
        except ProgramFailed as error:
            raise UpdateFailed(f"{self.name}: {error}") from None

    async def _install(self, wanted: list[_Pinned], say: Say) -> None:
        without = [each.name for each in wanted if not each.sha256]
        if without:
            raise UpdateFailed(f"there is no hash of {', '.join(without)}")
        await self._check_known(wanted)
        at_odds = await self._at_odds()
        with tempfile.NamedTemporaryFile("w", prefix="brokerd-pip-", suffix=".txt") as file:
            file.writelines(each.line for each in wanted)
            file.flush()
            words = ["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
            await self._python(*words, "-r", file.name, line=say)
        await self._python("-c", _QUERY, self._plain)
        broken = sorted(await self._at_odds() - at_odds)
        if broken:
            raise UpdateFailed(broken[0])

    async def _check_known(self, wanted: list[_Pinned]) -> None:
        """With C{known_hashes} the index is not trusted with what it says of its files.

        @raise UpdateFailed: if the file can't be read, or lacks a hash.
        """
        path = self._config.known_hashes
        if path is None:
            return
        try:
            known = set(_HASH.findall((await self._threads.run(path.read_text)).lower()))
        except (OSError, ValueError) as error:
            raise UpdateFailed(f"{path}: {error}") from None
        unknown = [f"{each.name} {each.version}" for each in wanted if each.sha256 not in known]
        if unknown:
            raise UpdateFailed(f"{path} does not have the SHA-256 of {', '.join(unknown)}")

    async def _at_odds(self) -> set[str]:
        """What pip complains of: distributions whose requirements aren't met, maybe others' since long."""
        try:
            await self._python("-m", "pip", "check")
        except ProgramFailed as error:
            return set(error.output.splitlines())
        return set()

    async def _install_again(self, lines: list[str], say: Say) -> None:
        words = ["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--force-reinstall"]
        try:
            await self._python(*words, *lines, line=say)
            await self._journal.note(self.name, under_way=None)
        except ProgramFailed as error:
            self._warnings.append(f"the versions from before can't be installed again: {error}")

    async def rollback(self, say: Say) -> None:
        """See L{Updater.rollback}."""
        if self._previous == "?":
            raise UpdateFailed(f"{self.name}: there was no update to go back from")
        await self._look()
        await self._change(await self._wanted(self._previous), say)

    async def recover(self, hard: bool, say: Say) -> None:
        """See L{Updater.recover}."""
        await self._look()
        if self._version == "?":
            raise UpdateFailed(f"{self.name}: {self._warnings[0]}")
        await self._install_again([f"{self._plain}=={self._version}"], say)


def _pinned(item: dict[str, Any]) -> _Pinned:
    source = item.get("download_info", {})
    hashes = source.get("archive_info", {}).get("hashes", {})
    metadata = item.get("metadata", {})
    name, version = str(metadata.get("name")), str(metadata.get("version"))
    return _Pinned(name, version, str(source.get("url")), str(hashes.get("sha256", "")))
