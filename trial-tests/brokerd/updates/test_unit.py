"""The appliance as one unit: a signed list, hashes, a version beside the old one, one rename."""

import base64
import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from brokerd.updates.config import UnitConfig
from brokerd.updates.unit import check_signature, newer
from brokerd.updates.updater import UpdateFailed

from ..harness import BrokerTestCase
from .test_python import wheel

MAIN = "import sys\nprint('theunit', {0!r}) if '--version' in sys.argv else sys.exit(1)\n"


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
        return wheel(self.wheels, "theunit", version, files)

    async def ask(self, method: str, **params: Any) -> Any:
        await self.until(
            lambda: any(
                getattr(each, "ready", False) and hasattr(each, "busy") for each in self.parts.services
            )
        )
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

    def test_signature_of_nothing(self) -> None:
        for key in ("", "AAAA", "not base64!"):
            with self.assertRaises(UpdateFailed):
                check_signature("[]", "AAAA", key)
