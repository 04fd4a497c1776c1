"""The appliance as one unit: a signed list, hashes, a version beside the old one, one rename."""

import base64
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from attrs import evolve
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.internet import reactor
from twisted.internet.utils import getProcessOutput
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from brokerd.updates.config import UnitConfig
from brokerd.updates.unit import check_signature, newer
from brokerd.updates.updater import UpdateFailed

from ..harness import BrokerTestCase
from .test_python import wheel

MAIN = """import sys
def main():
    print('theunit', {0!r}) if '--version' in sys.argv else sys.exit(1)
main() if __name__ == '__main__' else None
"""
UNITS = Path(__file__).parents[3] / "config" / "systemd"


class OrderTests(SynchronousTestCase):
    """Which version comes after which."""

    def test_order(self) -> None:
        ordered = ["0.9", "0.10", "v1.0a1", "1.0rc1", "1.0", "1.0.1", "2.0"]
        for earlier, later in pairwise(ordered):
            self.assertTrue(newer(later, earlier), (earlier, later))
            self.assertFalse(newer(earlier, later), (earlier, later))
        self.assertFalse(newer("1.0", "1.0"))


class Channel(Resource):
    """Serves the list and the wheels."""

    isLeaf = True

    def __init__(self, folder: Path, key: Ed25519PrivateKey) -> None:
        super().__init__()
        self.folder, self.key = folder, key
        self.releases: list[dict[str, Any]] = []
        self.port = reactor.listenTCP(0, Site(self), interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port.getHost().port}"

    def release(self, version: str, path: Path, **changes: Any) -> None:
        content = path.read_bytes()
        file = {
            "name": path.name, "url": f"{self.url}/{path.name}", "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(), **changes,
        }  # fmt: skip
        self.releases.append({"version": version, "files": [file]})

    def render_GET(self, request: Any) -> bytes:
        if request.path != b"/channel.json":
            return (self.folder / request.path.decode().strip("/")).read_bytes()
        text = json.dumps(self.releases)
        signature = base64.b64encode(self.key.sign(text.encode())).decode()
        return json.dumps({"releases": text, "signature": signature}).encode()


