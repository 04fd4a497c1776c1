"""The tables of the database, and the way from an older version to this one."""

import sqlite3
from collections.abc import Callable

__all__ = ["MIGRATIONS", "UnknownSchema", "check_version", "migrate"]

# Each entry brings a database from version n to n + 1.
MIGRATIONS = (
    """
    CREATE TABLE items (
        namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (namespace, key)
    ) WITHOUT ROWID;
    CREATE TABLE jobs (
        job INTEGER PRIMARY KEY AUTOINCREMENT,
        filename TEXT NOT NULL, status TEXT NOT NULL, user TEXT,
        start_time REAL NOT NULL, end_time REAL,
        print_duration REAL NOT NULL, total_duration REAL NOT NULL, filament_used REAL NOT NULL,
        metadata BLOB NOT NULL
    );
    CREATE INDEX jobs_by_start ON jobs (start_time);
    CREATE TABLE job_totals (
        name TEXT PRIMARY KEY, value REAL NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE jobs ADD COLUMN auxiliary BLOB NOT NULL DEFAULT '[]';
    CREATE TABLE auxiliary_totals (
        provider TEXT NOT NULL, field TEXT NOT NULL, maximum REAL, total REAL, PRIMARY KEY (provider, field)
    ) WITHOUT ROWID;
    """,
)


class UnknownSchema(Exception):
    """The database was written by a newer broker."""


def check_version(connection: sqlite3.Connection) -> int:
    """The version of a database; changes nothing.

    @raise UnknownSchema: if it is newer than this broker.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise UnknownSchema(
            f"the database is of version {version} and this broker knows {len(MIGRATIONS)}: it is left alone"
        )
    return int(version)


def migrate(connection: sqlite3.Connection, save: Callable[[], object]) -> None:
    """Bring a database to this version; each step is one transaction.

    @param save: called before the first step that changes a database with content.
    @raise UnknownSchema: if it is newer than this broker.
    """
    version = check_version(connection)
    if 0 < version < len(MIGRATIONS):
        save()
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        try:
            connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT;")
        except sqlite3.Error:
            connection.rollback()
            raise
