"""Crowds: a store of many users with ten short sessions each, and many log entries, written by SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.kit.ours import url
from ingat.core.clock import now
from ingat.core.ids import new_id
from ingat.memory import Memory

SESSIONS_A_USER = 10
TURNS = 2
OLD = 200
"""Sessions, of users of their own, that have been silent for two days."""
HOUR_MS = 3_600_000
_CATEGORIES = ("session", "memory", "recall", "cleanup", "server", "chat", "job", "general")
_LEVELS = (20, 20, 20, 20, 20, 20, 10, 10, 30, 40)


def make_crowd(path: Path, sessions: int, entries: int) -> None:
    """Make the store: so many sessions, active in the last hour or closed, and so many log entries of a week."""
    with Memory(url(path), embedder="none") as memory:
        model = memory.sessions.open("model")
        for _ in range(TURNS):
            memory.sessions.append(model.id, "user", "Please move my appointment to Thursday afternoon.")
        # the defaults would put nearly all of it away
        memory.retention.set(max_sessions=10_000_000, max_log_entries=100_000_000)
        model_id = model.id
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA synchronous=OFF")
    conn.execute("PRAGMA cache_size=-200000")
    conn.execute("BEGIN")
    _copy(conn, "user_profile", "user_id = 'model'", ({"user_id": name} for name in _users(sessions)))
    _copy(conn, "session", "user_id = 'model'", _sessions(sessions))
    conn.executemany(
        "INSERT INTO session_owner (session_id, user_id) VALUES (?, ?)",
        ((row["id"], row["user_id"]) for row in _sessions(sessions)),
    )
    for seq in range(1, TURNS + 1):
        rows = (
            {"user_id": row["user_id"], "session_id": row["id"], "id": f"{row['id']}-{seq}", "at": row["active_at"]}
            for row in _sessions(sessions)
        )
        _copy(conn, "message", f"session_id = '{model_id}' AND seq = {seq}", rows)
        rows = (
            {
                "user_id": row["user_id"],
                "session_id": row["id"],
                "source_id": f"{row['id']}-{seq}",
                "at": row["active_at"],
                "position": TURNS * row["place"] + seq,
            }
            for row in _sessions(sessions)
        )
        _copy(conn, "recall_entry", f"session_id = '{model_id}' AND seq = {seq}", rows)
    conn.execute(f"UPDATE user_profile SET version = {TURNS * SESSIONS_A_USER} WHERE user_id LIKE 'u%'")
    _log(conn, entries)
    conn.execute("COMMIT")
    conn.execute("ANALYZE")
    conn.close()


def _users(sessions: int) -> Iterator[str]:
    yield from (f"u{number}" for number in range(sessions // SESSIONS_A_USER))
    yield from (f"old{number}" for number in range(OLD))


def _sessions(sessions: int) -> Iterator[dict[str, Any]]:
    """Return the rows that differ: one active session a user, the others closed."""
    present = now()
    for number in range(sessions // SESSIONS_A_USER):
        for place in range(SESSIONS_A_USER):
            at = present - HOUR_MS // 2 if place == 0 else present - (place * 24 + number % 24) * HOUR_MS
            yield {
                "user_id": f"u{number}",
                "id": f"s{number}-{place}",
                "place": place,
                "state": "closed" if place else "active",
                "channel": f"c{place}",
                "created_at": at,
                "updated_at": at,
                "active_at": at,
                "closed_at": at if place else None,
            }
    for number in range(OLD):
        at = present - 48 * HOUR_MS
        yield {
            "user_id": f"old{number}",
            "id": f"old-{number}",
            "place": 0,
            "state": "active",
            "channel": "default",
            "created_at": at,
            "updated_at": at,
            "active_at": at,
            "closed_at": None,
        }


def _copy(conn: sqlite3.Connection, table: str, which: str, changes: Iterator[dict[str, Any]]) -> None:
    """Write copies of one row, each with some values changed."""
    names = [str(row[1]) for row in conn.execute(f"PRAGMA table_info({table})")]
    model = dict(zip(names, conn.execute(f"SELECT * FROM {table} WHERE {which}").fetchone(), strict=True))
    marks = ", ".join("?" * len(names))
    conn.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",
        ([change.get(name, model[name]) for name in names] for change in changes),
    )


def _log(conn: sqlite3.Connection, entries: int) -> None:
    start, step = now() - 7 * 24 * HOUR_MS + HOUR_MS, max(1, 6 * 24 * HOUR_MS // entries)
    conn.executemany(
        "INSERT INTO log_entry (id, at, level, category, source, message, data, user_id, session_id)"
        " VALUES (?, ?, ?, ?, 'bench', ?, NULL, ?, NULL)",
        (
            (
                new_id(),
                start + number * step,
                _LEVELS[number % len(_LEVELS)],
                _CATEGORIES[number % len(_CATEGORIES)],
                f"Recalled {number} memories" if number % 1_000 else "A rare thing happened",
                f"u{number % 97}",
            )
            for number in range(entries)
        ),
    )
    conn.execute(
        "INSERT INTO log_count (level, category, entries) SELECT level, category, COUNT(*) FROM log_entry"
        " WHERE source = 'bench' GROUP BY level, category ON CONFLICT (level, category)"
        " DO UPDATE SET entries = log_count.entries + excluded.entries"
    )
