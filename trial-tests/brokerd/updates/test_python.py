"""Applications in a Python environment, from wheels in a folder."""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from attrs import evolve

from brokerd.programs import ProgramFailed
from brokerd.sections import Sections
from brokerd.updates.config import PythonConfig, SoftwareConfig, UpdateConfig
from brokerd.updates.python import PythonUpdater

from ..harness import BrokerTestCase


def wheel(folder: Path, name: str, version: str, files: dict[str, str], needs: tuple[str, ...] = ()) -> Path:
    """Write a wheel."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {each}\n" for each in needs)
    metadata += "Project-URL: Repository, https://github.com/me/thing\n"
    content = {
        **files,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    content[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in content.items():
            archive.writestr(each, text)
    return path


class PythonTests(BrokerTestCase):
    """type: python"""

    timeout = 90

    def settings(self, **changes: Any) -> Any:
        self.wheels = (self.data / "wheels").absolute()
        environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        self.patch(os, "environ", {**environment, "PIP_CONFIG_FILE": "/dev/null"})
        wheel(self.wheels, "thing", "1.0", {"thing.py": "one = 1\n"})
        self.env = self.data / "env"
        base = getattr(sys, "_base_executable", sys.executable)
        words = [base, "-m", "venv", "--without-pip", "--system-site-packages", str(self.env)]
        subprocess.run(words, check=True, env={**os.environ})
        pip = [
            self.env / "bin" / "python",
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "thing",
        ]
        subprocess.run(pip, check=True, env={**os.environ})
        config = PythonConfig(virtualenv=self.env, is_system_service=False)
        sections = Sections.of(
            UpdateConfig(enable_system_updates=False), named={SoftwareConfig: {"thing": config}}
        )
        return super().settings(sections=sections, **changes)

    async def ask(self, method: str, **params: Any) -> Any:
        await self.until(lambda: self.parts.commons.updates.ready)
        answer = await self.rpc(f"machine.update.{method}", **params)
        return answer["result"] if "result" in answer else answer["error"]

    async def status(self) -> Any:
        return (await self.ask("status"))["version_info"]["thing"]

    async def test_update_rollback_and_a_release_that_breaks(self) -> None:
        wheel(self.wheels, "thing", "2.0", {"thing.py": "two = 2\n"})
        await self.ask("refresh", name="thing")
        found = await self.status()
        self.assertEqual((found["version"], found["remote_version"]), ("1.0", "2.0"))
        self.assertEqual((found["owner"], found["repo_name"], found["is_valid"]), ("me", "thing", True))
        # Hashes that somebody else vouches for.
        updater = self.parts.commons.updates._updaters["thing"]
        assert isinstance(updater, PythonUpdater)
        known = self.data / "requirements.txt"
        updater._config = evolve(updater._config, known_hashes=known)
        known.write_text("thing==2.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
        refused = await self.ask("upgrade", name="thing")
        self.assertIn("does not have the SHA-256 of thing 2.0", refused["message"])
        self.assertEqual((await self.status())["version"], "1.0")
        hashes = [hashlib.sha256(each.read_bytes()).hexdigest() for each in self.wheels.iterdir()]
        known.write_text("".join(f"thing --hash=sha256:{each}\n" for each in hashes))
        self.assertEqual(await self.ask("upgrade", name="thing"), "ok")
        found = await self.status()
        self.assertEqual((found["version"], found["rollback_version"]), ("2.0", "1.0"))
        self.assertEqual(await self.ask("rollback", name="thing"), "ok")
        self.assertEqual((await self.status())["version"], "1.0")
        # One that breaks half way: what was there before is there again.
        install = PythonUpdater._install

        async def break_down(updater: Any, wanted: Any, say: Any) -> None:
            await install(updater, wanted, say)
            self.assertEqual((self.env / "bin" / "python").exists(), True)
            raise ProgramFailed("the disk is full")

        self.patch(PythonUpdater, "_install", break_down)
        self.assertIn("the disk is full", (await self.ask("upgrade", name="thing"))["message"])
        self.assertEqual((await self.status())["version"], "1.0")
        (module,) = self.env.glob("lib/python*/site-packages/thing.py")
        self.assertEqual(module.read_text(), "one = 1\n")