class UnitTests(BrokerTestCase):
    """Over the API."""

    timeout = 90

    def settings(self, **changes: Any) -> Any:
        key = Ed25519PrivateKey.generate()
        self.wheels = self.data / "wheels"
        self.channel = Channel(self.wheels, key)
        self.addCleanup(self.channel.port.stopListening)
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.prefix = (self.data / "prefix").absolute()
        (self.prefix / "versions" / "1.0" / "bin").mkdir(parents=True)
        (self.prefix / "current").symlink_to("versions/1.0")
        self.restarted = 0

        def restart() -> None:
            self.restarted += 1

        unit = UnitConfig(
            name="theunit", version="1.0", url=f"{self.channel.url}/channel.json",
            public_key=base64.b64encode(raw).decode(), prefix=self.prefix, restart=restart,
        )  # fmt: skip
        return super().settings(unit=unit, **changes)

    def make(self, version: str, says: str = "") -> Path:
        files = {"theunit/__init__.py": "", "theunit/__main__.py": MAIN.format(says or version)}
        scripts = "[console_scripts]\nappliance = theunit.__main__:main\n"
        files[f"theunit-{version}.dist-info/entry_points.txt"] = scripts
        return wheel(self.wheels, "theunit", version, files)

    async def ask(self, method: str, **params: Any) -> Any:
        await self.until(lambda: self.parts.commons.updates.ready)
        answer = await self.rpc(f"machine.update.{method}", **params)
        return answer["result"] if "result" in answer else answer["error"]

    async def check_unchanged(self, words: str) -> None:
        self.assertIn(words, (await self.ask("klipper"))["message"])
        self.assertEqual((self.prefix / "current").readlink(), Path("versions/1.0"))
        self.assertEqual([each.name for each in (self.prefix / "versions").iterdir()], ["1.0"])
        self.assertEqual(self.restarted, 0)

    async def test_update(self) -> None:
        self.channel.release("0.9", self.make("0.9"))
        self.channel.release("2.0", self.make("2.0"))
        await self.ask("refresh")
        found = (await self.ask("status"))["version_info"]["theunit"]
        self.assertEqual((found["version"], found["remote_version"], found["is_valid"]), ("1.0", "2.0", True))
        self.assertEqual(await self.ask("moonraker"), "ok")
        self.assertEqual((self.prefix / "current").readlink(), Path("versions/2.0"))
        self.assertEqual((self.prefix / "previous").read_text(), "1.0\n")
        self.assertEqual((self.prefix / "unproven").read_text(), "1.0\n")
        self.assertTrue((self.prefix / "current" / "bin" / "python").exists())
        self.assertEqual(self.restarted, 1)

    async def test_a_program_that_is_another(self) -> None:
        self.channel.release("2.0", self.make("2.0", says="1.5"))
        await self.check_unchanged("'theunit 1.5'")

    async def test_wrong_hash(self) -> None:
        self.channel.release("2.0", self.make("2.0"), sha256="0" * 64)
        await self.check_unchanged("SHA-256")

    async def test_wrong_signature(self) -> None:
        self.channel.release("2.0", self.make("2.0"))
        self.channel.key = Ed25519PrivateKey.generate()
        await self.check_unchanged("not signed")

    async def test_never_older(self) -> None:
        self.channel.release("0.9", self.make("0.9"))
        self.assertEqual(await self.ask("klipper"), "ok")
        self.assertEqual((self.prefix / "current").readlink(), Path("versions/1.0"))

    async def test_names_that_lead_elsewhere(self) -> None:
        self.channel.release("2.0", self.make("2.0"), name="../../x.whl")
        await self.check_unchanged("leads elsewhere")

    async def says(self) -> str:
        """What the program says that the service unit starts."""
        program = self.prefix / "current" / "bin" / "appliance"
        return (await getProcessOutput(str(program), ["--version"])).decode().strip()

    def install_by_hand(self, version: str) -> None:
        """What an installer does, but for pip."""
        folder = self.prefix / "versions" / version
        base = getattr(sys, "_base_executable", sys.executable)
        subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True)
        python = folder / "bin" / "python"
        name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        with zipfile.ZipFile(self.make(version)) as archive:
            archive.extractall(folder / "lib" / name / "site-packages")
        script = folder / "bin" / "appliance"
        script.write_text(f"#!{python}\nfrom theunit.__main__ import main\nmain()\n")
        script.chmod(0o755)

    async def test_what_the_service_starts(self) -> None:
        """C{PREFIX/current/bin/appliance} runs before, after an update, and after going back."""
        self.install_by_hand("1.0")
        self.assertEqual(await self.says(), "theunit 1.0")
        self.channel.release("2.0", self.make("2.0"))
        self.assertEqual(await self.ask("upgrade", name="theunit"), "ok")
        self.assertEqual(await self.says(), "theunit 2.0")
        self.assertEqual(self.restarted, 1)
        # What systemd starts then is another process, which knows its own version.
        await self.broker.stopService()
        settings = self.parts.settings
        now = evolve(settings, unit=evolve(settings.unit, version="2.0"))
        self.broker._settings = lambda: now
        self.broker.startService()
        await self.broker.when_ready()
        assert self.broker.parts is not None
        self.parts = self.broker.parts
        self.assertEqual(await self.ask("rollback", name="theunit"), "ok")
        self.assertEqual(await self.says(), "theunit 1.0")
        self.assertEqual((self.prefix / "previous").read_text(), "2.0\n")
        self.assertFalse((self.prefix / "unproven").exists())
        self.assertEqual(self.restarted, 2)

    def test_signature_of_nothing(self) -> None:
        for key in ("", "AAAA", "not base64!"):
            with self.assertRaises(UpdateFailed):
                check_signature("[]", "AAAA", key)


