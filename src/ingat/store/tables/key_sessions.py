"""The table key_session: the session that each access key is in."""

from __future__ import annotations

from typing import cast

from ingat.store.contract import Tx


def get(tx: Tx, key_id: str) -> str | None:
    """Return the id of the session, which may be gone by now, or None."""
    row = tx.one("SELECT session_id FROM key_session WHERE key_id = ?", (key_id,))
    return cast(str, row[0]) if row else None


def put(tx: Tx, key_id: str, session_id: str, now: int) -> None:
    """Let the key be in this session."""
    tx.run(
        "INSERT INTO key_session (key_id, session_id, updated_at) VALUES (?, ?, ?) ON CONFLICT (key_id)"
        " DO UPDATE SET session_id = excluded.session_id, updated_at = excluded.updated_at",
        (key_id, session_id, now),
    )


def remove(tx: Tx, key_id: str) -> None:
    """Let the key be in no session."""
    tx.run("DELETE FROM key_session WHERE key_id = ?", (key_id,))
