"""Everything that is true in a store, as plain values: what two stores must share to be the same."""

from __future__ import annotations

from typing import Any

from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.store.tables.catalog import TABLES

_TRUTH = {
    "user_profile": "version, epoch",
    "user_alias": "",
    "session": "packed_at",
    "session_owner": "",
    "message": "",
    "memory": "position",
    "session_expiry": "",
    "snapshot": "",
    "artifact": "",
    "log_entry": "",
    "log_count": "",
    "retention_policy": "",
}
"""The tables that hold what cannot be made anew, and those of their columns that count changes or can."""
_COLUMNS = {table.name: table.columns for table in TABLES}


def truth(memory: Memory) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table of truth; columns that only count changes are left out."""

    def look(tx: Tx) -> dict[str, list[dict[str, Any]]]:
        found = {}
        for table, left_out in _TRUTH.items():
            kept = [column for column in _COLUMNS[table] if column not in left_out.split(", ")]
            rows = tx.all(f"SELECT {', '.join(kept)} FROM {table}")
            found[table] = sorted((dict(zip(kept, row, strict=True)) for row in rows), key=repr)
        return found

    return memory.store.read(look)


def index(memory: Memory) -> list[tuple[Any, ...]]:
    """Return what the recall index says of each source, without the places, which grow."""
    query = (
        "SELECT user_id, source, source_id, session_id, seq, role, author, at, terms, pairs, flags, words,"
        " valid_from, valid_to FROM recall_entry"
    )
    return sorted(memory.store.read(lambda tx: tx.all(query)), key=repr)
