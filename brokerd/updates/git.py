"""Software that is a clone of a git repository."""

import shutil
from pathlib import Path
from typing import Any

from attrs import asdict, define, field
from twisted.logger import Logger

from brokerd.programs import ProgramFailed, Programs
from brokerd.threads import WorkerThreads
from brokerd.updates.config import GitConfig
from brokerd.updates.dependencies import Dependencies
from brokerd.updates.journal import Journal
from brokerd.updates.repository import Commit, Repository, State, newest_tag, short_version
from brokerd.updates.swap import exchange, mend
from brokerd.updates.updater import RestartServices, Say, UpdateFailed

__all__ = ["GitUpdater"]

log = Logger()


def _same_address(one: str, other: str) -> bool:
    return one.rstrip("/").removesuffix(".git").lower() == other.rstrip("/").removesuffix(".git").lower()


@define(eq=False, repr=False)
class GitUpdater:
    """One clone. The journal holds C{under_way} (the commit to go back to after a power failure) and
    C{rollback} (the commit before the last update)."""

    name: str
    _config: GitConfig
    _programs: Programs
    _threads: WorkerThreads
    _dependencies: Dependencies
    _journal: Journal
    _restart: RestartServices
    _repository: Repository = field(init=False)
    _state: State = field(init=False, factory=State)
    _valid: bool = field(init=False, default=False)
    _remote_hash: str = field(init=False, default="?")
    _remote_version: str = field(init=False, default="?")
    _rollback_version: str = field(init=False, default="?")
    _commits: list[Commit] = field(init=False, factory=list)
    _warnings: list[str] = field(init=False, factory=list)
    _anomalies: list[str] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._repository = Repository(self._programs, self._config.path)

    @property
    def interval(self) -> int | None:
        return self._config.refresh_interval

    async def begin(self) -> None:
        """See L{Updater.begin}."""
        record = await self._journal.read(self.name)
        await self._threads.run(mend, self._config.path)
        under_way = record.get("under_way")
        if under_way:
            log.warn(
                "{name}: the last update was cut short; going back to {commit}",
                name=self.name,
                commit=under_way,
            )
            await self._threads.run((self._config.path / ".git" / "index.lock").unlink, True)
            try:
                await self._repository.git("reset", "--hard", under_way)
                await self._journal.note(self.name, under_way=None)
            except ProgramFailed as error:
                log.error("{name}: {error}", name=self.name, error=str(error))
        self._rollback_version = record.get("rollback_version") or "?"
        await self._look()

    async def _look(self) -> None:
        """Find out how the clone is."""
        config = self._config
        self._warnings, self._anomalies = [], []
        try:
            self._state = await self._repository.state()
        except ProgramFailed as error:
            self._valid = False
            self._warnings.append(f"{config.path}: {error}")
            return
        state = self._state
        if not _same_address(state.remote_url, config.origin):
            self._anomalies.append(f"the clone is of {state.remote_url}, not of {config.origin}")
        if state.detached:
            self._warnings.append("the clone is on no branch (detached HEAD)")
        elif state.branch != config.primary_branch:
            self._anomalies.append(f"the clone is on the branch {state.branch}, not {config.primary_branch}")
        if state.dirty:
            self._warnings.append("files of the clone were changed: recover it, or commit them elsewhere")
        self._valid = not self._warnings

    async def refresh(self) -> None:
        """See L{Updater.refresh}."""
        await self._look()
        if self._state.head == "?":
            return
        try:
            remote = self._state.remote
            await self._repository.git("fetch", "--prune", "--tags", "--force", "--quiet", remote)
            target = await self._target()
            self._remote_hash = await self._repository.git("rev-parse", "--verify", f"{target}^{{commit}}")
            described = await self._repository.git(
                "describe", "--tags", "--always", "--long", self._remote_hash
            )
            self._remote_version = short_version(described)
            self._commits = await self._repository.commits(self._state.head, self._remote_hash)
        except ProgramFailed as error:
            raise UpdateFailed(f"{self.name}: {error}") from None

    async def _target(self) -> str:
        """Where the channel is now.

        @raise ProgramFailed: if it has nothing.
        """
        config, state = self._config, self._state
        if config.pinned_commit is not None:
            return config.pinned_commit
        branch = f"{state.remote}/{config.primary_branch if state.detached else state.branch}"
        if config.channel == "dev":
            return branch
        tags = (await self._repository.git("tag", "--merged", branch)).splitlines()
        tag = newest_tag(tags, config.channel == "beta")
        if tag is None:
            raise ProgramFailed(f"the branch {branch} has no release for the channel {config.channel}")
        return f"refs/tags/{tag}"

    @property
    def behind(self) -> bool:
        """See L{Updater.behind}."""
        return self._valid and self._remote_hash not in ("?", self._state.head)

    def status(self) -> dict[str, Any]:
        """See L{Updater.status}."""
        state, config = self._state, self._config
        owner, _, project = config.origin.removesuffix(".git").replace(":", "/").rpartition("/")
        return {
            "name": self.name,
            "configured_type": "git_repo",
            "detected_type": "git_repo",
            "channel": config.channel,
            "channel_invalid": False,
            "debug_enabled": False,
            "is_valid": self._valid,
            "corrupt": self._repository.damaged,
            "info_tags": list(config.info_tags),
            "remote_alias": state.remote,
            "branch": state.branch,
            "owner": owner.rpartition("/")[2] or "?",
            "repo_name": project or "?",
            "version": state.version,
            "remote_version": self._remote_version,
            "rollback_version": self._rollback_version,
            "current_hash": state.head,
            "remote_hash": self._remote_hash,
            "repo_detected": state.head != "?",
            "is_dirty": state.dirty,
            "detached": state.detached,
            "commits_behind": [asdict(each) for each in self._commits],
            "commits_behind_count": len(self._commits),
            "git_messages": list(self._repository.messages),
            "full_version_string": state.described,
            "pristine": not state.dirty and not state.untracked,
            "recovery_url": config.origin,
            "remote_url": state.remote_url,
            "warnings": list(self._warnings),
            "anomalies": list(self._anomalies) if config.report_anomalies else [],
        }

    async def update(self, say: Say) -> None:
        """See L{Updater.update}."""
        await self.refresh()
        if self._warnings:
            raise UpdateFailed(f"{self.name}: {self._warnings[0]}")
        if not self.behind:
            say(f"{self._state.version} is the newest already")
            return
        old, new, old_version = self._state.head, self._remote_hash, self._state.version
        try:
            await self._check(new, say)
            await self._prepare(new, say)
            await self._go_to(old, new, say)
        except ProgramFailed as error:
            raise UpdateFailed(f"{self.name}: {error}") from None
        await self._journal.note(self.name, rollback=old, rollback_version=old_version)
        self._rollback_version = old_version
        await self._finish(say)

    async def _finish(self, say: Say) -> None:
        await self._look()
        self._commits = await self._repository.commits(self._state.head, self._remote_hash)
        say(f"{self.name} {self._state.version} is installed")
        await self._restart(self._config.services(self.name))

    async def _check(self, new: str, say: Say) -> None:
        """See that all of a commit has arrived, and is whose it should be."""
        await self._repository.git("rev-list", "--objects", "--quiet", f"HEAD..{new}")
        await self._check_signature(self._repository, new, say)

    async def _check_signature(self, repository: Repository, commit: str, say: Say) -> None:
        if self._config.verify_signature:
            say(f"Checking the signature of {commit[:12]}")
            await repository.git("verify-commit", commit)

    async def _prepare(self, new: str, say: Say) -> None:
        """Check the new commit out aside, and install what it needs."""
        aside = self._config.path.with_name(f".{self._config.path.name}.worktree")
        await self._threads.run(shutil.rmtree, aside, True)
        try:
            await self._repository.git("worktree", "add", "--detach", "--force", str(aside), new)
            await self._dependencies.prepare(
                self._config, self.name, self._config.path, aside, say, node=False
            )
        finally:
            await self._threads.run(shutil.rmtree, aside, True)
            await self._repository.ask("worktree", "prune")

    async def _go_to(self, old: str, new: str, say: Say) -> None:
        """Move the branch and its files; back to where they were if that fails.

        If even that fails, or the power does, the journal still says where to go back to at the next start.
        """
        await self._journal.note(self.name, under_way=old)
        lock = await self._dependencies.node_lock(self._config.path)
        try:
            await self._repository.git("reset", "--keep", new, line=say)
            if (self._config.path / ".gitmodules").exists():
                await self._repository.git("submodule", "update", "--init", "--recursive", line=say)
            await self._dependencies.install_node(self._config, lock, self._config.path, say)
        except BaseException:
            await self._repository.git("reset", "--hard", old)
            await self._journal.note(self.name, under_way=None)
            raise
        await self._journal.note(self.name, under_way=None)

    async def rollback(self, say: Say) -> None:
        """See L{Updater.rollback}."""
        record = await self._journal.read(self.name)
        target = record.get("rollback")
        await self._look()
        if not target or target == self._state.head:
            raise UpdateFailed(f"{self.name}: there was no update to go back from")
        if self._state.dirty:
            raise UpdateFailed(f"{self.name}: {self._warnings[0]}")
        try:
            await self._prepare(target, say)
            await self._go_to(self._state.head, target, say)
        except ProgramFailed as error:
            raise UpdateFailed(f"{self.name}: {error}") from None
        await self._finish(say)

    async def recover(self, hard: bool, say: Say) -> None:
        """See L{Updater.recover}."""
        try:
            await (self._clone_again(say) if hard else self._reset(say))
        except (ProgramFailed, OSError) as error:
            raise UpdateFailed(f"{self.name}: {error}") from None
        await self.refresh()
        await self._restart(self._config.services(self.name))

    async def _reset(self, say: Say) -> None:
        """Forget changes to files that git knows."""
        branch = self._config.primary_branch
        await self._threads.run((self._config.path / ".git" / "index.lock").unlink, True)
        await self._repository.git("reset", "--hard", "HEAD", line=say)
        if self._state.detached:
            await self._check_signature(self._repository, f"origin/{branch}", say)
            await self._repository.git("checkout", "-B", branch, f"origin/{branch}", line=say)

    async def _clone_again(self, say: Say) -> None:
        """A fresh clone in the place of the old one; files that git does not know are lost."""
        path, config = self._config.path, self._config
        fresh: Path = path.with_name(f".{path.name}.new")
        await self._threads.run(shutil.rmtree, fresh, True)
        try:
            words = ("git", "clone", "--branch", config.primary_branch, "--", config.origin, str(fresh))
            say(f"Cloning {config.origin}")
            (await self._programs.run(*words, timeout=3600.0, line=say)).check()
            await self._check_signature(Repository(self._programs, fresh), "HEAD", say)
            if path.exists():
                await self._threads.run(exchange, fresh, path)
            else:
                await self._threads.run(fresh.rename, path)
        finally:
            await self._threads.run(shutil.rmtree, fresh, True)
