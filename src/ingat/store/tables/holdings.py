"""How much belongs to one user across the tables."""

from __future__ import annotations

from typing import NamedTuple, cast

from ingat.store.contract import Tx


class Holdings(NamedTuple):
    """How many rows name a user as their owner; log entries and access keys are left out."""

    sessions: int
    memories: int
    snapshots: int
    artifacts: int


def made_since(tx: Tx, user_id: str, at: int) -> int:
    """Return how many snapshots and artifacts of a user were made after a time; both may be there without the user."""
    found = "SELECT COUNT(*) FROM {} WHERE user_id = ? AND created_at > ?"
    return sum(cast("tuple[int]", tx.one(found.format(table), (user_id, at)))[0] for table in ("snapshot", "artifact"))


def of_user(tx: Tx, user_id: str) -> Holdings:
    """Return how many rows a user has."""
    return Holdings(
        *(
            cast("tuple[int]", tx.one(f"SELECT COUNT(*) FROM {table} WHERE user_id = ?", (user_id,)))[0]
            for table in ("session", "memory", "snapshot", "artifact")
        )
    )
