"""Backups of the database, and what happens to a file that is damaged, locked, too new or full."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from brokerd.database import namespaces
from brokerd.database.schema import MIGRATIONS
from brokerd.database.store import Database
from brokerd.errors import ApiError, HostUnavailable, StorageFull

from .harness import BrokerTestCase


class FileTests(TestCase):
    """The file itself."""

    timeout = 20

    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / "db.sqlite"
        self.path.parent.mkdir()

    def open(self) -> Database:
        database = Database(reactor, self.path)
        database.startService()
        self.addCleanup(lambda: database.stopService() if database.running else None)
        return database

    async def store(self, database: Database, count: int) -> None:
        def write(db: Any) -> None:
            for number in range(count):
                namespaces.put(db, "n", f"key{number}", "x" * 500)

        await database.run(write)

    async def test_damaged_pages_are_replaced_by_the_backup(self) -> None:
        database = self.open()
        await self.store(database, 200)
        await database.stopService()
        (self.path.parent / "backup" / "sqldb-automatic.db").unlink()
        database = self.open()  # its start makes the daily copy
        await database.run(namespaces.names)
        await database.stopService()
        content = bytearray(self.path.read_bytes())
        content[8192:40960] = b"\xa5" * 32768
        self.path.write_bytes(content)
        database = self.open()
        found = await database.run(lambda db: namespaces.read_all(db, "n"))
        self.assertEqual(len(found), 200)
        self.assertIn("its backup sqldb-automatic.db took its place", database.warnings[0])
        self.assertTrue(self.path.with_suffix(".corrupt").exists())

    async def test_damaged_while_it_is_open(self) -> None:
        database = self.open()
        await self.store(database, 200)
        await database.maintain(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        (self.path.parent / "backup" / "sqldb-automatic.db").unlink()
        await database._threads.run(database._save)
        content = bytearray(self.path.read_bytes())
        content[4096:] = b"\xa5" * (len(content) - 4096)
        self.path.write_bytes(content)
        await database.maintain(lambda db: db.execute("PRAGMA shrink_memory"))
        with self.assertRaises(HostUnavailable) as raised:
            await database.run(lambda db: namespaces.read_all(db, "n"))
        self.assertIn("try again", raised.exception.message)
        self.assertEqual(len(await database.run(lambda db: namespaces.read_all(db, "n"))), 200)

    async def test_locked_is_not_damaged(self) -> None:
        database = self.open()
        await self.store(database, 1)
        await database.maintain(lambda db: db.execute("PRAGMA busy_timeout = 0"))
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with self.assertRaises(HostUnavailable) as raised:
                await self.store(database, 2)
            other.execute("ROLLBACK")
        self.assertIn("locked by another program", raised.exception.message)
        await self.store(database, 3)
        self.assertFalse(self.path.with_suffix(".corrupt").exists())

    async def test_newer_file_is_left_alone(self) -> None:
        with closing(sqlite3.connect(self.path)) as other:
            other.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        before = self.path.read_bytes()
        database = self.open()
        with self.assertRaises(HostUnavailable) as raised:
            await database.run(namespaces.names)
        self.assertIn("left alone", raised.exception.message)
        self.assertEqual(self.path.read_bytes(), before)

    async def test_older_file_is_saved_and_migrated(self) -> None:
        with closing(sqlite3.connect(self.path)) as other:
            other.executescript(MIGRATIONS[0] + "PRAGMA user_version = 1;")
            other.execute("INSERT INTO items VALUES ('n', 'a', '5')")
            other.commit()
        database = self.open()
        self.assertEqual(await database.run(lambda db: namespaces.read_all(db, "n")), {"a": 5})
        (columns,) = await database.run(
            lambda db: db.execute(
                "SELECT count(*) FROM pragma_table_info('jobs') WHERE name = 'auxiliary'"
            ).fetchone()
        )
        self.assertEqual(columns, 1)
        with closing(sqlite3.connect(self.path.parent / "backup" / "sqldb-before-migration.db")) as saved:
            self.assertEqual(saved.execute("PRAGMA user_version").fetchone(), (1,))
            self.assertEqual(saved.execute("SELECT value FROM items").fetchone(), ("5",))

    async def test_full_disk(self) -> None:
        database = self.open()
        await self.store(database, 1)
        (pages,) = await database.run(lambda db: db.execute("PRAGMA page_count").fetchone())
        await database.maintain(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        with self.assertRaises(StorageFull):
            await self.store(database, 500)
        self.assertEqual(len(await database.run(lambda db: namespaces.read_all(db, "n"))), 1)


class MethodTests(BrokerTestCase):
    """Over the API."""

    async def ask(self, method: str, **params: Any) -> Any:
        answer = await self.rpc(method, **params)
        return answer["result"] if "result" in answer else answer["error"]

    async def test_backup_and_restore(self) -> None:
        await self.ask("server.database.post_item", namespace="ui", key="a", value=1)
        saved = await self.ask("server.database.post_backup", filename="mine.db")
        self.assertEqual(saved["backup_path"], str(self.data / "backup" / "database" / "mine.db"))
        self.assertIn("mine.db", (await self.ask("server.database.list"))["backups"])
        await self.ask("server.database.post_item", namespace="ui", key="a", value=2)
        client = await self.socket()
        restored = await self.ask("server.database.restore", filename="mine.db")
        self.assertIn("ui", restored["restored_namespaces"])
        self.assertIn("jobs", restored["restored_tables"])
        await client.closed  # the broker restarts
        await self.until(lambda: self.broker.parts is not None and self.broker.parts is not self.parts)
        answer = await self.ask("server.database.get_item", namespace="ui", key="a")
        self.assertEqual(answer["value"], 1)

    async def test_default_name(self) -> None:
        path = Path((await self.ask("server.database.post_backup"))["backup_path"])
        self.assertRegex(path.name, r"^sqldb-backup-\d{8}-\d{6}\.db$")
        self.assertTrue(path.is_file())

    async def test_names_that_are_refused(self) -> None:
        for name in ("../x.db", "a/b", ".hidden", "a\nb", "x" * 300):
            self.assertEqual(
                (await self.ask("server.database.post_backup", filename=name))["code"], 400, name
            )
            self.assertEqual((await self.ask("server.database.restore", filename=name))["code"], 400, name)
        self.assertEqual(
            (await self.ask("server.database.delete_backup", filename="none.db"))["code"], -32601
        )

    async def test_only_sound_backups_are_restored(self) -> None:
        await self.ask("server.database.post_backup", filename="good.db")
        folder = self.data / "backup" / "database"
        (folder / "text.db").write_text("nothing")
        with closing(sqlite3.connect(folder / "other.db")) as other:
            other.execute("CREATE TABLE t (a)")
        for name in ("text.db", "other.db"):
            self.assertEqual((await self.ask("server.database.restore", filename=name))["code"], 422)
        await self.ask("server.database.post_item", namespace="ui", key="a", value=1)
        await self.ask("server.database.delete_backup", filename="good.db")
        self.assertFalse((folder / "good.db").exists())

    async def test_compact(self) -> None:
        await self.ask("server.database.post_item", namespace="ui", key="a", value="x" * 400_000)
        await self.ask("server.database.delete_item", namespace="ui", key="a")
        sizes = await self.ask("server.database.compact")
        self.assertLess(sizes["new_size"], sizes["previous_size"])

    async def test_not_while_printing(self) -> None:
        self.fake.change("print_stats", state="printing", filename="a.gcode")
        for name in ("compact", "post_backup"):
            self.assertEqual((await self.ask(f"server.database.{name}"))["code"], 403)

    async def test_debug(self) -> None:
        await self.ask("debug.database.post_item", namespace="webcams", key="a.b", value=1)
        answer = await self.ask("debug.database.get_item", namespace="webcams", key="a")
        self.assertEqual(answer["value"], {"b": 1})
        listing = await self.ask("debug.database.list")
        self.assertLessEqual({"items", "jobs", "job_totals"}, set(listing["tables"]))
        table = await self.ask("debug.database.table", table="items")
        self.assertIn(["webcams", "a", {"b": 1}], table["rows"])
        self.assertEqual((await self.ask("debug.database.table", table="sqlite_master"))["code"], -32601)
        await self.ask("debug.database.delete_item", namespace="webcams", key="a")
        answer = await self.ask("debug.database.get_item", namespace="webcams", key="a")
        self.assertEqual(answer["code"], -32601)

    async def test_failures_are_told_in_words(self) -> None:
        async def fail(_: Any) -> Any:
            raise ApiError("the database failed: x")

        self.patch(self.parts.database, "run", fail)
        self.assertEqual((await self.ask("server.database.list"))["message"], "the database failed: x")
