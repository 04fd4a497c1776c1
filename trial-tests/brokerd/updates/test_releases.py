"""Pages, applications and programs from releases: whole and with the right hash, or not at all."""

import hashlib
import json
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from brokerd.sections import Sections
from brokerd.updates import swap
from brokerd.updates.archive import unpack
from brokerd.updates.config import ExecutableConfig, SoftwareConfig, UpdateConfig, WebConfig
from brokerd.updates.updater import UpdateFailed

from ..harness import BrokerTestCase
from .github import GitHub, page


class ArchiveTests(SynchronousTestCase):
    """Archives of which nothing is known."""

    def unpack(self, *entries: tuple[str, bytes], mode: int = 0o644) -> Path:
        path, folder = Path(self.mktemp()), Path(self.mktemp())
        folder.mkdir()
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in entries:
                info = zipfile.ZipInfo(name)
                info.external_attr = mode << 16
                archive.writestr(info, content)
        unpack(path, folder)
        return folder

    def test_unpacked(self) -> None:
        folder = self.unpack(("a/b.txt", b"x"), ("run", b"y"), mode=0o755)
        self.assertEqual((folder / "a/b.txt").read_bytes(), b"x")
        self.assertTrue((folder / "run").stat().st_mode & 0o100)

    def test_refused(self) -> None:
        for name in ("../x", "/etc/x", "a/../../x", "a\\..\\x"):
            with self.assertRaises(UpdateFailed):
                self.unpack((name, b"x"))
        with self.assertRaises(UpdateFailed):
            self.unpack(("link", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777)

    def test_damaged(self) -> None:
        path, folder = Path(self.mktemp()), Path(self.mktemp())
        folder.mkdir()
        content = page("v1", index_html="x" * 1000)
        for broken in (content[:-50], b"nothing", content[:60] + b"\0\0\0\0" + content[64:]):
            path.write_bytes(broken)
            with self.assertRaises(UpdateFailed):
                unpack(path, folder)


class SwapTests(SynchronousTestCase):
    """Directories that change places."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        self.path.mkdir()
        (self.path / "old").write_text("")
        self.fresh = swap.fresh_beside(self.path)
        (self.fresh / "new").write_text("")

    def test_exchange(self) -> None:
        swap.exchange(self.fresh, self.path)
        self.assertEqual((os.listdir(self.path), os.listdir(self.fresh)), (["new"], ["old"]))

    def test_where_the_kernel_can_not(self) -> None:
        class Libc:
            def renameat2(self, *_: Any) -> int:
                swap.ctypes.set_errno(22)
                return -1

        self.patch(swap.ctypes, "CDLL", lambda *_, **__: Libc())
        swap.exchange(self.fresh, self.path)
        self.assertEqual((os.listdir(self.path), os.listdir(self.fresh)), (["new"], ["old"]))

    def test_power_failure_in_between(self) -> None:
        self.path.rename(self.path.with_name(f".{self.path.name}.aside"))
        self.assertTrue(swap.mend(self.path))
        self.assertEqual(os.listdir(self.path), ["old"])
        self.assertFalse(self.fresh.exists())
        self.assertFalse(swap.mend(self.path))


class ReleaseTestCase(BrokerTestCase):
    """A broker with some software."""

    def software(self) -> dict[str, SoftwareConfig]:
        raise NotImplementedError

    def settings(self, **changes: Any) -> Any:
        self.github = GitHub()
        self.addCleanup(self.github.stop)
        self.folder = self.data / "software"
        self.folder.mkdir()
        general = UpdateConfig(github_api=self.github.url, enable_system_updates=False)
        sections = Sections.of(general, named={SoftwareConfig: self.software()})
        return super().settings(sections=sections, **changes)

    async def ask(self, method: str, **params: Any) -> Any:
        await self.until(lambda: self.updates().ready)
        answer = await self.rpc(f"machine.update.{method}", **params)
        return answer["result"] if "result" in answer else answer["error"]

    def updates(self) -> Any:
        assert self.broker.parts is not None
        return self.broker.parts.commons.updates


class WebTests(ReleaseTestCase):
    """type: web"""

    def software(self) -> dict[str, SoftwareConfig]:
        path = self.folder / "ui"
        path.mkdir()
        (path / "release_info.json").write_text(
            json.dumps({"project_name": "ui", "project_owner": "me", "version": "v1.0"})
        )
        (path / "index.html").write_text("one")
        (path / "config.json").write_text("mine")
        self.path = path
        return {"ui": WebConfig(repo="me/ui", path=path, persistent_files=["config.json", "../x"])}

    async def _start(self) -> None:
        await super()._start()
        self.github.releases = [
            ("v3.0-beta", True, {"ui.zip": page("v3.0-beta", index_html="three")}),
            ("v2.0", False, {"ui.zip": page("v2.0", index_html="two", config_json="default")}),
        ]

    async def status(self) -> Any:
        return (await self.ask("status"))["version_info"]["ui"]

    async def test_update_and_rollback(self) -> None:
        client = await self.socket()
        refreshed = client.expect("notify_update_refreshed")
        answer = await self.ask("refresh", name="ui")
        self.assertEqual(answer["github_requests_remaining"], 59)
        found = answer["version_info"]["ui"]
        self.assertEqual(
            (found["version"], found["remote_version"], found["is_valid"]), ("v1.0", "v2.0", True)
        )
        self.assertEqual((await refreshed)[0]["version_info"]["ui"], found)
        self.assertEqual(await self.ask("client", name="ui"), "ok")
        self.assertEqual((self.path / "index.html").read_text(), "two")
        self.assertEqual((self.path / "config.json").read_text(), "mine")
        found = await self.status()
        self.assertEqual((found["version"], found["rollback_version"]), ("v2.0", "v1.0"))
        said = [e["params"][0] for e in client.notifications if e["method"] == "notify_update_response"]
        self.assertEqual([each["complete"] for each in said], [False] * (len(said) - 1) + [True])
        self.assertEqual({each["application"] for each in said}, {"ui"})
        self.assertEqual(await self.ask("rollback", name="ui"), "ok")
        self.assertEqual((self.path / "index.html").read_text(), "one")
        self.assertEqual(sorted(os.listdir(self.folder)), [".ui.previous", "ui"])

    async def check_unchanged(self, words: str) -> None:
        error = await self.ask("upgrade", name="ui")
        self.assertIn(words, error["message"])
        self.assertEqual((self.path / "index.html").read_text(), "one")
        self.assertEqual(os.listdir(self.folder), ["ui"])
        self.assertFalse((await self.ask("status"))["busy"])

    async def test_wrong_hash(self) -> None:
        self.github.digests["ui.zip"] = "sha256:" + "0" * 64
        await self.check_unchanged("SHA-256")

    async def test_no_hash(self) -> None:
        self.github.digests["ui.zip"] = ""
        await self.check_unchanged("without a checksum")
        content = self.github.releases[1][2]["ui.zip"]
        sums = f"{hashlib.sha256(content).hexdigest()}  ui.zip\n{'1' * 64}  other\n"
        self.github.releases[1][2]["SHA256SUMS"] = sums.encode()
        self.assertEqual(await self.ask("upgrade", name="ui"), "ok")

    async def test_damaged_archive(self) -> None:
        self.github.releases[1][2]["ui.zip"] = self.github.releases[1][2]["ui.zip"][:-30]
        await self.check_unchanged("damaged")

    async def test_another_version_than_was_said(self) -> None:
        self.github.releases[1][2]["ui.zip"] = page("v9")
        await self.check_unchanged("'v9'")

    async def test_missing_file(self) -> None:
        self.github.releases[1] = ("v2.0", False, {})
        await self.check_unchanged("has no file 'ui.zip'")

    async def test_no_answer(self) -> None:
        await self.github.stop()
        await self.check_unchanged("me/ui")

    async def test_not_while_printing(self) -> None:
        self.fake.change("print_stats", state="printing", filename="a.gcode")
        await self.check_unchanged("printing")

    async def test_unknown_name(self) -> None:
        self.assertEqual((await self.ask("upgrade", name="none"))["code"], -32601)
        self.assertEqual((await self.ask("klipper"))["code"], -32601)

    async def test_all_at_once(self) -> None:
        await self.ask("refresh")
        self.assertEqual(await self.ask("full"), "ok")
        self.assertEqual((await self.status())["version"], "v2.0")

    async def test_one_that_fails_does_not_stop_the_others(self) -> None:
        updates = self.updates()
        await self.ask("refresh")

        class Broken:
            name, interval, behind = "broken", None, True

            def status(self) -> Any:
                return {"name": "broken"}

            async def update(self, say: Any) -> None:
                raise UpdateFailed("it is broken")

        updates._updaters = {"broken": Broken(), **updates._updaters}
        self.assertIn("it is broken", (await self.ask("upgrade"))["message"])
        self.assertEqual((await self.status())["version"], "v2.0")

    async def test_folder_of_nobody(self) -> None:
        (self.path / "release_info.json").unlink()
        await self.ask("refresh", name="ui")
        self.assertFalse((await self.status())["is_valid"])
        await self.check_unchanged("release_info.json")
        self.assertEqual(await self.ask("recover", name="ui", hard=True), "ok")
        self.assertEqual((await self.status())["version"], "v2.0")


class ExecutableTests(ReleaseTestCase):
    """type: executable"""

    def software(self) -> dict[str, SoftwareConfig]:
        self.path = self.folder / "tool"
        self.path.mkdir()
        info = {"project_name": "ui", "project_owner": "me", "version": "v1", "asset_name": "tool_linux"}
        (self.path / "release_info.json").write_text(json.dumps(info))
        (self.path / "tool_linux").write_text("#!/bin/sh\necho one\n")
        (self.path / "settings").write_text("kept")
        return {
            "tool": ExecutableConfig(repo="me/ui", path=self.path, channel="beta", is_system_service=False)
        }

    async def test_update(self) -> None:
        self.github.releases = [("v2-beta", True, {"tool_linux": b"#!/bin/sh\necho two\n"})]
        self.assertEqual(await self.ask("upgrade", name="tool"), "ok")
        self.assertEqual((self.path / "tool_linux").read_text(), "#!/bin/sh\necho two\n")
        self.assertTrue((self.path / "tool_linux").stat().st_mode & 0o100)
        self.assertEqual((self.path / "settings").read_text(), "kept")
        found = (await self.ask("status"))["version_info"]["tool"]
        self.assertEqual((found["version"], found["configured_type"]), ("v2-beta", "executable"))
