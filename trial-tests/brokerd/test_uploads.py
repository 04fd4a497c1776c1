"""Uploads: streamed to disk, checked, placed by a rename; nothing is left of those that fail."""

import errno
import hashlib
import os
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from brokerd.files.upload import PartialFile
from brokerd.settings import BrokerSettings

from .harness import FORM, BrokerTestCase, form_body


class UploadTests(BrokerTestCase):
    """The usual ways, and what goes wrong."""

    def leftovers(self) -> list[str]:
        folder = self.data / "gcodes" / ".uploads"
        return sorted(os.listdir(folder)) if folder.is_dir() else []

    async def test_upload(self) -> None:
        content = os.urandom(1_500_000)
        answer = await self.upload("part one.gcode", content)
        self.assertEqual(answer.code, 201)
        self.assertEqual(answer.headers["location"].partition("/server")[2], "/files/gcodes/part%20one.gcode")
        self.assertEqual(answer.json["item"]["size"], len(content))
        self.assertEqual((answer.json["action"], answer.json["print_started"]), ("create_file", False))
        self.assertEqual((self.data / "gcodes" / "part one.gcode").read_bytes(), content)
        self.assertEqual(self.leftovers(), [])

    async def test_subfolder_root_and_query(self) -> None:
        self.assertEqual((await self.upload("b.gcode", b"G28", path="/api/files/local")).code, 201)
        answer = await self.http(
            "POST", "/server/files/upload?root=config", form_body("x.cfg", b"[a]\n"), FORM
        )
        self.assertEqual(answer.json["item"]["root"], "config")
        answer = await self.http(
            "POST", "/server/files/upload?path=", form_body("c.gcode", b"G28", path="deep/er"), FORM
        )
        self.assertEqual(answer.json["item"]["path"], "deep/er/c.gcode")
        self.assertTrue((self.data / "gcodes/deep/er/c.gcode").is_file())

    async def test_checksum(self) -> None:
        content = b"G28\nG1 X5\n"
        good = hashlib.sha256(content).hexdigest()
        self.assertEqual((await self.upload("a.gcode", content, checksum=good)).code, 201)
        answer = await self.upload("b.gcode", content, checksum="0" * 64)
        self.assertEqual(answer.code, 422)
        self.assertIn(good, answer.json["error"]["message"])
        self.assertFalse((self.data / "gcodes/b.gcode").exists())
        self.assertEqual(self.leftovers(), [])

    async def test_print_starts_once_the_file_is_there(self) -> None:
        answer = await self.upload('say "hi".gcode'.replace('"', "'"), b"G28\n", print="true")
        self.assertTrue(answer.json["print_started"])
        (asked,) = self.fake.asked("gcode/script")
        self.assertEqual(asked["script"], "SDCARD_PRINT_FILE FILENAME=\"say 'hi'.gcode\"")
        again = await self.upload("other.gcode", b"G28\n", print="true")
        self.assertEqual((again.code, again.json["print_started"]), (201, False))

    async def test_file_being_printed_is_kept(self) -> None:
        await self.upload("a.gcode", b"G28\n", print="true")
        self.assertEqual((await self.upload("a.gcode", b"other")).code, 403)
        self.assertEqual((self.data / "gcodes/a.gcode").read_bytes(), b"G28\n")
        answer = await self.http("DELETE", "/server/files/gcodes/a.gcode")
        self.assertEqual(answer.code, 403)

    async def test_escapes_are_refused(self) -> None:
        for name in ("../evil.gcode", "a/../../evil.gcode", ".uploads/x.gcode"):
            answer = await self.upload(name, b"G28")
            self.assertEqual(answer.code, 403, name)
        for name in ("new\x01line.gcode", "x" * 300 + ".gcode"):
            self.assertEqual((await self.upload(name, b"G28")).code, 400, name)
        outside = Path(self.mktemp()).absolute()
        outside.mkdir()
        (self.data / "gcodes" / "link").symlink_to(outside)
        body = form_body("evil.gcode", b"G28", path="link")
        self.assertEqual((await self.http("POST", "/server/files/upload", body, FORM)).code, 403)
        self.assertEqual(os.listdir(outside), [])
        self.assertEqual((await self.upload("x.gcode", b"G28", root="logs")).code, 403)
        self.assertEqual((await self.upload("x.gcode", b"G28", root="nowhere")).code, 404)
        self.assertEqual(self.leftovers(), [])

    async def test_malformed_forms(self) -> None:
        no_file = form_body("", b"")
        for body in (b"", b"nonsense", no_file, form_body("a.gcode", b"1")[:-40] + b"--wrong--\r\n"):
            answer = await self.http("POST", "/server/files/upload", body, FORM)
            self.assertEqual(answer.code, 400, body[:80])
        answer = await self.http("POST", "/server/files/upload", b"{}", {"Content-Type": "application/json"})
        self.assertEqual(answer.code, 400)
        self.assertEqual(self.leftovers(), [])

    async def test_broken_off_in_the_middle(self) -> None:
        connection = await self.open_raw()
        head = (
            f"POST /server/files/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n"
            f"Content-Type: {FORM['Content-Type']}\r\n\r\n"
        )
        connection.transport.write(head.encode() + form_body("big.gcode", b"x" * 3_000_000)[:2_900_000])
        await self.until(self.leftovers)
        connection.transport.abortConnection()
        await self.until(lambda: not self.leftovers())
        self.assertFalse((self.data / "gcodes/big.gcode").exists())

    async def test_leftovers_of_a_killed_broker_are_removed(self) -> None:
        await self.broker.stopService()
        folder = self.data / "gcodes" / ".uploads"
        folder.mkdir(exist_ok=True)
        (folder / "old.part").write_bytes(b"x")
        self.broker.startService()
        await self.until(lambda: not folder.exists() or not os.listdir(folder))

    async def test_uploads_are_invisible_until_complete(self) -> None:
        await self.upload("a.gcode", b"G28")
        listing = (await self.get("/server/files/directory?path=gcodes")).json["result"]
        self.assertEqual([each["dirname"] for each in listing["dirs"]], [])
        self.assertEqual((await self.get("/server/files/directory?path=gcodes/.uploads")).code, 403)


