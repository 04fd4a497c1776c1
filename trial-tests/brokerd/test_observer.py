"""Changes that others make to the files are noticed, once; the broker's own are not told twice."""

import os
import shutil
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from brokerd.files import observer
from brokerd.files.metadata import GcodeMetadata
from brokerd.files.snapshot import compare, look_below, outermost

from .harness import BrokerTestCase, SocketClient


class CompareTests(SynchronousTestCase):
    """What became of a tree."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        (self.root / "sub" / "inner").mkdir(parents=True)
        for name in ("a", "b", "sub/c", "sub/inner/d"):
            (self.root / name).write_text(name)
        self.before = look_below(self.root)

    def changes(self) -> list[tuple[str, ...]]:
        found = outermost(compare(self.before, look_below(self.root)))
        return [(each.action, each.path) + ((each.source,) if each.source else ()) for each in found]

    def test_nothing(self) -> None:
        self.assertEqual(self.changes(), [])

    def test_files(self) -> None:
        (self.root / "a").write_text("other")
        (self.root / "b").unlink()
        (self.root / "new").write_text("x")
        self.assertEqual(
            sorted(self.changes()), [("create_file", "new"), ("delete_file", "b"), ("modify_file", "a")]
        )

    def test_replaced_by_a_rename(self) -> None:
        (self.root / "a.part").write_text("better")
        self.before = look_below(self.root)
        os.replace(self.root / "a.part", self.root / "a")
        found = self.changes()
        self.assertIn(("modify_file", "a"), found)

    def test_moves(self) -> None:
        (self.root / "a").rename(self.root / "sub" / "a2")
        (self.root / "sub" / "inner").rename(self.root / "outer")
        self.assertEqual(
            sorted(self.changes()), [("move_dir", "outer", "sub/inner"), ("move_file", "sub/a2", "a")]
        )

    def test_a_tree_vanishes(self) -> None:
        shutil.rmtree(self.root / "sub")
        self.assertEqual(self.changes(), [("delete_dir", "sub")])


class ObserverTests(BrokerTestCase):
    """A running broker."""

    async def _start(self) -> None:
        self.patch(observer, "_SETTLE", 0.02)
        await super()._start()
        self.gcodes = self.data / "gcodes"
        await self.until(lambda: self.parts.observer._reconciling is not None)
        self.client = await self.socket()

    def told(self, client: SocketClient | None = None) -> list[tuple[str, str]]:
        sent = [each["params"][0] for each in (client or self.client).notifications
                if each["method"] == "notify_filelist_changed"]  # fmt: skip
        return [(each["action"], each["item"]["path"]) for each in sent]

    async def test_file_comes_changes_and_goes(self) -> None:
        path = self.gcodes / "a.gcode"
        path.write_text("; layer_height = 0.2\nG28\n")
        await self.until(lambda: self.told() == [("create_file", "a.gcode")])
        self.assertEqual((self.parts.metadata.known("a.gcode") or {})["layer_height"], 0.2)
        path.write_text("; layer_height = 0.25\nG28\n")
        await self.until(lambda: len(self.told()) == 2)
        self.assertEqual((self.parts.metadata.known("a.gcode") or {})["layer_height"], 0.25)
        path.rename(self.gcodes / "b.gcode")
        await self.until(lambda: len(self.told()) == 3)
        (self.gcodes / "b.gcode").unlink()
        await self.until(lambda: len(self.told()) == 4)
        self.assertEqual(
            [action for action, _ in self.told()], ["create_file", "modify_file", "move_file", "delete_file"]
        )
        self.assertIsNone(self.parts.metadata.known("b.gcode"))

    async def test_new_directories_are_watched(self) -> None:
        (self.gcodes / "sub" / "inner").mkdir(parents=True)
        await self.until(lambda: "sub/inner" in self.parts.observer._trees[1].watched)
        (self.gcodes / "sub" / "inner" / "x.gcode").write_text("G28\n")
        await self.until(lambda: ("create_file", "sub/inner/x.gcode") in self.told())

    async def test_file_that_grows_is_told_when_it_is_whole(self) -> None:
        with (self.gcodes / "slow.gcode").open("w") as file:
            file.write("G28\n")
            file.flush()
            (self.gcodes / "quick.gcode").write_text("G28\n")
            await self.until(lambda: ("create_file", "quick.gcode") in self.told())
            self.assertNotIn(("create_file", "slow.gcode"), self.told())
        await self.until(lambda: ("create_file", "slow.gcode") in self.told())

    async def test_own_changes_are_told_once(self) -> None:
        await self.upload("deep/a.gcode", b"G28\n")
        await self.rpc("server.files.post_directory", path="gcodes/dir")
        await self.rpc("server.files.move", source="gcodes/deep/a.gcode", dest="gcodes/dir/b.gcode")
        await self.rpc("server.files.delete_directory", path="gcodes/dir", force=True)
        (self.gcodes / "last.gcode").write_text("G28\n")
        await self.until(lambda: ("create_file", "last.gcode") in self.told())
        self.assertEqual(
            [each for each in self.told() if each[1] != "last.gcode"],
            [
                ("create_file", "deep/a.gcode"),
                ("create_dir", "dir"),
                ("move_file", "dir/b.gcode"),
                ("delete_dir", "dir"),
            ],
        )

    async def test_own_change_that_takes_long_is_told_once(self) -> None:
        scan = GcodeMetadata.scan

        async def slow_scan(metadata: GcodeMetadata, filename: str) -> Any:
            await deferLater(reactor, 0.15)
            return await scan(metadata, filename)

        self.patch(GcodeMetadata, "scan", slow_scan)
        await self.upload("a.gcode", b"G28\n")
        (self.data / "config" / "x.cfg").write_text("x")
        await self.until(lambda: ("create_file", "x.cfg") in self.told())
        self.assertEqual(self.told(), [("create_file", "a.gcode"), ("create_file", "x.cfg")])

    async def test_config_root(self) -> None:
        (self.data / "config" / "printer.cfg").write_text("[printer]\n")
        await self.until(lambda: self.told() == [("create_file", "printer.cfg")])

    async def test_many_at_once(self) -> None:
        self.patch(observer, "_MANY", 5)
        for number in range(20):
            (self.gcodes / f"{number}.gcode").write_text("G28\n")
        await self.until(lambda: ("root_update", "") in self.told())
        self.assertIsNotNone(self.parts.metadata.known("19.gcode"))

    async def test_a_tree_at_once(self) -> None:
        source = self.data / "many"
        source.mkdir()
        (source / "a.gcode").write_text("G28\n")
        source.rename(self.gcodes / "many")
        await self.until(lambda: self.told() == [("create_dir", "many")])
        (self.gcodes / "many").rename(self.gcodes / "more")
        await self.until(lambda: self.told()[1:] == [("move_dir", "more")])
        self.assertIsNotNone(self.parts.metadata.known("more/a.gcode"))
        self.assertIsNone(self.parts.metadata.known("many/a.gcode"))

    async def test_without_inotify(self) -> None:
        self.parts.observer._reconcile()
        (self.gcodes / "a.gcode").write_text("G28\n")
        await self.until(lambda: ("create_file", "a.gcode") in self.told())
