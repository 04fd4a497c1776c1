"""Webcams of the configuration, and whether a snapshot can be had; logs that roll over."""

from typing import Any

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from brokerd import log_methods
from brokerd.sections import Sections
from brokerd.webcams import WebcamConfig

from .harness import BrokerTestCase


class ConfiguredTests(BrokerTestCase):
    """[webcam NAME]"""

    def settings(self, **changes: Any) -> Any:
        root = Resource()
        root.putChild(b"snapshot", Data(b"\xff\xd8", "image/jpeg"))
        port = reactor.listenTCP(0, Site(root), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.base = f"http://127.0.0.1:{port.getHost().port}"
        cameras = {"nozzle": WebcamConfig(stream_url="/webcam/?action=stream", rotation=90)}
        return super().settings(sections=Sections.of(named={WebcamConfig: cameras}), **changes)

    async def test_listed_and_fixed(self) -> None:
        (camera,) = (await self.rpc("server.webcams.list"))["result"]["webcams"]
        self.assertEqual((camera["name"], camera["source"], camera["rotation"]), ("nozzle", "config", 90))
        for name, params in (("post_item", {"rotation": 0}), ("delete_item", {})):
            answer = await self.rpc(f"server.webcams.{name}", uid=camera["uid"], **params)
            self.assertEqual(answer["error"]["code"], 403)
        answer = await self.rpc("server.webcams.post_item", name="nozzle", stream_url="/x")
        self.assertEqual(answer["error"]["code"], 400)

    async def test_reachable(self) -> None:
        for path, reachable in (("snapshot", True), ("none", False)):
            posted = await self.rpc(
                "server.webcams.post_item", name=path, stream_url="/s", snapshot_url=f"{self.base}/{path}"
            )
            uid = posted["result"]["webcam"]["uid"]
            answer = await self.post(f"/server/webcams/test?uid={uid}")
            self.assertEqual(
                answer.json["result"],
                {"name": path, "snapshot_reachable": reachable, "snapshot_url": f"{self.base}/{path}",
                 "stream_url": "http://127.0.0.1:80/s"},
            )  # fmt: skip

    async def test_odd_addresses(self) -> None:
        for address in ("webrtc://x", "http://\u00e4/", "http://127.0.0.1:1/"):
            posted = await self.rpc(
                "server.webcams.post_item", name=address, stream_url="/s", snapshot_url=address
            )
            uid = posted["result"]["webcam"]["uid"]
            answer = await self.rpc("server.webcams.test", uid=uid)
            self.assertEqual(answer["result"]["snapshot_reachable"], False, address)


class LogTests(BrokerTestCase):
    """server.logs.rollover"""

    def settings(self, **changes: Any) -> Any:
        self.log = self.data / "logs" / "moonraker.log"
        self.reopened = 0

        def reopen() -> None:
            self.reopened += 1
            self.log.write_text("")

        return super().settings(broker_log=self.log, reopen_log=reopen, **changes)

    async def test_rolled_over(self) -> None:
        self.log.write_text("old")
        answer = (await self.rpc("server.logs.rollover", application="moonraker"))["result"]
        self.assertEqual(answer, {"rolled_over": ["moonraker"], "failed": {}})
        (old,) = self.log.parent.glob("moonraker.log.*")
        self.assertEqual((old.read_text(), self.log.read_text(), self.reopened), ("old", "", 1))

    async def test_one_file_for_host_and_broker(self) -> None:
        self.log.write_text("old")
        self.parts.host.info = {"log_file": str(self.log)}
        for application in ({}, {"application": "klipper"}):
            answer = (await self.rpc("server.logs.rollover", **application))["result"]
            self.assertEqual(answer["failed"], {})
        self.assertEqual(self.reopened, 2)

    async def test_only_some_are_kept(self) -> None:
        self.patch(log_methods, "_KEPT", 1)
        self.log.write_text("new")
        (self.log.parent / "moonraker.log.2020-01-01_00-00-00").write_text("ancient")
        await self.rpc("server.logs.rollover", application="moonraker")
        (old,) = self.log.parent.glob("moonraker.log.*")
        self.assertEqual(old.read_text(), "new")

    async def test_host_that_nobody_can_restart(self) -> None:
        (self.data / "logs" / "klippy.log").write_text("x")
        self.fake.objects["webhooks"]["state"] = "ready"
        self.parts.host.info = {"log_file": str(self.data / "logs" / "klippy.log")}
        answer = (await self.rpc("server.logs.rollover"))["result"]
        self.assertEqual(set(answer["failed"]), {"moonraker", "klipper"})
        self.assertIn("no log file", answer["failed"]["moonraker"])
        self.fake.change("print_stats", state="printing", filename="a.gcode")
        answer = (await self.rpc("server.logs.rollover", application="klipper"))["result"]
        self.assertIn("is printing", answer["failed"]["klipper"])
        self.assertEqual((self.data / "logs" / "klippy.log").read_text(), "x")
