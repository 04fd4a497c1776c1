"""The rows of the job history. All functions run in the database's thread."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import orjson

from brokerd.errors import NotFound
from brokerd.jobs.fields import HistoryField

__all__ = [
    "add",
    "auxiliary_totals",
    "close_interrupted",
    "finish",
    "listing",
    "one",
    "remove",
    "reset_totals",
    "totals",
    "update",
]

_COLUMNS = (
    "job, filename, status, user, start_time, end_time,"
    " print_duration, total_duration, filament_used, metadata, auxiliary"
)
_TOTALS = (
    "total_jobs",
    "total_time",
    "total_print_time",
    "total_filament_used",
    "longest_job",
    "longest_print",
)


def _entry(row: tuple[Any, ...]) -> dict[str, Any]:
    names = [name.strip() for name in _COLUMNS.split(",")]
    entry = dict(zip(names, row, strict=True))
    entry["job_id"] = f"{entry.pop('job'):06X}"
    entry["metadata"] = orjson.loads(entry["metadata"])
    entry["auxiliary_data"] = orjson.loads(entry.pop("auxiliary"))
    return entry


def _number(uid: str) -> int:
    try:
        return int(uid, 16)
    except ValueError:
        raise NotFound(f"there is no job {uid!r}")


def add(db: sqlite3.Connection, filename: str, start_time: float, metadata: dict[str, Any]) -> dict[str, Any]:
    """Record a job that begins."""
    cursor = db.execute(
        "INSERT INTO jobs"
        " (filename, status, start_time, print_duration, total_duration, filament_used, metadata)"
        " VALUES (?, 'in_progress', ?, 0, 0, 0, ?)",
        (filename, start_time, orjson.dumps(metadata)),
    )
    return one(db, f"{cursor.lastrowid:X}")


def update(db: sqlite3.Connection, uid: str, durations: tuple[float, float, float]) -> None:
    """Note what a job has come to: print and total duration (s), filament (mm)."""
    db.execute(
        "UPDATE jobs SET print_duration = ?, total_duration = ?, filament_used = ? WHERE job = ?",
        (*durations, _number(uid)),
    )


def finish(
    db: sqlite3.Connection,
    uid: str,
    status: str,
    end_time: float,
    durations: tuple[float, float, float],
    fields: Iterable[HistoryField] = (),
) -> dict[str, Any]:
    """Close a job and add it to the totals."""
    update(db, uid, durations)
    fields = list(fields)
    auxiliary = orjson.dumps([each.entry for each in fields])
    db.execute(
        "UPDATE jobs SET status = ?, end_time = ?, auxiliary = ? WHERE job = ?",
        (status, end_time, auxiliary, _number(uid)),
    )
    _add_auxiliary(db, fields)
    print_time, total_time, filament = durations
    now = totals(db)
    now["total_jobs"] += 1
    now["total_time"] += total_time
    now["total_print_time"] += print_time
    now["total_filament_used"] += filament
    now["longest_job"] = max(now["longest_job"], total_time)
    now["longest_print"] = max(now["longest_print"], print_time)
    db.executemany("INSERT OR REPLACE INTO job_totals VALUES (?, ?)", now.items())
    return one(db, uid)


def _add_auxiliary(db: sqlite3.Connection, fields: Iterable[HistoryField]) -> None:
    for each in fields:
        value = each.value
        if each.has_totals and isinstance(value, int | float):
            db.execute(
                "INSERT INTO auxiliary_totals VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO UPDATE"
                " SET maximum = max(maximum, excluded.maximum), total = total + excluded.total",
                (each.provider, each.name, value),
            )


def auxiliary_totals(db: sqlite3.Connection, fields: Iterable[HistoryField]) -> list[dict[str, Any]]:
    """Totals of the fields that there are; those of others are dropped."""
    rows = db.execute("SELECT provider, field, maximum, total FROM auxiliary_totals").fetchall()
    stored = {(provider, name): (maximum, total) for provider, name, maximum, total in rows}
    found = []
    for each in fields:
        if not each.has_totals:
            continue
        maximum, total = stored.pop((each.provider, each.name), (None, None))
        found.append(
            {
                "provider": each.provider,
                "field": each.name,
                "maximum": _rounded(maximum, each) if each.report_maximum else None,
                "total": _rounded(total, each) if each.report_total else None,
            }
        )
    db.executemany("DELETE FROM auxiliary_totals WHERE provider = ? AND field = ?", list(stored))
    return found


def _rounded(value: float | None, source: HistoryField) -> float | None:
    return value if value is None or source.precision is None else round(value, source.precision)


def close_interrupted(db: sqlite3.Connection) -> None:
    """Jobs that were running when the broker died."""
    db.execute("UPDATE jobs SET status = 'interrupted' WHERE status = 'in_progress'")


def one(db: sqlite3.Connection, uid: str) -> dict[str, Any]:
    """@raise NotFound: if there is no such job."""
    row = db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE job = ?", (_number(uid),)).fetchone()
    if row is None:
        raise NotFound(f"there is no job {uid!r}")
    return _entry(row)


def listing(
    db: sqlite3.Connection, start: int, limit: int, since: float | None, before: float | None, ascending: bool
) -> dict[str, Any]:
    """Jobs in a span of time; C{count} is that of all of them."""
    where = "WHERE start_time > ? AND start_time < ?"
    span = (since if since is not None else -1.0, before if before is not None else 1e18)
    (count,) = db.execute(f"SELECT COUNT(*) FROM jobs {where}", span).fetchone()
    order = "ASC" if ascending else "DESC"
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM jobs {where} ORDER BY start_time {order}, job {order} LIMIT ? OFFSET ?",
        (*span, limit, start),
    )
    return {"count": count, "jobs": [_entry(row) for row in rows]}


def remove(db: sqlite3.Connection, uid: str | None) -> list[str]:
    """Delete one job, or all that are over; returns their ids."""
    if uid is None:
        rows = db.execute("DELETE FROM jobs WHERE status != 'in_progress' RETURNING job")
    else:
        one(db, uid)
        rows = db.execute("DELETE FROM jobs WHERE job = ? RETURNING job", (_number(uid),))
    return [f"{job:06X}" for (job,) in rows.fetchall()]


def totals(db: sqlite3.Connection) -> dict[str, float]:
    """The totals of all jobs since the last reset."""
    stored = dict(db.execute("SELECT name, value FROM job_totals").fetchall())
    return {name: stored.get(name, 0.0) for name in _TOTALS}


def reset_totals(db: sqlite3.Connection) -> dict[str, float]:
    """Set the totals to zero; returns them as they were."""
    before = totals(db)
    db.execute("DELETE FROM job_totals")
    db.execute("DELETE FROM auxiliary_totals")
    return before
