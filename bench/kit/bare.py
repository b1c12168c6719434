"""Bare SQL that writes the same rows as ours, prepared beforehand: the limit of what an append can reach."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from bench.kit.sides import Step
from ingat.core import clock
from ingat.core.drafts import draft
from ingat.core.records import NewMessage
from ingat.core.tokens import open_tokenizer
from ingat.services.messages import entry_row, terms_of
from ingat.store.tables.messages import COLUMNS
from ingat.store.tables.recall import ENTRY_COLUMNS

_MESSAGE = f"INSERT INTO message ({COLUMNS}) VALUES ({', '.join('?' * 11)})"
_ENTRY = f"INSERT INTO recall_entry (user_id, {ENTRY_COLUMNS}) VALUES ({', '.join('?' * 15)})"
_SESSION = (
    "UPDATE session SET last_seq = last_seq + 1, message_count = message_count + 1, tokens = tokens + ?, active_at = ?,"
    " updated_at = ? WHERE user_id = ? AND id = ?"
)
_USER = "UPDATE user_profile SET version = version + 1 WHERE user_id = ?"


class Bare:
    """A store of ours, written by plain statements: four a message, in a transaction of its own."""

    def __init__(self, path: Path, sessions: Sequence[tuple[str, str]], synchronous: str = "NORMAL") -> None:
        """`path` is a store that has these (user id, session id), with as many messages in each."""
        self._conn = sqlite3.connect(path, isolation_level=None)
        self._conn.execute(f"PRAGMA synchronous={synchronous}")
        self._conn.execute("PRAGMA foreign_keys=ON")
        self._sessions, self._count = sessions, open_tokenizer("heuristic")
        rows = self._conn.execute("SELECT user_id, id, last_seq FROM session")
        self._seqs = {(user_id, session_id): int(seq) for user_id, session_id, seq in rows}

    def step(self, number: int, text: str) -> Step:
        """Return the append of one message to the session whose turn it is, with its rows made beforehand."""
        user_id, session_id = key = self._sessions[number % len(self._sessions)]
        self._seqs[key] += 1
        seq, now, execute = self._seqs[key], clock.now(), self._conn.execute
        new = draft(NewMessage(role="user", content=text), self._count, now)
        message = (user_id, session_id, seq, new.id, "user", text, None, None, None, new.tokens, now)
        entry = entry_row(user_id, session_id, seq, seq, new, terms_of(new))
        session, user = (new.tokens, now, now, user_id, session_id), (user_id,)

        def append() -> None:
            execute("BEGIN IMMEDIATE")
            execute(_SESSION, session)
            execute(_USER, user)
            execute(_MESSAGE, message)
            execute(_ENTRY, entry)
            execute("COMMIT")

        return append

    def close(self) -> None:
        """Close the connection."""
        self._conn.close()
