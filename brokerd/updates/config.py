"""The sections C{[update_manager]} and C{[update_manager NAME]}."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from attrs import frozen

from brokerd.options import option, section

__all__ = [
    "ExecutableConfig",
    "GitConfig",
    "OverrideConfig",
    "PythonConfig",
    "ReleaseConfig",
    "SoftwareConfig",
    "UnitConfig",
    "UpdateConfig",
    "WebConfig",
    "ZipConfig",
]

Channel = Literal["stable", "beta", "dev"]
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{8,40}")


def _window(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text.strip())
    if match is None or not all(0 <= int(each) <= 23 for each in match.groups()):
        raise ValueError("two hours from 0 to 23, such as 0-5")
    return int(match.group(1)), int(match.group(2))


def _repo(text: str) -> str:
    if _REPO.fullmatch(text.strip()) is None:
        raise ValueError("of the form owner/name")
    return text.strip()


def _commit(text: str) -> str:
    if _COMMIT.fullmatch(text.strip().lower()) is None:
        raise ValueError("8 to 40 hexadecimal digits")
    return text.strip().lower()


def _inside(what: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        path = Path(text.strip())
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"a path of {what} without '..'")
        return str(path)

    return convert


@frozen
class UpdateConfig:
    """C{[update_manager]}: updates in general."""

    enable_auto_refresh: bool = option(False, doc="look for updates by ourselves, in the window of time")
    refresh_window: tuple[int, int] = option((0, 5), convert=_window, doc="hours between which to look")
    refresh_interval: int = option(672, minimum=0, doc="hours between two looks")
    enable_system_updates: bool = option(True, doc="whether the system's packages are updated, too")
    enable_packagekit: bool = option(
        True, doc="kept for old configurations; packages are always updated by apt"
    )
    channel: Channel = option("dev", doc="channel of what has none of its own")
    allow_unverified: bool = option(False, doc="install releases that come without any checksum")
    github_api: str = option("https://api.github.com", doc="where releases are asked for")


@frozen(kw_only=True, slots=False)
class SoftwareConfig:
    """C{[update_manager NAME]}: what all kinds have in common."""

    refresh_interval: int | None = option(None, minimum=0, doc="hours between two looks")
    info_tags: list[str] = option((), separator="", doc="words for clients")
    report_anomalies: bool = option(True, doc="whether clients see what is unusual but works")

    def services(self, name: str) -> tuple[str, ...]:
        """The services that are restarted after an update."""
        return ()


@frozen(kw_only=True, slots=False)
class OverrideConfig(SoftwareConfig):
    """C{[update_manager NAME]} without a type: other settings for software that is known anyway."""

    channel: Channel | None = option(None, doc="which releases are wanted")
    pinned_commit: str | None = option(None, convert=_commit, doc="kept for old configurations")


@frozen(kw_only=True, slots=False)
class _ServiceConfig(SoftwareConfig):
    is_system_service: bool = option(True, doc="whether the service of its name is restarted")
    managed_services: list[str] | None = option(None, separator=" ", doc="services that are restarted")
    system_dependencies: str | None = option(
        None, convert=_inside("the software"), doc="a file that lists packages of the system"
    )

    def services(self, name: str) -> tuple[str, ...]:
        """See L{SoftwareConfig.services}."""
        if self.managed_services is not None:
            return tuple(self.managed_services)
        return (name,) if self.is_system_service else ()


@frozen(kw_only=True, slots=False)
class ReleaseConfig(SoftwareConfig):
    """Software that comes as GitHub releases."""

    repo: str = option(convert=_repo, doc="owner/name of the repository")
    path: Path = option(doc="the folder of the software")
    channel: Literal["stable", "beta"] = option("stable", doc="whether releases for tests are wanted")


@frozen(kw_only=True, slots=False)
class WebConfig(ReleaseConfig):
    """C{type: web}: a page."""

    persistent_files: list[str] = option(
        (), separator="", doc="files and folders that an update leaves as they are"
    )


@frozen(kw_only=True, slots=False)
class ZipConfig(ReleaseConfig, _ServiceConfig):
    """C{type: zip}: an application."""

    persistent_files: list[str] = option(
        (), separator="", doc="files and folders that an update leaves as they are"
    )
    virtualenv: Path | None = option(None, doc="its Python environment")
    requirements: str | None = option(
        None, convert=_inside("the software"), doc="what Python packages it needs"
    )
    enable_node_updates: bool = option(False, doc="run npm ci when package-lock.json changes")


@frozen(kw_only=True, slots=False)
class ExecutableConfig(ReleaseConfig, _ServiceConfig):
    """C{type: executable}: one program."""


@frozen(kw_only=True, slots=False)
class GitConfig(_ServiceConfig):
    """C{type: git_repo}: a clone of a repository."""

    channel: Channel = option("dev", doc="the branch, or its releases")
    path: Path = option(doc="the clone")
    origin: str = option(doc="address of the repository")
    primary_branch: str = option("master", doc="its branch")
    virtualenv: Path | None = option(None, doc="its Python environment")
    env: Path | None = option(None, doc="the python program of its environment (old form)")
    requirements: str | None = option(None, convert=_inside("the clone"), doc="what Python packages it needs")
    install_script: str | None = option(
        None, convert=_inside("the clone"), doc="a script that lists packages of the system; it is not run"
    )
    enable_node_updates: bool = option(False, doc="run npm ci when package-lock.json changes")
    pinned_commit: str | None = option(None, convert=_commit, doc="go no further than this commit")
    verify_signature: bool = option(False, doc="take only commits whose signature git knows and trusts")


@frozen(kw_only=True, slots=False)
class PythonConfig(_ServiceConfig):
    """C{type: python}: an application in a Python environment."""

    channel: Channel = option("stable", doc="whether releases for tests are wanted")
    virtualenv: Path = option(doc="its Python environment")
    project_name: str | None = option(None, doc="its name in the package index, with extras")
    primary_branch: str | None = option(None, doc="kept for old configurations")
    known_hashes: Path | None = option(
        None,
        doc="a file with the SHA-256 of all that may be installed: requirements with --hash",
    )


@frozen(kw_only=True)
class UnitConfig:
    """What the composition root says of itself.

    @ivar name: as clients see it; also the name of the wheel that holds it.
    @ivar module: the module that is its program; of the same name unless it is given.
    @ivar version: what runs now.
    @ivar url: address of the channel's document; empty if there is none.
    @ivar public_key: the Ed25519 key of those who release it, base64.
    @ivar prefix: folder with C{versions} and C{current}; None if it was installed in another way.
    @ivar restart: ends the process so that it is started anew from C{current}.
    """

    name: str
    version: str
    module: str = ""
    url: str = ""
    public_key: str = ""
    channel: str = "stable"
    prefix: Path | None = None
    restart: Callable[[], None] = lambda: None


section("update_manager", UpdateConfig)
section(
    "update_manager",
    SoftwareConfig,
    named=True,
    by="type",
    kinds={
        "web": WebConfig,
        "zip": ZipConfig,
        "executable": ExecutableConfig,
        "git_repo": GitConfig,
        "python": PythonConfig,
        "": OverrideConfig,
    },
)
