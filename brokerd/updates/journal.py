"""What updates must remember over a power failure and a restart."""

from typing import Any

from attrs import define

from brokerd.database import namespaces
from brokerd.database.store import Database

__all__ = ["Journal"]

_NAMESPACE = "update_manager"


@define(eq=False, repr=False)
class Journal:
    """One record for each piece of software; written before what it describes is done."""

    _database: Database

    async def read(self, name: str) -> dict[str, Any]:
        """The record; empty if there is none."""
        stored = await self._database.run(lambda db: namespaces.read_all(db, _NAMESPACE))
        found = stored.get(name)
        return found if isinstance(found, dict) else {}

    async def note(self, name: str, **changes: Any) -> None:
        """Change fields of a record."""
        record = {**await self.read(name), **changes}
        await self._database.run(lambda db: namespaces.put(db, _NAMESPACE, name, record))
