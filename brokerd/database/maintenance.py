"""C{server.database.compact}, C{post_backup}, C{delete_backup}, C{restore} and C{debug.database.*}."""

import sqlite3
import time
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import orjson
from attrs import define

from brokerd.database import backups, namespaces
from brokerd.database.methods import Key, Namespace
from brokerd.database.store import Database
from brokerd.errors import Forbidden, NotFound
from brokerd.registry.caller import Role
from brokerd.registry.declare import method

__all__ = ["DatabaseDebugMethods", "DatabaseMaintenance"]

Filename = Annotated[str, "name of a backup"]


@define(eq=False, repr=False)
class DatabaseMaintenance:
    """Looks after the database file.

    @ivar _printing: the file that is being printed, or None.
    @ivar _restart: restarts the broker, a moment after it was called.
    """

    component: ClassVar[str] = "database"
    _database: Database
    _printing: Callable[[], str | None]
    _restart: Callable[[], None]

    def _check_idle(self) -> None:
        if self._printing() is not None:
            raise Forbidden("not while the printer is printing")

    @method(
        "server.database.compact",
        "POST /server/database/compact",
        result="{previous_size: int, new_size: int}",
        permission=Role.ADMIN,
    )
    async def compact(self) -> dict[str, Any]:
        """Free the room of what was deleted."""
        self._check_idle()
        path = self._database.path

        def vacuum(db: sqlite3.Connection) -> dict[str, Any]:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            before = path.stat().st_size
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return {"previous_size": before, "new_size": path.stat().st_size}

        return await self._database.maintain(vacuum)

    @method(
        "server.database.post_backup",
        "POST /server/database/backup",
        result="{backup_path: str}",
        permission=Role.ADMIN,
    )
    async def post_backup(self, filename: Filename | None = None) -> dict[str, Any]:
        """Copy the database as it is now."""
        self._check_idle()
        name = filename or time.strftime("sqldb-backup-%Y%m%d-%H%M%S.db")
        folder = self._database.backups

        def save(db: sqlite3.Connection) -> str:
            path = backups.named(folder, name, exists=False)
            backups.save(db, path)
            return str(path)

        return {"backup_path": await self._database.maintain(save)}

    @method(
        "server.database.delete_backup",
        "DELETE /server/database/backup",
        result="{backup_path: str}",
        permission=Role.ADMIN,
    )
    async def delete_backup(self, filename: Filename) -> dict[str, Any]:
        """Delete a copy."""
        folder = self._database.backups

        def delete(_: sqlite3.Connection) -> str:
            path = backups.named(folder, filename, exists=True)
            path.unlink()
            return str(path)

        return {"backup_path": await self._database.maintain(delete)}

    @method(
        "server.database.restore",
        "POST /server/database/restore",
        result="{restored_tables: [str], restored_namespaces: [str]}",
        permission=Role.ADMIN,
    )
    async def restore(self, filename: Filename) -> dict[str, Any]:
        """Go back to a copy; the broker restarts."""
        self._check_idle()
        path = backups.named(self._database.backups, filename, exists=True)
        await self._database.replace(path)

        def restored(db: sqlite3.Connection) -> dict[str, Any]:
            return {"restored_tables": backups.tables(db), "restored_namespaces": namespaces.names(db)}

        answer = await self._database.run(restored)
        self._restart()
        return answer


@define(eq=False, repr=False)
class DatabaseDebugMethods:
    """The whole database, with what is the broker's own."""

    component: ClassVar[str] = "database"
    _database: Database

    @method(
        "debug.database.list",
        "GET /debug/database/list",
        result="{namespaces: [str], backups: [str], tables: [str]}",
        permission=Role.ADMIN,
    )
    async def list_all(self) -> dict[str, Any]:
        """Namespaces, backups and tables."""
        folder = self._database.backups

        def describe(db: sqlite3.Connection) -> dict[str, Any]:
            return {
                "namespaces": namespaces.names(db),
                "backups": backups.listing(folder),
                "tables": backups.tables(db),
            }

        return await self._database.run(describe)

    @method(
        "debug.database.get_item",
        "GET /debug/database/item",
        result="DatabaseItem",
        permission=Role.ADMIN,
    )
    async def get_item(self, namespace: Namespace, key: Key | None = None) -> dict[str, Any]:
        """One value, or a whole namespace."""
        value = await self._database.run(lambda db: namespaces.look_up(db, namespace, key))
        return {"namespace": namespace, "key": key, "value": value}

    @method(
        "debug.database.post_item",
        "POST /debug/database/item",
        result="DatabaseItem",
        permission=Role.ADMIN,
    )
    async def post_item(
        self, namespace: Namespace, key: Key, value: Annotated[Any, "any JSON value"]
    ) -> dict[str, Any]:
        """Store a value, even in a namespace of the broker's own."""
        parts = namespaces.parse_key(key)
        await self._database.run(lambda db: namespaces.insert(db, namespace, parts, value))
        return {"namespace": namespace, "key": key, "value": value}

    @method(
        "debug.database.delete_item",
        "DELETE /debug/database/item",
        result="DatabaseItem",
        permission=Role.ADMIN,
    )
    async def delete_item(self, namespace: Namespace, key: Key) -> dict[str, Any]:
        """Remove a value, even from a namespace of the broker's own."""
        parts = namespaces.parse_key(key)
        value = await self._database.run(lambda db: namespaces.delete(db, namespace, parts))
        return {"namespace": namespace, "key": key, "value": value}

    @method(
        "debug.database.table",
        "GET /debug/database/table",
        result="{table_name: str, rows: [[any]]}",
        permission=Role.ADMIN,
    )
    async def table(self, table: Annotated[str, "name of a table"]) -> dict[str, Any]:
        """All rows of a table."""

        def read(db: sqlite3.Connection) -> list[list[Any]]:
            if table not in backups.tables(db):
                raise NotFound(f"there is no table {table!r}")
            return [[_plain(value) for value in row] for row in db.execute(f'SELECT * FROM "{table}"')]

        return {"table_name": table, "rows": await self._database.run(read)}


def _plain(value: Any) -> Any:
    """Columns of bytes hold JSON."""
    return orjson.loads(value) if isinstance(value, bytes) else value
