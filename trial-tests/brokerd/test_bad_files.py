"""Files and names that should not be: links out of a root, odd names, full disks, changes while printing."""

import errno
import os
import shutil
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from brokerd.files import changes
from brokerd.files.config import FileManagerConfig
from brokerd.sections import Sections

from .fake_host import FakeHost
from .harness import FORM, BrokerTestCase, form_body


class EscapeTests(BrokerTestCase):
    """Every way out of a root is closed."""

    async def _start(self) -> None:
        await super()._start()
        self.gcodes = self.data / "gcodes"
        (self.data / "secret").mkdir()
        (self.data / "secret" / "key.gcode").write_text("secret")
        (self.gcodes / "out").symlink_to(self.data / "secret")
        (self.gcodes / "file.gcode").symlink_to(self.data / "secret" / "key.gcode")
        (self.gcodes / "a.gcode").write_text("G28\n")

    async def test_links(self) -> None:
        for path in ("gcodes/out/key.gcode", "gcodes/file.gcode"):
            self.assertIn((await self.get(f"/server/files/{path}")).code, (403, 404), path)
            answer = await self.rpc("server.files.move", source=path, dest="config/x.gcode")
            self.assertEqual(answer["error"]["code"], 403, path)
            answer = await self.rpc("server.files.copy", source=path, dest="config/x.gcode")
            self.assertEqual(answer["error"]["code"], 403, path)
            answer = await self.rpc("server.files.zip", items=[path], dest="config/x.zip")
            self.assertEqual(answer["error"]["code"], 403, path)
        for method, params in (
            ("metadata", {"filename": "file.gcode"}),
            ("metascan", {"filename": "out/key.gcode"}),
            ("get_directory", {"path": "gcodes/out"}),
            ("post_directory", {"path": "gcodes/out/new"}),
            ("delete_directory", {"path": "gcodes/out", "force": True}),
            ("move", {"source": "gcodes/a.gcode", "dest": "gcodes/out/a.gcode"}),
            ("copy", {"source": "gcodes/a.gcode", "dest": "gcodes/out"}),
            ("zip", {"items": ["gcodes/a.gcode"], "dest": "gcodes/out/a.zip"}),
        ):
            answer = await self.rpc(f"server.files.{method}", **params)
            self.assertIn(answer["error"]["code"], (403, -32601), method)
        self.assertEqual((await self.upload("a.gcode", b"x", path="/server/files/upload")).code, 201)
        answer = await self.http("POST", "/server/files/upload", form_body("b.gcode", b"x", path="out"), FORM)
        self.assertEqual(answer.code, 403)
        self.assertEqual(os.listdir(self.data / "secret"), ["key.gcode"])
        self.assertEqual((self.data / "secret" / "key.gcode").read_text(), "secret")
        listed = (await self.rpc("server.files.list"))["result"]
        self.assertEqual([each["path"] for each in listed], ["a.gcode"])

    async def test_a_link_itself_can_be_deleted(self) -> None:
        self.assertEqual((await self.http("DELETE", "/server/files/gcodes/file.gcode")).code, 200)
        self.assertTrue((self.data / "secret" / "key.gcode").exists())

    async def test_names(self) -> None:
        for name in ("../x", "a/../../x", "a\tb", "a\x00b", "a\x7fb", "x" * 256, ".uploads/x"):
            for method, params in (
                ("post_directory", {"path": f"gcodes/{name}"}),
                ("move", {"source": "gcodes/a.gcode", "dest": f"gcodes/{name}"}),
                ("delete_file", {"path": f"gcodes/{name}"}),
            ):
                answer = await self.rpc(f"server.files.{method}", **params)
                self.assertIn(answer["error"]["code"], (400, 403), (method, name))
        self.assertEqual(sorted(os.listdir(self.gcodes)), ["a.gcode", "file.gcode", "out"])