class ServiceUnitTests(SynchronousTestCase):
    """The files in config/systemd, and what an update needs of them."""

    def options(self, name: str) -> dict[str, str]:
        lines = (UNITS / name).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def test_update_and_unit_agree(self) -> None:
        """It starts what the link leads to, and may write where updates put things."""
        options = self.options("klipper-appliance.service")
        program = Path(options["ExecStart"].split()[0])
        self.assertEqual(program.parts[-3:], ("current", "bin", "appliance"))
        prefix = program.parents[2]
        writable = [each.lstrip("-") for each in options["ReadWritePaths"].split()]
        self.assertIn(str(prefix), writable)
        data = options["ExecStart"].split("--data ")[1].split()[0]
        self.assertIn(data, writable)
        self.assertEqual(options["Restart"], "always")
        for name in ("klipperd.service", "brokerd.service"):
            self.assertEqual(Path(self.options(name)["ExecStart"].split()[0]).parents[1], prefix / "current")

    def go_back(self, restarts: int, marked: str = "1.0") -> str:
        """Run what the rollback unit runs, in a folder of its own; what the link leads to then."""
        prefix = Path(self.mktemp()).absolute()
        (prefix / "bin").mkdir(parents=True)
        for version in ("1.0", "2.0"):
            (prefix / "versions" / version / "bin").mkdir(parents=True)
            (prefix / "versions" / version / "bin" / "appliance").touch(0o755)
        (prefix / "current").symlink_to("versions/2.0")
        if marked:
            (prefix / "unproven").write_text(f"{marked}\n")
        for name, text in (("systemctl", f"echo {restarts}"), ("sleep", "true")):
            (prefix / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
            (prefix / "bin" / name).chmod(0o755)
        command = self.options("klipper-appliance-rollback.service")["ExecStart"]
        (words,) = shlex.split(command.removeprefix("-/bin/sh -c "))
        environment = {"PATH": f"{prefix}/bin:/usr/bin:/bin"}
        subprocess.run(["/bin/sh", "-c", words.replace("$$", "$")], cwd=prefix, env=environment, check=False)
        return str((prefix / "current").readlink())

    def test_going_back(self) -> None:
        """Only from a new version, and only if it keeps ending."""
        self.assertEqual(self.go_back(4), "versions/1.0")
        self.assertEqual(self.go_back(1), "versions/2.0")
        self.assertEqual(self.go_back(4, ""), "versions/2.0")
        self.assertEqual(self.go_back(4, "../2.0"), "versions/2.0")
        self.assertEqual(self.go_back(4, "0.9"), "versions/2.0")
        options = self.options("klipper-appliance.service")
        self.assertEqual(options["OnFailure"], "klipper-appliance-rollback.service")
        self.assertLess(int(options["StartLimitBurst"]) * 2, int(options["StartLimitIntervalSec"]))

    def test_systemd_understands_them(self) -> None:
        program = shutil.which("systemd-analyze")
        if program is None:
            raise SkipTest("there is no systemd-analyze here")
        folder = Path(self.mktemp()).absolute()
        shutil.copytree(UNITS, folder)
        for unit in folder.glob("*.service"):
            text = unit.read_text().replace("/opt/klipper-appliance/current/bin/", f"{folder}/")
            unit.write_text(text)
        for name in ("appliance", "klipperd", "brokerd"):
            (folder / name).write_text("#!/bin/sh\n")
            (folder / name).chmod(0o755)
        units = sorted(map(str, folder.glob("*.service")))
        done = subprocess.run(
            [program, "verify", "--man=no", "--recursive-errors=no", *units], capture_output=True, text=True
        )
        told = [line for line in done.stderr.splitlines() if str(folder) in line or ".service:" in line]
        self.assertEqual((done.returncode, told), (0, []), done.stderr)