class _FullDisk(PartialFile):
    """A disk on which 300 kB fit."""

    written = 0

    def write(self, chunks: list[bytes]) -> None:
        self.written += sum(map(len, chunks))
        super().write([b"x"])
        if self.written > 300_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullDiskTests(BrokerTestCase):
    """A disk that fills up while a file comes in."""

    async def _start(self) -> None:
        await super()._start()
        self.parts.site.services = evolve(self.parts.site.services, open_partial=_FullDisk)

    async def test_full_disk(self) -> None:
        answer = await self.upload("big.gcode", b"y" * 2_000_000)
        self.assertEqual(answer.code, 507)
        self.assertIn("full", answer.json["error"]["message"])
        self.assertEqual(os.listdir(self.data / "gcodes" / ".uploads"), [])
        self.assertFalse((self.data / "gcodes/big.gcode").exists())
        self.assertEqual((await self.get("/server/info")).code, 200)

    async def test_long_upload_is_answered_before_its_end(self) -> None:
        connection = await self.open_raw()
        head = (
            f"POST /server/files/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 500000000\r\n"
            f"Content-Type: {FORM['Content-Type']}\r\n\r\n"
        )
        done = connection.done
        connection.transport.write(head.encode() + form_body("big.gcode", b"y" * 1_000_000)[:-100])
        while not connection.lost:
            connection.transport.write(b"y" * 1_000_000)
            await self.until(lambda: True)
        await done


class LimitTests(BrokerTestCase):
    """The longest upload."""

    def settings(self, **changes: Any) -> BrokerSettings:
        return super().settings(max_upload_size=100_000, **changes)

    async def test_too_long(self) -> None:
        answer = await self.upload("big.gcode", b"y" * 200_000)
        self.assertEqual(answer.code, 413)
        self.assertIn("100000", answer.json["error"]["message"])

    async def test_too_long_in_chunks(self) -> None:
        connection = await self.open_raw()
        head = (
            "POST /server/files/upload HTTP/1.1\r\nHost: x\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n"
            f"Content-Type: {FORM['Content-Type']}\r\n\r\n"
        )
        body = form_body("big.gcode", b"y" * 200_000)
        done = connection.done
        connection.transport.write(head.encode() + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
        self.assertIn(b" 413 ", (await done)[:20])


class MemoryTests(BrokerTestCase):
    """A client that sends faster than the disk takes is held."""

    async def _start(self) -> None:
        await super()._start()
        self.gate: list[Deferred[None]] = []

    async def test_client_waits_for_the_disk(self) -> None:
        import threading

        release = threading.Event()
        self.addCleanup(release.set)

        class Stuck(PartialFile):
            def write(self, chunks: list[bytes]) -> None:
                release.wait(20)
                super().write(chunks)

        self.parts.site.services = evolve(self.parts.site.services, open_partial=Stuck)
        connection = await self.open_raw()
        body = form_body("big.gcode", b"y" * 40_000_000)
        head = (
            f"POST /server/files/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\nContent-Type: {FORM['Content-Type']}\r\n\r\n"
        )
        done = connection.done
        connection.transport.write(head.encode() + body)
        await self.until(lambda: self.parts.site.channels)
        (channel,) = self.parts.site.channels
        await self.until(lambda: channel.requests and channel.requests[0]._exchange.body._held)
        upload = channel.requests[0]._exchange.body
        await self.get("/server/info")
        self.assertLess(upload._pending_size + upload._writing, 3_000_000)
        release.set()
        self.assertIn(b" 201 ", (await done)[:20])
        self.assertEqual((self.data / "gcodes/big.gcode").stat().st_size, 40_000_000)
