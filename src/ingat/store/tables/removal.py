"""What belongs to one session across the tables, and its removal as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ingat.core.ids import ANONYMOUS
from ingat.core.roles import DEFAULT_ROLE
from ingat.store.contract import Tx, Value


def summary_ids(tx: Tx, user_id: str, session_id: str) -> list[str]:
    """Return the ids of the summaries that were made of a session, in the order of their index entries."""
    rows = tx.all(
        "SELECT id FROM memory WHERE user_id = ? AND session_id = ? AND kind = 'summary' ORDER BY position",
        (user_id, session_id),
    )
    return [cast(str, row[0]) for row in rows]


def holds_nothing_else(tx: Tx, user_id: str, session_id: str) -> bool:
    """Whether a user is but the keeper of one session that nobody is known to have had, and of its summaries."""
    if not user_id.startswith(ANONYMOUS):
        return False
    others = (
        "SELECT 1 FROM user_profile WHERE user_id = ? AND ? <> ''"
        " AND (COALESCE(name, gender, product, address, language) IS NOT NULL OR protected = 1"
        f" OR slots <> '{{}}' OR flags <> '{{}}' OR metadata <> '{{}}' OR role <> '{DEFAULT_ROLE}')",
        "SELECT 1 FROM session WHERE user_id = ? AND id <> ?",
        "SELECT 1 FROM memory WHERE user_id = ? AND COALESCE(session_id, '') <> ?",
        "SELECT 1 FROM memory WHERE user_id = ? AND session_id = ? AND kind <> 'summary'",
    )
    if any(tx.one(query, (user_id, session_id)) for query in others):
        return False
    return not any(
        tx.one(f"SELECT 1 FROM {table} WHERE user_id = ?", (user_id,))
        for table in ("user_alias", "access_key", "snapshot")
    )


def places(tx: Tx, user_id: str, session_id: str) -> list[int]:
    """Return the places of a session's messages and summaries in the user's index; goes through all of the index."""
    rows = tx.all(
        "SELECT position FROM recall_entry WHERE user_id = ? AND session_id = ? AND source IN ('message', 'summary')",
        (user_id, session_id),
    )
    return [cast(int, row[0]) for row in rows]


def delete_session(tx: Tx, user_id: str, session_id: str, memory_ids: Sequence[str], positions: Sequence[int]) -> None:
    """Remove a session with its messages, these memories and index entries, and what is noted of it elsewhere."""
    whose: tuple[Value, ...] = (user_id, session_id)
    tx.many("DELETE FROM memory WHERE user_id = ? AND id = ?", [(user_id, each) for each in memory_ids])
    rows = [(user_id, each) for each in positions]
    tx.many("DELETE FROM recall_vector WHERE user_id = ? AND position = ?", rows)
    tx.many("DELETE FROM recall_entry WHERE user_id = ? AND position = ?", rows)
    tx.run("DELETE FROM transcript_pack WHERE user_id = ? AND session_id = ?", whose)
    tx.run("DELETE FROM message WHERE user_id = ? AND session_id = ?", whose)
    tx.run("DELETE FROM session_expiry WHERE session_id = ?", (session_id,))
    tx.run("DELETE FROM key_session WHERE session_id = ?", (session_id,))
    tx.run("DELETE FROM session WHERE user_id = ? AND id = ?", whose)
    tx.run("DELETE FROM session_owner WHERE session_id = ?", (session_id,))
