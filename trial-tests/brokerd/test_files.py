"""Listing and changing files over the API."""

import os
import zipfile
from pathlib import Path
from typing import Any

from brokerd.files.config import FileManagerConfig
from brokerd.sections import Sections
from brokerd.settings import BrokerSettings

from .harness import Answer, BrokerTestCase


class FileTests(BrokerTestCase):
    """Each method, and the ways to misuse it."""

    async def _start(self) -> None:
        await super()._start()
        self.gcodes = self.data / "gcodes"
        (self.gcodes / "sub" / "inner").mkdir(parents=True)
        (self.gcodes / "a.gcode").write_text("G28\n")
        (self.gcodes / "sub" / "b.GCODE").write_text("G28\n")
        (self.gcodes / "notes.txt").write_text("x")
        self.outside = Path(self.mktemp()).absolute()
        self.outside.mkdir()
        (self.outside / "secret.gcode").write_text("secret")
        (self.gcodes / "away").symlink_to(self.outside)

    async def names(self, path: str) -> tuple[list[str], list[str]]:
        found = (await self.get(f"/server/files/directory?path={path}")).json["result"]
        return [each["dirname"] for each in found["dirs"]], [each["filename"] for each in found["files"]]

    async def call(self, name: str, **params: Any) -> Answer:
        return await self.post(f"/server/files/{name}", params)

    async def test_roots_and_lists(self) -> None:
        roots = (await self.get("/server/files/roots")).json["result"]
        self.assertEqual(
            {each["name"]: each["permissions"] for each in roots},
            {"config": "rw", "logs": "r", "gcodes": "rw"},
        )
        found = (await self.get("/server/files/list")).json["result"]
        self.assertEqual([each["path"] for each in found], ["a.gcode", "sub/b.GCODE"])
        self.assertEqual(await self.names("gcodes"), (["sub"], ["a.gcode", "notes.txt"]))
        self.assertEqual(await self.names("gcodes/sub"), (["inner"], ["b.GCODE"]))
        usage = (await self.get("/server/files/directory")).json["result"]["disk_usage"]
        self.assertGreater(usage["total"], usage["free"])

    async def test_names_that_are_no_utf8(self) -> None:
        (self.gcodes / os.fsdecode(b"\xff\xfe.gcode")).write_text("G28")
        found = (await self.get("/server/files/list")).json["result"]
        self.assertEqual(len(found), 3)
        await self.names("gcodes")

    async def test_directories(self) -> None:
        answer = await self.call("directory", path="gcodes/new")
        self.assertEqual(answer.json["result"]["action"], "create_dir")
        self.assertEqual((await self.call("directory", path="gcodes/new")).code, 400)
        self.assertEqual((await self.call("directory", path="gcodes/x/y")).code, 404)
        self.assertEqual((await self.http("DELETE", "/server/files/directory?path=gcodes/sub")).code, 403)
        answer = await self.http("DELETE", "/server/files/directory?path=gcodes/sub&force=true")
        self.assertEqual(answer.json["result"]["item"]["permissions"], "")
        self.assertFalse((self.gcodes / "sub").exists())
        for path, code in (("gcodes", 403), ("gcodes/none", 404), ("logs", 403), ("gcodes/away", 404)):
            answer = await self.http("DELETE", f"/server/files/directory?path={path}&force=true")
            self.assertEqual(answer.code, code, path)
        self.assertTrue((self.outside / "secret.gcode").exists())

    async def test_move_and_copy(self) -> None:
        answer = (await self.call("move", source="gcodes/a.gcode", dest="gcodes/sub")).json["result"]
        self.assertEqual((answer["action"], answer["item"]["path"]), ("move_file", "sub/a.gcode"))
        self.assertEqual(answer["source_item"], {"root": "gcodes", "path": "a.gcode"})
        answer = (await self.call("copy", source="gcodes/sub", dest="gcodes/sub2")).json["result"]
        self.assertEqual(answer["action"], "create_dir")
        answer = (await self.call("copy", source="gcodes/sub/a.gcode", dest="gcodes/sub2/a.gcode")).json[
            "result"
        ]
        self.assertEqual(answer["action"], "modify_file")
        answer = (await self.call("move", source="gcodes/sub2", dest="gcodes/sub")).json["result"]
        self.assertEqual((answer["action"], answer["item"]["path"]), ("move_dir", "sub/sub2"))
        self.assertTrue((self.gcodes / "sub" / "sub2" / "b.GCODE").exists())

    async def test_moves_that_are_refused(self) -> None:
        for source, dest, code in (
            ("gcodes/none", "gcodes/x", 404),
            ("gcodes/a.gcode", "gcodes/a.gcode", 400),
            ("gcodes/sub", "gcodes/sub/inner", 400),
            ("gcodes/a.gcode", "logs/a.gcode", 403),
            ("gcodes/a.gcode", "gcodes/away/a.gcode", 403),
            ("gcodes/away/secret.gcode", "gcodes/mine.gcode", 403),
            ("gcodes/../.api_key", "gcodes/key.gcode", 403),
            ("gcodes", "config/all", 403),
            ("gcodes/a.gcode", "gcodes/none/x.gcode", 404),
            ("", "gcodes/x", 400),
        ):
            for verb in ("move", "copy"):
                answer = await self.call(verb, source=source, dest=dest)
                self.assertEqual(answer.code, code, (verb, source, dest))
        self.assertEqual((self.gcodes / "a.gcode").read_text(), "G28\n")

    async def test_delete(self) -> None:
        answer = await self.http("DELETE", "/server/files/gcodes/sub/b.GCODE")
        self.assertEqual(
            answer.json["result"]["item"],
            {"root": "gcodes", "path": "sub/b.GCODE", "modified": 0, "size": 0, "permissions": ""},
        )
        for path, code in (("gcodes/sub", 404), ("gcodes/none", 404), ("logs/x.log", 403)):
            self.assertEqual((await self.http("DELETE", f"/server/files/{path}")).code, code)
        answer = await self.rpc("server.files.delete_file", path="gcodes/away/secret.gcode")
        self.assertEqual(answer["error"]["code"], 403)
        self.assertTrue((self.outside / "secret.gcode").exists())

    async def test_zip(self) -> None:
        answer = await self.call("zip", items=["gcodes/sub", "gcodes/a.gcode"], dest="config/all.zip")
        self.assertEqual(answer.json["result"]["action"], "zip_files")
        with zipfile.ZipFile(self.data / "config" / "all.zip") as archive:
            self.assertEqual(sorted(archive.namelist()), ["gcodes/a.gcode", "gcodes/sub/b.GCODE"])
        answer = await self.call("zip", items=["gcodes/away/secret.gcode"], dest="config/x.zip")
        self.assertEqual(answer.code, 403)
        self.assertEqual(os.listdir(self.data / "config"), ["all.zip"])


class ReadOnlyConfigTests(BrokerTestCase):
    """A configuration that clients may only read."""

    def settings(self, **changes: Any) -> BrokerSettings:
        return super().settings(
            sections=Sections.of(FileManagerConfig(enable_config_write_access=False)), **changes
        )

    async def test_refused(self) -> None:
        answer = await self.upload("printer.cfg", b"[printer]", root="config")
        self.assertEqual(answer.code, 403)
