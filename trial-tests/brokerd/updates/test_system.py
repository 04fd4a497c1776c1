"""Packages of the system and what software needs, with programs that are scripts of the test."""

import json
import os
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from brokerd.machine.sudo import Sudo
from brokerd.notifications import Broadcaster
from brokerd.programs import Programs
from brokerd.sections import Sections
from brokerd.threads import WorkerThreads
from brokerd.updates import dependencies
from brokerd.updates.config import GitConfig, UpdateConfig, ZipConfig
from brokerd.updates.dependencies import Dependencies
from brokerd.updates.system import SystemPackages
from brokerd.updates.updater import UpdateFailed

from ..harness import BrokerTestCase

APT = """echo "apt $@" >> $LOG
case "$1" in list) echo "Listing..."; echo "curl/stable 2 amd64 [upgradable from: 1]";; esac
"""


class Scripts:
    """A folder of programs at the front of the path."""

    def __init__(self, case: Any, folder: Path) -> None:
        self.folder, self.log = folder, folder / "asked"
        folder.mkdir()
        self.log.write_text("")
        path = f"{folder}:{os.environ['PATH']}"
        case.patch(os, "environ", {**os.environ, "PATH": path, "LOG": str(self.log)})
        case.patch(os, "geteuid", lambda: 0)
        self.write("apt", APT)
        self.write("apt-get", 'echo "apt-get $@" >> $LOG; echo working\n')
        self.write("dpkg", 'echo "dpkg $@" >> $LOG\n')

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)
        return path

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().splitlines()


class SystemTests(BrokerTestCase):
    """machine.update.system"""

    def settings(self, **changes: Any) -> Any:
        self.scripts = Scripts(self, (self.data / "bin").absolute())
        return super().settings(sections=Sections.of(UpdateConfig()), **changes)

    async def ask(self, method: str, **params: Any) -> Any:
        answer = await self.rpc(f"machine.update.{method}", **params)
        while answer.get("error", {}).get("code") == 503:
            await self.until(lambda: True)
            answer = await self.rpc(f"machine.update.{method}", **params)
        return answer["result"] if "result" in answer else answer["error"]

    async def test_update(self) -> None:
        await self.ask("refresh")
        found = (await self.ask("status"))["version_info"]["system"]
        self.assertEqual(
            found,
            {"name": "system", "configured_type": "system", "package_count": 1, "package_list": ["curl"]},
        )
        client = await self.socket()
        self.assertEqual(await self.ask("system"), "ok")
        asked = " / ".join(self.scripts.asked)
        self.assertRegex(asked, "dpkg --configure -a / apt-get update / apt-get upgrade --yes")
        said = [
            e["params"][0]["message"] for e in client.notifications if e["method"] == "notify_update_response"
        ]
        self.assertIn("working", said)
        self.assertIn("can't be taken back", (await self.ask("rollback", name="system"))["message"])
        self.assertEqual(await self.ask("recover", name="system"), "ok")
        self.assertIn("--fix-broken", self.scripts.asked[-1])

    async def test_failure(self) -> None:
        self.scripts.write("apt-get", "echo 'E: Could not get lock' >&2; exit 100\n")
        self.assertIn("Could not get lock", (await self.ask("system"))["message"])


class DependencyTests(TestCase):
    """What a new version needs."""

    timeout = 20

    def setUp(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.scripts = Scripts(self, folder / "bin")
        self.old, self.new = folder / "old", folder / "new"
        self.old.mkdir()
        self.new.mkdir()
        programs, threads = Programs(reactor), WorkerThreads(reactor, "test", 1)
        threads.startService()
        self.addCleanup(threads.stopService)
        system = SystemPackages(programs, Sudo(programs, Broadcaster()))
        self.dependencies = Dependencies(programs, threads, system)
        self.patch(dependencies, "_families", lambda: ("raspbian", "debian"))

    async def prepare(self, config: Any) -> None:
        await self.dependencies.prepare(config, "thing", self.old, self.new, lambda text: None)

    async def test_packages_that_are_new(self) -> None:
        (self.old / "deps.json").write_text(json.dumps({"debian": ["curl"]}))
        (self.new / "deps.json").write_text(
            json.dumps({"debian": ["curl", "libx1 ; distro_version >= '11'", "--bad", "a b"], "arch": ["y"]})
        )
        config = ZipConfig(repo="a/b", path=self.old, system_dependencies="deps.json")
        await self.prepare(config)
        (asked,) = self.scripts.asked
        self.assertTrue(asked.endswith("-- libx1"), asked)
        await self.dependencies.prepare(config, "thing", self.new, self.new, lambda text: None)
        self.assertEqual(len(self.scripts.asked), 1)

    async def test_packages_of_a_script(self) -> None:
        (self.new / "install.sh").write_text('PKGLIST="git make"\nPKGLIST="${PKGLIST} vim"\nrm -rf /\n')
        await self.prepare(GitConfig(path=self.old, origin="x", install_script="install.sh"))
        self.assertTrue(self.scripts.asked[0].endswith("-- git make vim"))

    async def test_python_and_node(self) -> None:
        env = self.new.parent / "env"
        (env / "bin").mkdir(parents=True)
        (env / "bin" / "python").symlink_to(self.scripts.write("python", 'echo "python $@" >> $LOG\n'))
        self.scripts.write("npm", 'echo "npm $@ in $(pwd)" >> $LOG\n')
        config = ZipConfig(
            repo="a/b", path=self.old, virtualenv=env, requirements="req.txt", enable_node_updates=True
        )
        await self.prepare(config)
        self.assertEqual(self.scripts.asked, [])
        for name in ("req.txt", "package-lock.json"):
            (self.new / name).write_text("new")
        await self.prepare(config)
        self.assertEqual(
            self.scripts.asked,
            [
                f"python -m pip install --disable-pip-version-check -r {self.new}/req.txt",
                f"npm ci --omit=dev in {self.new}",
            ],
        )
        self.scripts.write("npm", "exit 1\n")
        with self.assertRaises(UpdateFailed):
            await self.prepare(config)
