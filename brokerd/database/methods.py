"""C{server.database.*}: where clients keep their settings."""

from typing import Annotated, Any, ClassVar

from attrs import define

from brokerd.database import backups, namespaces
from brokerd.database.store import Database
from brokerd.errors import Forbidden
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape

__all__ = ["RESERVED", "DatabaseMethods"]

shape(
    "DatabaseItem",
    """{
    namespace: str
    key: str | [str] | null
    value: any
}""",
)

# Namespaces of the broker itself: clients read them and change them only by the methods made for that.
RESERVED = frozenset(
    {"announcements", "authorized_users", "database", "gcode_metadata", "history", "job_queue", "moonraker",
     "update_manager", "webcams"}
)  # fmt: skip

Namespace = Annotated[str, "name of a collection"]
Key = Annotated[str | list[str], "parts of the key: a list, or a string with dots"]


def _writable(namespace: str) -> None:
    if namespace in RESERVED:
        raise Forbidden(f"the namespace {namespace!r} is the broker's own and can only be read")


@define(eq=False, repr=False)
class DatabaseMethods:
    """Reads and writes namespaces."""

    component: ClassVar[str] = "database"
    _database: Database

    @method(
        "server.database.list",
        "GET /server/database/list",
        result="{namespaces: [str], backups: [str]}",
        permission=Role.VIEWER,
    )
    async def list_namespaces(self) -> dict[str, Any]:
        """The namespaces and the backups."""
        found = await self._database.run(namespaces.names)
        folder = self._database.backups
        return {"namespaces": found, "backups": await self._database.run(lambda _: backups.listing(folder))}

    @method(
        "server.database.get_item",
        "GET /server/database/item",
        result="DatabaseItem",
        permission=Role.VIEWER,
    )
    async def get_item(self, namespace: Namespace, key: Key | None = None) -> dict[str, Any]:
        """One value, or a whole namespace."""
        value = await self._database.run(lambda db: namespaces.look_up(db, namespace, key))
        return {"namespace": namespace, "key": key, "value": value}

    @method("server.database.post_item", "POST /server/database/item", result="DatabaseItem")
    async def post_item(
        self, namespace: Namespace, key: Key, value: Annotated[Any, "any JSON value"]
    ) -> dict[str, Any]:
        """Store a value."""
        _writable(namespace)
        parts = namespaces.parse_key(key)
        await self._database.run(lambda db: namespaces.insert(db, namespace, parts, value))
        return {"namespace": namespace, "key": key, "value": value}

    @method("server.database.delete_item", "DELETE /server/database/item", result="DatabaseItem")
    async def delete_item(self, namespace: Namespace, key: Key) -> dict[str, Any]:
        """Remove a value."""
        _writable(namespace)
        parts = namespaces.parse_key(key)
        value = await self._database.run(lambda db: namespaces.delete(db, namespace, parts))
        return {"namespace": namespace, "key": key, "value": value}
