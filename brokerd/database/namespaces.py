"""Named collections of JSON values; a key of several parts reaches into a value.

All functions here take the connection and run in the database's thread.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from brokerd.errors import BadRequest, NotFound

__all__ = ["delete", "insert", "look_up", "names", "parse_key", "put", "read", "read_all"]


def parse_key(key: str | Sequence[str]) -> list[str]:
    """The parts of a key: a list as it is, a string split at its dots.

    @raise BadRequest: if a part is empty.
    """
    parts = key.split(".") if isinstance(key, str) else list(key)
    if not parts or not all(parts):
        raise BadRequest(f"the key {key!r} has an empty part")
    return parts


def names(db: sqlite3.Connection) -> list[str]:
    """All namespaces that hold anything."""
    return [row[0] for row in db.execute("SELECT DISTINCT namespace FROM items ORDER BY namespace")]


def read_all(db: sqlite3.Connection, namespace: str) -> dict[str, Any]:
    """A whole namespace; empty if there is none."""
    rows = db.execute("SELECT key, value FROM items WHERE namespace = ?", (namespace,))
    return {key: orjson.loads(value) for key, value in rows}


def read(db: sqlite3.Connection, namespace: str, key: Sequence[str]) -> Any:
    """One value.

    @raise NotFound: if there is none.
    """
    value = _top(db, namespace, key[0])
    for part in key[1:]:
        if not isinstance(value, dict) or part not in value:
            raise _missing(namespace, key)
        value = value[part]
    return value


def look_up(db: sqlite3.Connection, namespace: str, key: str | Sequence[str] | None) -> Any:
    """One value, or a whole namespace if there is no key.

    @raise NotFound: if there is none.
    """
    if key is not None:
        return read(db, namespace, parse_key(key))
    found = read_all(db, namespace)
    if not found:
        raise NotFound(f"the database has no namespace {namespace!r}")
    return found


def put(db: sqlite3.Connection, namespace: str, key: str, value: Any) -> None:
    """Store a value under a key of one part."""
    db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?)", (namespace, key, orjson.dumps(value)))


def insert(db: sqlite3.Connection, namespace: str, key: Sequence[str], value: Any) -> None:
    """Store a value, creating what it lies in."""
    if len(key) == 1:
        put(db, namespace, key[0], value)
        return
    try:
        top = _top(db, namespace, key[0])
    except NotFound:
        top = {}
    if not isinstance(top, dict):
        top = {}
    inner = top
    for part in key[1:-1]:
        if not isinstance(inner.get(part), dict):
            inner[part] = {}
        inner = inner[part]
    inner[key[-1]] = value
    put(db, namespace, key[0], top)


def delete(db: sqlite3.Connection, namespace: str, key: Sequence[str]) -> Any:
    """Remove a value and return it.

    @raise NotFound: if there is none.
    """
    value = read(db, namespace, key)
    if len(key) == 1:
        db.execute("DELETE FROM items WHERE namespace = ? AND key = ?", (namespace, key[0]))
        return value
    top = _top(db, namespace, key[0])
    inner = top
    for part in key[1:-1]:
        inner = inner[part]
    del inner[key[-1]]
    put(db, namespace, key[0], top)
    return value


def _top(db: sqlite3.Connection, namespace: str, key: str) -> Any:
    row = db.execute("SELECT value FROM items WHERE namespace = ? AND key = ?", (namespace, key)).fetchone()
    if row is None:
        raise _missing(namespace, [key])
    return orjson.loads(row[0])


def _missing(namespace: str, key: Sequence[str]) -> NotFound:
    return NotFound(f"the database has no key {'.'.join(key)!r} in the namespace {namespace!r}")
