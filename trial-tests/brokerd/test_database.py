"""Namespaces, webcams, and a database file that is damaged."""

from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from brokerd.database import namespaces
from brokerd.database.store import Database
from brokerd.errors import BadRequest, NotFound

from .harness import BrokerTestCase


class DatabaseTests(TestCase):
    """The file itself."""

    timeout = 20

    def open(self, path: Path) -> Database:
        database = Database(reactor, path)
        database.startService()
        return database

    async def test_values_survive(self) -> None:
        path = Path(self.mktemp()) / "db.sqlite"
        database = self.open(path)
        await database.run(lambda db: namespaces.insert(db, "n", ["a", "b", "c"], 5))
        await database.stopService()
        database = self.open(path)
        self.addCleanup(database.stopService)
        self.assertEqual(await database.run(lambda db: namespaces.read_all(db, "n")), {"a": {"b": {"c": 5}}})

    async def test_failed_work_leaves_nothing(self) -> None:
        database = self.open(Path(self.mktemp()) / "db.sqlite")
        self.addCleanup(database.stopService)

        def fail(db: Any) -> None:
            namespaces.put(db, "n", "a", 1)
            raise NotFound("no")

        with self.assertRaises(NotFound):
            await database.run(fail)
        self.assertEqual(await database.run(namespaces.names), [])

    async def test_damaged_file_is_put_aside(self) -> None:
        path = Path(self.mktemp()) / "db.sqlite"
        path.parent.mkdir()
        path.write_bytes(b"this is no database at all, " * 100)
        database = self.open(path)
        self.addCleanup(database.stopService)
        self.assertEqual(await database.run(namespaces.names), [])
        self.assertIn("started anew", database.warnings[0])
        self.assertTrue(path.with_suffix(".corrupt").exists())
        self.flushLoggedErrors()

    async def test_keys(self) -> None:
        database = self.open(Path(self.mktemp()) / "db.sqlite")
        self.addCleanup(database.stopService)
        await database.run(lambda db: namespaces.insert(db, "n", ["a.b", "c"], {"d": 1}))
        self.assertEqual(await database.run(lambda db: namespaces.delete(db, "n", ["a.b", "c", "d"])), 1)
        self.assertEqual(await database.run(lambda db: namespaces.read(db, "n", ["a.b"])), {"c": {}})
        with self.assertRaises(NotFound):
            await database.run(lambda db: namespaces.read(db, "n", ["a.b", "x"]))
        with self.assertRaises(BadRequest):
            namespaces.parse_key("a..b")


class MethodTests(BrokerTestCase):
    """Over the API."""

    async def test_items(self) -> None:
        answer = await self.rpc("server.database.post_item", namespace="ui", key="a.b", value={"c": None})
        self.assertEqual(answer["result"], {"namespace": "ui", "key": "a.b", "value": {"c": None}})
        answer = await self.rpc("server.database.get_item", namespace="ui")
        self.assertEqual(answer["result"]["value"], {"a": {"b": {"c": None}}})
        self.assertIn("ui", (await self.rpc("server.database.list"))["result"]["namespaces"])
        await self.rpc("server.database.delete_item", namespace="ui", key=["a"])
        answer = await self.rpc("server.database.get_item", namespace="ui")
        self.assertEqual(answer["error"]["code"], -32601)

    async def test_reserved(self) -> None:
        answer = await self.rpc("server.database.post_item", namespace="gcode_metadata", key="a", value=1)
        self.assertEqual(answer["error"]["code"], 403)

    async def test_webcams(self) -> None:
        client = await self.socket()
        told = client.expect("notify_webcams_changed")
        camera = (await self.rpc("server.webcams.post_item", name="bed", stream_url="/webcam"))["result"][
            "webcam"
        ]
        self.assertEqual((camera["rotation"], camera["source"]), (0, "database"))
        self.assertEqual((await told)[0]["webcams"], [camera])
        again = await self.rpc("server.webcams.post_item", name="bed", stream_url="/x")
        self.assertEqual(again["error"]["code"], 400)
        changed = await self.rpc("server.webcams.post_item", uid=camera["uid"], rotation=90)
        self.assertEqual(changed["result"]["webcam"], {**camera, "rotation": 90})
        self.assertEqual(
            (await self.rpc("server.webcams.post_item", uid=camera["uid"], rotation=45))["error"]["code"], 400
        )
        self.assertEqual(
            (await self.rpc("server.webcams.get_item", name="bed"))["result"]["webcam"]["rotation"], 90
        )
        await self.rpc("server.webcams.delete_item", uid=camera["uid"])
        self.assertEqual((await self.rpc("server.webcams.list"))["result"], {"webcams": []})

    async def test_machine(self) -> None:
        system = (await self.rpc("machine.system_info"))["result"]["system_info"]
        self.assertGreater(system["cpu_info"]["total_memory"], 100_000)
        self.assertEqual(system["python"]["version"][0], 3)
        while not (stats := (await self.rpc("machine.proc_stats"))["result"])["moonraker_stats"]:
            await self.until(lambda: True)
        self.assertGreater(stats["system_uptime"], 0)
        self.assertIn("cpu0", stats["system_cpu_usage"])
        self.assertIn("lo", stats["network"])
