"""What programs made for OctoPrint are told, and the archives that they upload."""

import io
import struct
import zipfile
import zlib
from typing import Any

from .houses import HouseTestCase


def png(width: int, height: int) -> bytes:
    """A black picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress((b"\0" + bytes(width)) * height)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def ufp(**members: bytes) -> bytes:
    names = {"model": "/3D/model.gcode", "picture": "/Metadata/thumbnail.png"}
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(names[name], content)
    return whole.getvalue()


class OctoprintTests(HouseTestCase):
    configuration = "[octoprint_compat]\nflip_h: True\nstream_url: http://camera/stream\n"

    def test_settings(self) -> Any:
        return self.async_test(self._settings())

    async def _settings(self) -> None:
        answer = (await self.get("/api/settings")).json
        camera = {"flipH": True, "flipV": False, "rotate90": False, "streamUrl": "http://camera/stream"}
        self.assertEqual(answer["webcam"], {**camera, "webcamEnabled": True})
        self.assertTrue(answer["plugins"]["UltimakerFormatPackage"]["installed"])

    def test_archive_becomes_gcode(self) -> Any:
        return self.async_test(self._archive())

    async def _archive(self) -> None:
        archive = ufp(model=b";FLAVOR:Marlin\nG28\n", picture=png(32, 24))
        answer = await self.upload("cube.ufp", archive, "/api/files/local")
        self.assertEqual((answer.code, answer.json["item"]["path"]), (201, "cube.gcode"))
        stored = (self.data / "gcodes" / "cube.gcode").read_bytes()
        self.assertTrue(stored.startswith(b"; thumbnail begin 32x24 "))
        self.assertTrue(stored.endswith(b";FLAVOR:Marlin\nG28\n"))
        metadata = await self.call("server.files.metadata", filename="cube.gcode")
        self.assertIn((32, 24), [(each["width"], each["height"]) for each in metadata["thumbnails"]])
        self.assertEqual(metadata["size"], len(stored))

    def test_broken_archives(self) -> Any:
        return self.async_test(self._broken())

    async def _broken(self) -> None:
        for name, content, text in (
            ("a.ufp", b"not a zip", "can't be read"),
            ("b.ufp", ufp(picture=b"x"), "has no 3D/model.gcode"),
            ("c.ufp", ufp(model=bytes(5000))[:-40], "can't be read"),
        ):
            answer = await self.upload(name, content)
            self.assertEqual(answer.code, 422)
            self.assertIn(text, answer.json["error"]["message"])
        left = [each for each in (self.data / "gcodes").rglob("*") if each.is_file()]
        self.assertEqual(left, [])


class NoUfpTests(HouseTestCase):
    configuration = "[octoprint_compat]\nenable_ufp: False\nwebcam_enabled: False\n"

    def test_settings(self) -> Any:
        return self.async_test(self._settings())

    async def _settings(self) -> None:
        answer = (await self.get("/api/settings")).json
        self.assertEqual((answer["plugins"], answer["webcam"]["webcamEnabled"]), ({}, False))
