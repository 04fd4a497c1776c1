"""Clones of local repositories: updated, rolled back, recovered, and never left in between."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from brokerd.programs import ProgramFailed
from brokerd.sections import Sections
from brokerd.updates.config import GitConfig, SoftwareConfig, UpdateConfig
from brokerd.updates.repository import Repository, newest_tag, short_version

from ..harness import BrokerTestCase

IDENTITY = {
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@x",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@x",
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
}  # fmt: skip


def git(path: Path, *words: str) -> str:
    environment = {**os.environ, **IDENTITY}
    done = subprocess.run(
        ["git", "-C", path, *words], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(path: Path, text: str, tag: str = "") -> str:
    (path / "file").write_text(text)
    git(path, "add", ".")
    git(path, "commit", "-q", "-m", f"{text}\n\nAbout {text}.")
    if tag:
        git(path, "tag", tag)
    return git(path, "rev-parse", "HEAD")


class VersionTests(SynchronousTestCase):
    """Tags and descriptions."""

    def test_newest_tag(self) -> None:
        tags = ["v0.9.0", "v0.10.0", "v0.10.1-beta.2", "v0.10.1-beta.10", "nightly", "v0.2"]
        self.assertEqual(newest_tag(tags, False), "v0.10.0")
        self.assertEqual(newest_tag(tags, True), "v0.10.1-beta.10")
        self.assertIsNone(newest_tag(["x"], True))

    def test_descriptions(self) -> None:
        for described, version in (
            ("v1.2.0-7-g1234567-dirty", "v1.2.0-7"),
            ("v1.2.0-0-g1234567", "v1.2.0"),
            ("1234567", "1234567"),
        ):
            self.assertEqual(short_version(described), version)


class GitTestCase(BrokerTestCase):
    """A broker with one clone."""

    options: dict[str, Any] = {}

    def settings(self, **changes: Any) -> Any:
        self.origin, self.path = self.data / "origin", self.data / "software" / "thing"
        self.path.parent.mkdir()
        self.origin.mkdir()
        git(self.origin, "init", "-q", "-b", "main")
        self.first = commit(self.origin, "one", "v1.0.0")
        git(self.data, "clone", "-q", str(self.origin), str(self.path))
        config = GitConfig(
            path=self.path,
            origin=str(self.origin),
            primary_branch="main",
            is_system_service=False,
            **self.options,
        )
        general = UpdateConfig(enable_system_updates=False)
        sections = Sections.of(general, named={SoftwareConfig: {"thing": config}})
        return super().settings(sections=sections, **changes)

    async def ask(self, method: str, **params: Any) -> Any:
        await self.until(self.is_ready)
        answer = await self.rpc(f"machine.update.{method}", **params)
        return answer["result"] if "result" in answer else answer["error"]

    def is_ready(self) -> bool:
        assert self.broker.parts is not None
        return self.broker.parts.commons.updates.ready

    async def status(self, refresh: bool = True) -> Any:
        if refresh:
            await self.ask("refresh", name="thing")
        return (await self.ask("status"))["version_info"]["thing"]

    @property
    def text(self) -> str:
        return (self.path / "file").read_text()


class GitTests(GitTestCase):
    """The channel of the branch."""

    async def test_status(self) -> None:
        second = commit(self.origin, "two")
        found = await self.status()
        self.assertEqual(
            [
                found[name]
                for name in ("version", "remote_version", "is_valid", "pristine", "branch", "detached")
            ],
            ["v1.0.0", "v1.0.0-1", True, True, "main", False],
        )
        self.assertEqual((found["current_hash"], found["remote_hash"]), (self.first, second))
        (entry,) = found["commits_behind"]
        self.assertEqual((entry["sha"], entry["subject"], entry["message"]), (second, "two", "About two."))
        self.assertEqual((found["warnings"], found["anomalies"], found["repo_name"]), ([], [], "origin"))

    async def test_update_and_rollback(self) -> None:
        commit(self.origin, "two", "v1.1.0")
        (self.path / "untracked").write_text("mine")
        self.assertEqual(await self.ask("upgrade", name="thing"), "ok")
        self.assertEqual(self.text, "two")
        found = await self.status(refresh=False)
        self.assertEqual(
            (found["version"], found["rollback_version"], found["pristine"]), ("v1.1.0", "v1.0.0", False)
        )
        self.assertEqual(await self.ask("rollback", name="thing"), "ok")
        self.assertEqual((self.text, (self.path / "untracked").read_text()), ("one", "mine"))
        self.assertEqual((await self.status())["branch"], "main")

    async def test_changed_files_are_not_overwritten(self) -> None:
        commit(self.origin, "two")
        (self.path / "file").write_text("mine")
        found = await self.status()
        self.assertEqual((found["is_dirty"], found["is_valid"]), (True, False))
        self.assertIn("were changed", (await self.ask("upgrade", name="thing"))["message"])
        self.assertEqual(self.text, "mine")
        self.assertEqual(await self.ask("recover", name="thing"), "ok")
        self.assertEqual(self.text, "one")
        self.assertTrue((await self.status())["is_valid"])

    async def test_untracked_file_in_the_way(self) -> None:
        (self.origin / "extra").write_text("theirs")
        commit(self.origin, "two")
        (self.path / "extra").write_text("mine")
        error = await self.ask("upgrade", name="thing")
        self.assertIn("extra", error["message"])
        self.assertEqual((self.text, (self.path / "extra").read_text()), ("one", "mine"))
        self.assertEqual(git(self.path, "rev-parse", "HEAD"), self.first)

    async def test_failure_in_between(self) -> None:
        (self.origin / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = /nonexistent\n')
        entry = f"160000,{self.first},x"
        git(self.origin, "update-index", "--add", "--cacheinfo", entry)
        (self.origin / "file").write_text("two")
        git(self.origin, "add", ".gitmodules", "file")
        git(self.origin, "commit", "-q", "-m", "two")
        self.assertIn("nonexistent", (await self.ask("upgrade", name="thing"))["message"])
        self.assertEqual((self.text, git(self.path, "rev-parse", "HEAD")), ("one", self.first))
        self.assertTrue((await self.status())["is_valid"])

    async def test_stopped_in_between(self) -> None:
        commit(self.origin, "two")
        await self.ask("refresh", name="thing")
        git_itself, half_way = Repository.git, Deferred[None]()

        async def stuck(repository: Repository, *words: str, **options: Any) -> str:
            if words[:2] == ("reset", "--keep"):
                (repository.path / "file").write_text("half")
                half_way.callback(None)
                await Deferred()
            if words[:2] == ("reset", "--hard") and not self.broker.running:
                raise ProgramFailed("git was broken off")
            return await git_itself(repository, *words, **options)

        self.patch(Repository, "git", stuck)
        connection = await self.open_raw()
        connection.transport.write(b"POST /machine/update/upgrade?name=thing HTTP/1.1\r\nHost: x\r\n\r\n")
        await half_way
        await self.broker.stopService()
        self.assertEqual(self.text, "half")
        self.broker.startService()
        await self.until(self.is_ready)
        self.assertEqual((self.text, (await self.status())["is_valid"]), ("one", True))

    async def test_power_failure_in_between(self) -> None:
        commit(self.origin, "two")
        await self.ask("refresh", name="thing")
        await self.rpc(
            "debug.database.post_item",
            namespace="update_manager",
            key="thing",
            value={"under_way": self.first},
        )
        await self.broker.stopService()
        (self.path / "file").write_text("half")
        (self.path / ".git" / "index.lock").write_text("")
        self.broker.startService()
        await self.until(self.is_ready)
        self.assertEqual(self.text, "one")
        self.assertTrue((await self.status())["is_valid"])

    async def test_damaged_clone(self) -> None:
        commit(self.origin, "two")
        for folder in (self.path / ".git" / "objects").iterdir():
            shutil.rmtree(folder)
        (self.path / ".git" / "objects").mkdir(exist_ok=True)
        found = await self.status(refresh=False)
        await self.ask("refresh", name="thing")
        found = await self.status(refresh=False)
        self.assertFalse(found["is_valid"])
        self.assertTrue(found["corrupt"])
        self.assertEqual(await self.ask("recover", name="thing", hard=True), "ok")
        found = await self.status()
        self.assertEqual((self.text, found["is_valid"], found["corrupt"]), ("two", True, False))

    async def test_no_clone_at_all(self) -> None:
        shutil.rmtree(self.path)
        await self.ask("refresh")
        found = await self.status(refresh=False)
        self.assertEqual((found["repo_detected"], found["is_valid"]), (False, False))
        self.assertEqual(await self.ask("recover", name="thing", hard=True), "ok")
        self.assertEqual(self.text, "one")

    async def test_origin_that_is_gone(self) -> None:
        shutil.rmtree(self.origin)
        error = await self.ask("refresh", name="thing")
        self.assertEqual(error["code"], 502)
        self.assertIn(error["message"], (await self.status(refresh=False))["anomalies"])


class StableTests(GitTestCase):
    """The channel of releases."""

    options = {"channel": "stable"}

    async def test_only_releases(self) -> None:
        commit(self.origin, "two", "v1.1.0")
        commit(self.origin, "three", "v1.2.0-beta.1")
        self.assertEqual((await self.status())["remote_version"], "v1.1.0")
        await self.ask("upgrade", name="thing")
        self.assertEqual(self.text, "two")
        self.assertEqual((await self.status())["remote_version"], "v1.1.0")


class SignedTests(GitTestCase):
    """Commits that must be signed."""

    options = {"verify_signature": True}

    async def test_unsigned(self) -> None:
        commit(self.origin, "two")
        error = await self.ask("upgrade", name="thing")
        self.assertIn("git ended with", error["message"])
        self.assertEqual(self.text, "one")
        # Nor by way of a clone that is made anew.
        (self.path / "file").write_text("changed")
        error = await self.ask("recover", name="thing", hard=True)
        self.assertIn("git ended with", error["message"])
        self.assertEqual(self.text, "changed")

    async def test_signed(self) -> None:
        if shutil.which("ssh-keygen") is None:
            raise SkipTest("there is no ssh-keygen here")
        key = self.data.absolute() / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        signers, trust = key.with_name("signers"), key.with_name("gitconfig")
        signers.write_text(f"a@x {key.with_name('key.pub').read_text()}")
        trust.write_text(f'[gpg]\nformat = ssh\n[gpg "ssh"]\nallowedSignersFile = {signers}\n')
        for name, value in (("gpg.format", "ssh"), ("user.signingkey", str(key)), ("commit.gpgsign", "true")):
            git(self.origin, "config", name, value)
        commit(self.origin, "two")
        self.assertIn("git ended with", (await self.ask("upgrade", name="thing"))["message"])
        self.patch(os, "environ", {**os.environ, "GIT_CONFIG_GLOBAL": str(trust)})
        self.assertEqual(await self.ask("upgrade", name="thing"), "ok")
        self.assertEqual(self.text, "two")
        (self.path / "file").write_text("changed")
        self.assertEqual(await self.ask("recover", name="thing", hard=True), "ok")
        self.assertEqual(self.text, "two")
