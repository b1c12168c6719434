"""People: a store of many users, a few of them written by the public API, the others copied from these by SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from bench.kit.ours import url
from bench.kit.talk import Talk
from ingat.memory import Memory

TURNS_A_SESSION = 25
_TABLES = ("user_profile", "session_owner", "session", "message", "recall_entry", "recall_vector")


def add_user(memory: Memory, user_id: str, texts: Sequence[str]) -> None:
    """Write a user's turns in sessions of 25, two speakers in turn; their vectors are made when this returns."""
    for start in range(0, len(texts), TURNS_A_SESSION):
        session = memory.sessions.create(user_id, id=f"{user_id}-{start // TURNS_A_SESSION}")
        said = [
            {"role": "user" if place % 2 == 0 else "assistant", "content": text}
            for place, text in enumerate(texts[start : start + TURNS_A_SESSION])
        ]
        memory.sessions.append_many(session.id, said)
        if start % 10_000 == 0:
            _finish(memory)
    _finish(memory)


def make_store(path: Path, talk: Talk, users: int, turns: int, written: int) -> list[list[str]]:
    """Make a store of users `u0`, `u1`, … and return the texts of the first `written` ones.

    The others have the same turns as these, one after another, under ids of their own.
    """
    people = [talk.turns(turns) for _ in range(min(written, users))]
    with Memory(url(path)) as memory:
        for place, texts in enumerate(people):
            add_user(memory, f"u{place}", texts)
    conn = sqlite3.connect(path, isolation_level=None)
    for setting in ("foreign_keys=OFF", "synchronous=OFF", "cache_size=-200000"):
        conn.execute(f"PRAGMA {setting}")
    for place in range(len(people), users):
        _copy(conn, f"u{place % len(people)}", f"u{place}")
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    conn.close()
    return people


def _copy(conn: sqlite3.Connection, source: str, target: str) -> None:
    conn.execute("BEGIN")
    for table in _TABLES:
        columns = [str(row[1]) for row in conn.execute(f"PRAGMA table_info({table})")]
        values = ["?1" if name == "user_id" else name for name in columns]
        for owned in {"session_owner": ("session_id",), "session": ("id",)}.get(table, ("session_id",)):
            values = [f"replace({name}, ?2 || '-', ?1 || '-')" if name == owned else name for name in values]
        conn.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} WHERE user_id = ?2",
            (target, source),
        )
    conn.execute("COMMIT")


def _finish(memory: Memory) -> None:
    if memory.vectors is not None:
        memory.vectors.flush()
