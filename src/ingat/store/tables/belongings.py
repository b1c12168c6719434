"""What belongs to one user, or to all: how much it is, and whether it has changed."""

from __future__ import annotations

import hashlib
from typing import cast

from ingat.store.contract import Tx, Value

_WHOLE = (
    "SELECT * FROM user_profile WHERE user_id = ?",
    "SELECT alias FROM user_alias WHERE user_id = ? ORDER BY alias",
    "SELECT * FROM session WHERE user_id = ? ORDER BY id",
    "SELECT * FROM memory WHERE user_id = ? ORDER BY id",
    "SELECT e.* FROM session_expiry e JOIN session s ON s.id = e.session_id WHERE s.user_id = ? ORDER BY e.session_id",
    "SELECT id, version FROM snapshot WHERE user_id = ? ORDER BY created_at, id",
    "SELECT id, sha256 FROM artifact WHERE user_id = ? ORDER BY created_at, id",
)
"""What tells whether something of a user has changed. Messages raise the profile's `version`."""

_COUNTED = {
    "user": "SELECT COUNT(*) FROM user_profile",
    "session": "SELECT COUNT(*) FROM session",
    "message": "SELECT COALESCE(SUM(message_count), 0) FROM session",
    "memory": "SELECT COUNT(*) FROM memory",
    "expiry": "SELECT COUNT(*) FROM session_expiry e JOIN session s ON s.id = e.session_id",
    "snapshot": "SELECT COUNT(*) FROM snapshot",
    "artifact": "SELECT COUNT(*) FROM artifact",
}
"""How to count the rows of each kind."""


def fingerprint(tx: Tx, user_id: str) -> bytes:
    """Return what is the same as long as nothing of the user's is added, changed or removed."""
    digest = hashlib.sha256()
    for query in _WHOLE:
        digest.update(repr(tx.all(query, (user_id,))).encode())
    return digest.digest()


def count(tx: Tx, user_id: str | None) -> dict[str, int]:
    """Return how many rows of each kind a user has, None: all users and nobody; kinds without any are left out."""
    where, args = (" WHERE user_id = ?", (user_id,)) if user_id is not None else ("", ())
    found = {kind: _number(tx, query + where, args) for kind, query in _COUNTED.items()}
    return {kind: number for kind, number in found.items() if number}


def messages(tx: Tx, user_id: str) -> int:
    """Return how many messages a user has, from the sums that the sessions keep."""
    return _number(tx, "SELECT COALESCE(SUM(message_count), 0) FROM session WHERE user_id = ?", (user_id,))


def snapshots_after(tx: Tx, user_id: str, snapshot_id: str, limit: int) -> list[str]:
    """Return up to `limit` ids of a user's snapshots beyond an id, in order; "" is nobody."""
    return _ids(
        tx, "SELECT id FROM snapshot WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?", (user_id, snapshot_id, limit)
    )


def artifacts_after(tx: Tx, user_id: str, artifact_id: str, limit: int) -> list[str]:
    """Return up to `limit` ids of a user's artifacts beyond an id, in order; "" is nobody."""
    return _ids(
        tx, "SELECT id FROM artifact WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?", (user_id, artifact_id, limit)
    )


def _number(tx: Tx, query: str, args: tuple[Value, ...]) -> int:
    return int(cast("tuple[int]", tx.one(query, args))[0])


def _ids(tx: Tx, query: str, args: tuple[Value, ...]) -> list[str]:
    return [cast(str, row[0]) for row in tx.all(query, args)]
