"""What git knows of a clone. Only questions; L{brokerd.updates.git} changes things."""

import re
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from brokerd.programs import ProgramFailed, Programs

__all__ = ["Commit", "Repository", "State"]

_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_ASKPASS": "true"}
_PATIENCE = 900.0  # seconds
_FORMAT = "%H%x1f%an%x1f%ct%x1f%s%x1f%b%x1f%D%x1e"
_MOST_COMMITS = 30
_DESCRIBED = re.compile(r"(?P<tag>.+?)-(?P<count>\d+)-g(?P<hash>[0-9a-f]+)(?P<dirty>-dirty)?$")
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:-?(?P<stage>alpha|beta|rc)[.-]?(\d+)?)?$")
_DAMAGE = ("corrupt", "bad object", "is empty", "object file", "unable to read", "not a tree", "missing blob")


@frozen
class Commit:
    """One commit, as clients list it."""

    sha: str
    author: str
    date: str
    subject: str
    message: str
    tag: str | None


@frozen
class State:
    """A clone as it is.

    @ivar version: short form of its description, such as v1.2.0-7.
    @ivar untracked: whether files lie in it that git does not know.
    """

    head: str = "?"
    branch: str = "?"
    detached: bool = False
    described: str = "?"
    version: str = "?"
    dirty: bool = False
    untracked: bool = False
    remote: str = "?"
    remote_url: str = "?"


def short_version(described: str) -> str:
    """C{v1.2.0-7} of C{v1.2.0-7-g1234567-dirty}; C{v1.2.0} of a tagged commit."""
    match = _DESCRIBED.match(described)
    if match is None:
        return described.removesuffix("-dirty")
    return match["tag"] if match["count"] == "0" else f"{match['tag']}-{match['count']}"


def newest_tag(tags: list[str], with_prereleases: bool) -> str | None:
    """The tag of the highest version."""
    found = []
    for tag in tags:
        match = _VERSION.match(tag)
        if match is None or (match["stage"] and not with_prereleases):
            continue
        stage = {"alpha": 0, "beta": 1, "rc": 2, None: 3}[match["stage"]]
        found.append(((int(match[1]), int(match[2]), int(match[3] or 0), stage, int(match[5] or 0)), tag))
    return max(found)[1] if found else None


@define(eq=False, repr=False)
class Repository:
    """A clone at a path.

    @ivar messages: what git said when it last failed.
    @ivar damaged: whether that spoke of a damaged clone.
    """

    _programs: Programs
    path: Path
    messages: list[str] = field(init=False, factory=list)
    damaged: bool = field(init=False, default=False)

    async def git(self, *words: str, timeout: float = _PATIENCE, line: Any = None) -> str:
        """Run git in the clone.

        @raise ProgramFailed: if it fails.
        """
        arguments = ("git", "-C", str(self.path), *words)
        ended = await self._programs.run(*arguments, env=_ENVIRONMENT, timeout=timeout, line=line)
        if ended.code != 0:
            self.messages = (ended.errors or ended.output).strip().splitlines()[-20:]
            self.damaged = self.damaged or any(word in ended.errors for word in _DAMAGE)
        return ended.check().strip()

    async def ask(self, *words: str) -> str:
        """As L{git}, but nothing where git fails."""
        try:
            return await self.git(*words)
        except ProgramFailed:
            return ""

    async def state(self) -> State:
        """The clone as it is.

        @raise ProgramFailed: if it is none, or is damaged.
        """
        self.messages, self.damaged = [], False
        head = await self.git("rev-parse", "--verify", "HEAD")
        top = await self.git("rev-parse", "--show-toplevel")
        if Path(top) != self.path.resolve():
            raise ProgramFailed(f"{self.path} is a part of the repository {top}")
        status = (await self.git("status", "--porcelain", "--untracked-files=normal")).splitlines()
        probe = self.messages
        branch = await self.ask("symbolic-ref", "--quiet", "--short", "HEAD")
        remote = await self.ask("config", f"branch.{branch}.remote") if branch else ""
        self.messages = probe
        described = await self.git("describe", "--tags", "--always", "--long", "--dirty")
        return State(
            head=head,
            branch=branch or "HEAD",
            detached=not branch,
            described=described,
            version=short_version(described),
            dirty=any(not line.startswith("??") for line in status),
            untracked=any(line.startswith("??") for line in status),
            remote=remote or "origin",
            remote_url=await self.ask("remote", "get-url", remote or "origin"),
        )

    async def commits(self, old: str, new: str) -> list[Commit]:
        """What C{new} has and C{old} has not, newest first."""
        listed = await self.git("log", f"--format={_FORMAT}", f"-{_MOST_COMMITS}", f"{old}..{new}")
        found = []
        for record in listed.split("\x1e"):
            if record.strip():
                sha, author, date, subject, body, names = record.strip("\n").split("\x1f")
                tags = [each.strip().removeprefix("tag: ") for each in names.split(",") if "tag: " in each]
                found.append(Commit(sha, author, date, subject, body.strip(), tags[0] if tags else None))
        return found