class DiskTests(BrokerTestCase):
    """A disk without room: nothing half done, nothing lost."""

    async def _start(self) -> None:
        await super()._start()
        self.gcodes = self.data / "gcodes"
        (self.gcodes / "a.gcode").write_text("new")
        (self.gcodes / "b.gcode").write_text("old")

    def fill_disk(self, *_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def test_copy(self) -> None:
        self.patch(shutil, "copy2", self.fill_disk)
        answer = await self.rpc("server.files.copy", source="gcodes/a.gcode", dest="gcodes/b.gcode")
        self.assertEqual(
            answer["error"], {"code": 507, "message": "copying gcodes/a.gcode: the disk is full"}
        )
        self.assertEqual((self.gcodes / "b.gcode").read_text(), "old")
        self.assertEqual(sorted(os.listdir(self.gcodes)), ["a.gcode", "b.gcode"])

    async def test_zip(self) -> None:
        self.patch(changes, "_pack_one", self.fill_disk)
        answer = await self.rpc("server.files.zip", items=["gcodes/a.gcode"], dest="gcodes/x.zip")
        self.assertEqual(answer["error"]["code"], 507)
        self.assertEqual(sorted(os.listdir(self.gcodes)), ["a.gcode", "b.gcode"])

    async def test_half_an_upload(self) -> None:
        connection = await self.open_raw()
        body = form_body("b.gcode", b"x" * 1000)
        head = "POST /server/files/upload HTTP/1.1\r\nHost: x\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in FORM.items())
        head += f"Content-Length: {len(body)}\r\n\r\n"
        connection.transport.write(head.encode() + body[:600])
        await deferLater(reactor, 0.05)
        connection.transport.abortConnection()
        uploads = self.gcodes / ".uploads"
        await self.until(lambda: not uploads.exists() or not os.listdir(uploads))
        self.assertEqual((self.gcodes / "b.gcode").read_text(), "old")


class HostFilesTests(BrokerTestCase):
    """What the motion host says of its files."""

    connect_host = False

    async def connect(self, **info: str) -> None:
        original = FakeHost.do_info

        async def do_info(host: FakeHost, client: Any, params: Any) -> Any:
            return {**await original(host, client, params), **info}

        self.patch(FakeHost, "do_info", do_info)
        self.link.connect()
        await self.until(lambda: self.parts.host.state == "ready")

    async def test_roots(self) -> None:
        source = self.data / "host"
        (source / "docs").mkdir(parents=True)
        (source / "docs" / "a.md").write_text("x")
        client = await self.socket()
        told = client.expect("notify_filelist_changed")
        await self.connect(klipper_path=str(source))
        (change,) = await told
        self.assertEqual((change["action"], change["item"]["root"]), ("root_update", "docs"))
        roots = {
            each["name"]: each["permissions"] for each in (await self.rpc("server.files.roots"))["result"]
        }
        self.assertEqual(roots, {"config": "rw", "logs": "r", "gcodes": "rw", "docs": "r"})
        self.assertEqual((await self.get("/server/files/docs/a.md")).body, b"x")
        answer = await self.rpc("server.files.delete_file", path="docs/a.md")
        self.assertEqual(answer["error"]["code"], 403)

    async def test_configuration_elsewhere(self) -> None:
        await self.connect(config_file="/etc/printer.cfg")
        await self.until(lambda: self.parts.host_files.warnings)
        (warning,) = (await self.rpc("server.info"))["result"]["warnings"]
        self.assertIn("/etc/printer.cfg does not lie in", warning)

    async def test_configuration_in_its_place(self) -> None:
        await self.connect(config_file=str(self.data / "config" / "printer.cfg"))
        self.assertEqual((await self.rpc("server.info"))["result"]["warnings"], [])


class QueuedUploadTests(BrokerTestCase):
    """Uploads that are to be printed go into the queue."""

    def settings(self, **changes: Any) -> Any:
        return super().settings(sections=Sections.of(FileManagerConfig(queue_gcode_uploads=True)), **changes)

    async def test_queued(self) -> None:
        answer = (await self.upload("a.gcode", b"G28\n", print="true")).json
        self.assertEqual((answer["print_started"], answer["print_queued"]), (True, False))
        self.assertEqual(self.fake.objects["print_stats"]["filename"], "a.gcode")
        # The printer is busy now; later it is switched off.
        answer = (await self.upload("b.gcode", b"G28\n", print="true")).json
        self.assertEqual((answer["print_started"], answer["print_queued"]), (False, True))
        self.link.disconnect()
        answer = (await self.upload("c.gcode", b"G28\n", print="true")).json
        self.assertEqual((answer["print_started"], answer["print_queued"]), (False, True))
        status = (await self.rpc("server.job_queue.status"))["result"]
        self.assertEqual([each["filename"] for each in status["queued_jobs"]], ["b.gcode", "c.gcode"])
        self.assertEqual(self.fake.objects["print_stats"]["filename"], "a.gcode")
