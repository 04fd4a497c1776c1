"""The appliance itself, which updates as one unit: a set of wheels, or an image for the other slot.

A channel is one signed JSON document::

    {"releases": "<JSON text: [{version, channel, files: [{name, url, size, sha256}], kind}]>",
     "signature": "<base64: Ed25519 over the UTF-8 of that text>"}

Wheels are installed into a fresh Python environment C{PREFIX/versions/VERSION}, which has to start before
the link C{PREFIX/current} is turned to it; that is one rename. An image is a bundle that C{rauc} writes to
the slot that is not running; it checks the bundle's signature once more.
"""

import base64
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from attrs import define, field, frozen

from brokerd.http_client import HttpClient, HttpFailure
from brokerd.programs import ProgramFailed, Programs
from brokerd.threads import WorkerThreads
from brokerd.updates.config import UnitConfig
from brokerd.updates.releases import Asset, Release, Releases
from brokerd.updates.updater import Say, UpdateFailed

__all__ = ["UnitUpdater", "check_signature", "newer"]

_PATIENCE = 3600.0  # seconds
_KEPT = 2  # versions besides the one that runs
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")


def _order(version: str) -> tuple[tuple[int, str], ...]:
    """Numbers by size, words before them, so that 1.10 is after 1.9 and 2.0rc1 before 2.0."""
    parts = re.findall(r"\d+|[a-z]+", version.lower().removeprefix("v"))
    keys = [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
    return (*keys, (0, ""))


def newer(version: str, than: str) -> bool:
    """Whether a version comes after another."""
    return _order(version) > _order(than)


def check_signature(text: str, signature: str, public_key: str) -> None:
    """@raise UpdateFailed: if the text was not signed with that key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, ValueError):
        raise UpdateFailed("the list of releases is not signed with the key of this installation") from None


@frozen
class _Release:
    version: str
    kind: str
    files: tuple[Asset, ...]


def _releases(text: str, channel: str) -> list[_Release]:
    """The releases of a channel, newest first."""
    try:
        listed = orjson.loads(text)
        found = []
        for each in listed:
            if each.get("channel", "stable") not in ("stable", channel):
                continue
            files = tuple(
                Asset(str(f["name"]), str(f["url"]), int(f.get("size", 0)), str(f["sha256"]))
                for f in each["files"]
            )
            if _VERSION.fullmatch(each["version"]) is None or any("/" in file.name for file in files):
                raise ValueError("a name that leads elsewhere")
            found.append(_Release(each["version"], each.get("kind", "wheels"), files))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UpdateFailed(f"the list of releases can't be understood: {error}") from None
    return sorted(found, key=lambda each: _order(each.version), reverse=True)


@define(eq=False, repr=False)
class UnitUpdater:
    """The appliance."""

    _config: UnitConfig
    _http: HttpClient
    _releases: Releases
    _programs: Programs
    _threads: WorkerThreads
    interval: int | None = field(init=False, default=None)
    _newest: _Release | None = field(init=False, default=None)
    _previous: str = field(init=False, default="?")

    @property
    def name(self) -> str:
        """See L{Updater.name}."""
        return self._config.name

    @property
    def _obstacles(self) -> list[str]:
        config = self._config
        if not config.url or not config.public_key:
            return ["no channel of releases is set up"]
        if config.prefix is None:
            return ["this installation was not made by the installer, and is updated as it was made"]
        return []

    async def begin(self) -> None:
        """See L{Updater.begin}."""
        if self._config.prefix is not None:
            self._previous = await self._threads.run(_previous, self._config.prefix, self._config.version)

    async def refresh(self) -> None:
        """See L{Updater.refresh}."""
        if self._obstacles:
            return
        config = self._config
        try:
            document = (await self._http.get(config.url, longest=4 * 1024**2)).check().json()
            text, signature = str(document["releases"]), str(document["signature"])
        except (HttpFailure, KeyError, TypeError) as error:
            raise UpdateFailed(f"{config.name}: {error}") from None
        check_signature(text, signature, config.public_key)
        self._newest = next(iter(_releases(text, config.channel)), None)

    @property
    def behind(self) -> bool:
        """See L{Updater.behind}. An older release is never an update: that is what C{rollback} is for."""
        return self._newest is not None and newer(self._newest.version, self._config.version)

    def status(self) -> dict[str, Any]:
        """See L{Updater.status}."""
        newest = self._newest.version if self._newest is not None else self._config.version
        return {
            "name": self.name,
            "configured_type": "python",
            "channel": self._config.channel,
            "channel_invalid": False,
            "debug_enabled": False,
            "owner": "?",
            "repo_name": self.name,
            "branch": None,
            "version": self._config.version,
            "remote_version": newest,
            "rollback_version": self._previous,
            "full_version_string": self._config.version,
            "current_hash": "not-specified",
            "remote_hash": "update-available" if self.behind else "not-specified",
            "is_valid": not self._obstacles,
            "is_dirty": False,
            "changelog_url": "",
            "warnings": self._obstacles,
            "anomalies": [],
            "info_tags": [],
        }

    async def update(self, say: Say) -> None:
        """See L{Updater.update}."""
        if self._obstacles:
            raise UpdateFailed(f"{self.name}: {self._obstacles[0]}")
        await self.refresh()
        if self._newest is None or not self.behind:
            say(f"{self._config.version} is the newest already")
            return
        await self._install(self._newest, say)

    async def _install(self, release: _Release, say: Say) -> None:
        prefix = self._config.prefix
        assert prefix is not None
        downloads = prefix / "downloads"
        try:
            await self._threads.run(_empty, downloads)
            listed = Release(release.version, False, {each.name: each for each in release.files})
            for each in release.files:
                await self._releases.fetch(listed, each.name, downloads / each.name, say)
            if release.kind == "image":
                await self._install_image(downloads / release.files[0].name, say)
            else:
                await self._install_wheels(release.version, downloads, prefix, say)
        except (ProgramFailed, OSError) as error:
            raise UpdateFailed(f"{self.name}: {error}") from None
        finally:
            await self._threads.run(shutil.rmtree, downloads, True)
        say(f"{self.name} {release.version} is installed; it starts now")
        self._config.restart()

    async def _install_image(self, bundle: Path, say: Say) -> None:
        say("Writing the image to the other slot")
        (await self._programs.run("rauc", "install", bundle, timeout=_PATIENCE, line=say)).check()

    async def _install_wheels(self, version: str, downloads: Path, prefix: Path, say: Say) -> None:
        folder = prefix / "versions" / version
        await self._threads.run(shutil.rmtree, folder, True)
        try:
            say("Making a Python environment")
            await self._run(sys.executable, "-m", "venv", folder)
            python = folder / "bin" / "python"
            words = ("-m", "pip", "install", "--disable-pip-version-check", "--no-index", "--find-links")
            await self._run(python, *words, downloads, f"{self.name}=={version}", line=say)
            said = await self._run(python, "-m", self._config.module or self.name, "--version")
            if version not in re.split(r"[\s-]+", said):
                raise UpdateFailed(f"{self.name}: what was installed says that it is {said.strip()!r}")
            await self._threads.run(_turn, prefix, folder, self._config.version, True)
        except BaseException:
            await self._threads.run(_discard, prefix, folder)
            raise

    async def _run(self, *words: str | Path, **options: Any) -> str:
        return (await self._programs.run(*words, timeout=_PATIENCE, **options)).check()

    async def rollback(self, say: Say) -> None:
        """See L{Updater.rollback}."""
        prefix = self._config.prefix
        if prefix is None or self._previous == "?":
            raise UpdateFailed(f"{self.name}: nothing older is kept")
        say(f"Going back to {self._previous}")
        folder = prefix / "versions" / self._previous
        try:
            await self._run(folder / "bin" / "python", "-m", self._config.module or self.name, "--version")
            await self._threads.run(_turn, prefix, folder, self._config.version, False)
        except (ProgramFailed, OSError) as error:
            raise UpdateFailed(f"{self.name}: {error}") from None
        self._config.restart()

    async def recover(self, hard: bool, say: Say) -> None:
        """See L{Updater.recover}: install what is newest, even if it is what runs."""
        if self._obstacles:
            raise UpdateFailed(f"{self.name}: {self._obstacles[0]}")
        await self.refresh()
        if self._newest is None or self._newest.version == self._config.version:
            raise UpdateFailed(f"{self.name}: there is no other release to recover with; a rollback may help")
        await self._install(self._newest, say)


# All that follows blocks.


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _previous(prefix: Path, version: str) -> str:
    """What ran before, as it was noted when the link was turned."""
    try:
        name = (prefix / "previous").read_text().strip()
    except OSError:
        return "?"
    return name if name != version and (prefix / "versions" / name).is_dir() else "?"


def _turn(prefix: Path, folder: Path, version: str, unproven: bool) -> None:
    """Let C{current} lead to a version, in one step; versions beyond the last few are removed.

    @param unproven: whether it never ran before; C{PREFIX/unproven} then says what to go back to if it can't.
    """
    fresh = prefix / ".current.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.relative_to(prefix))
    noted = prefix / ".previous.new"
    noted.write_text(f"{version}\n")
    if unproven:
        (prefix / "unproven").write_text(f"{version}\n")
    else:
        (prefix / "unproven").unlink(missing_ok=True)
    os.sync()
    os.replace(noted, prefix / "previous")
    os.replace(fresh, prefix / "current")
    _tidy(prefix, keep=(folder.name, version))


def _tidy(prefix: Path, keep: Sequence[str]) -> None:
    versions = sorted((prefix / "versions").iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    for each in [each for each in versions if each.name not in keep][_KEPT:]:
        shutil.rmtree(each, ignore_errors=True)


def _discard(prefix: Path, folder: Path) -> None:
    """Remove a version that is not in use."""
    if os.path.realpath(prefix / "current") != os.path.realpath(folder):
        shutil.rmtree(folder, ignore_errors=True)
