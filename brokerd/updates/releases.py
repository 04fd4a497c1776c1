"""GitHub releases: which there are, and fetching their files with a check of their hashes."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from attrs import define, field, frozen

from brokerd.http_client import HttpAnswer, HttpClient, HttpFailure
from brokerd.threads import WorkerThreads
from brokerd.updates.updater import Say, UpdateFailed

__all__ = ["Asset", "Release", "Releases"]

_LARGEST = 1024**3  # bytes of one file
_PATIENCE = 1800.0  # seconds for one file
_SUM = re.compile(r"^([0-9a-fA-F]{64})[ \t]+\*?(\S.*)$", re.MULTILINE)
_SUM_FILES = ("SHA256SUMS", "sha256sums.txt", "checksums.txt", "SHA256SUMS.txt")


@frozen
class Asset:
    """A file of a release.

    @ivar sha256: its hash as the release states it, or nothing.
    """

    name: str
    url: str
    size: int
    sha256: str = ""


@frozen
class Release:
    """One release.

    @ivar version: its tag.
    """

    version: str
    prerelease: bool
    assets: Mapping[str, Asset]


@define(eq=False, repr=False)
class Releases:
    """Asks GitHub, or what stands in for it.

    @ivar limits: how many requests it allows: C{github_rate_limit} and so on; nothing before the first.
    @ivar _unverified: whether files without a hash are taken.
    """

    _http: HttpClient
    _threads: WorkerThreads
    _api: str
    _unverified: bool = False
    limits: dict[str, int | None] = field(
        init=False,
        factory=lambda: {
            "github_rate_limit": None, "github_requests_remaining": None, "github_limit_reset_time": None,
        },
    )  # fmt: skip

    async def newest(self, repo: str, prereleases: bool) -> Release:
        """The newest release.

        @raise UpdateFailed: if there is none, or it can't be asked for.
        """
        url = f"{self._api.rstrip('/')}/repos/{repo}/releases?per_page=20"
        try:
            answer = await self._http.get(url, headers={"Accept": "application/vnd.github+json"})
            self._note_limits(answer)
            listed = answer.check().json()
        except HttpFailure as error:
            raise UpdateFailed(f"{repo}: {error}") from None
        for each in listed if isinstance(listed, list) else ():
            release = _release(each)
            if release is not None and (prereleases or not release.prerelease):
                return release
        raise UpdateFailed(f"{repo} has no release")

    def _note_limits(self, answer: HttpAnswer) -> None:
        names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
        for key, name in zip(self.limits, names, strict=True):
            text = answer.headers.get(name, "")
            if text.isdigit():
                self.limits[key] = int(text)

    async def fetch(self, release: Release, name: str, path: Path, say: Say) -> None:
        """Bring a file of a release to C{path}, and check it.

        @raise UpdateFailed: if it can't be had, or its hash is another; there is no file then.
        """
        asset = release.assets.get(name)
        if asset is None:
            raise UpdateFailed(f"the release {release.version} has no file {name!r}")
        expected = asset.sha256 or await self._listed_sum(release, name)
        if not expected and not self._unverified:
            raise UpdateFailed(
                f"{name} of {release.version} comes without a checksum; 'allow_unverified' would permit that"
            )
        say(f"Downloading {name} ({asset.size / 1024**2:.1f} MiB)")
        sink = _Sink(path)
        try:
            await self._download(asset, sink)
            found = await self._threads.run(sink.close)
            if expected and found != expected.lower():
                raise UpdateFailed(f"the SHA-256 of {name} is {found}, not {expected}")
        except BaseException:
            await self._threads.run(sink.discard)
            raise
        say(f"SHA-256 {found} is right" if expected else "There is no checksum to compare with")

    async def _download(self, asset: Asset, sink: "_Sink") -> None:
        async def write(data: bytes) -> None:
            try:
                await self._threads.run(sink.write, data)
            except OSError as error:
                raise UpdateFailed(f"storing {asset.name}: {error.strerror}") from None

        try:
            answer = await self._http.download(asset.url, write, timeout=_PATIENCE, longest=_LARGEST)
            answer.check()
        except HttpFailure as error:
            raise UpdateFailed(f"{asset.name}: {error}") from None

    async def _listed_sum(self, release: Release, name: str) -> str:
        """The hash of a file as another file of the release states it, or nothing."""
        for sums in (f"{name}.sha256", *_SUM_FILES):
            asset = release.assets.get(sums)
            if asset is None:
                continue
            try:
                text = (await self._http.get(asset.url, longest=1024 * 1024)).check().text
            except HttpFailure as error:
                raise UpdateFailed(f"{sums}: {error}") from None
            if re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
                return text.strip()
            found = {file.strip(): digest for digest, file in _SUM.findall(text)}
            if name in found:
                return found[name]
        return ""


class _Sink:
    """The file that a download grows in. All methods block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] = path.open("wb")
        self._sha256 = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._sha256.update(data)

    def close(self) -> str:
        self._file.close()
        return self._sha256.hexdigest()

    def discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _release(given: Any) -> Release | None:
    if not isinstance(given, dict) or given.get("draft") or not isinstance(given.get("tag_name"), str):
        return None
    assets = {}
    for each in given.get("assets") or ():
        name, url = each.get("name"), each.get("browser_download_url")
        digest = str(each.get("digest") or "")
        sha256 = digest.removeprefix("sha256:") if digest.startswith("sha256:") else ""
        if isinstance(name, str) and isinstance(url, str):
            assets[name] = Asset(name, url, int(each.get("size") or 0), sha256)
    return Release(given["tag_name"], bool(given.get("prerelease")), assets)
