"""The table access_key: hashes of the keys that open the HTTP interface."""

from __future__ import annotations

from typing import Any, cast

from ingat.core.records import Key
from ingat.store.contract import Row, Tx

_COLUMNS = "id, role, user_id, name, created_at, revoked_at"


def _key(row: Row) -> Key:
    values: Any = row
    return Key(
        id=values[0], role=values[1], user_id=values[2], name=values[3], created_at=values[4], revoked_at=values[5]
    )


def insert(tx: Tx, key: Key, digest: bytes) -> None:
    """Add a key with the SHA-256 of its secret."""
    tx.run(
        f"INSERT INTO access_key ({_COLUMNS}, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key.id, key.role, key.user_id, key.name, key.created_at, key.revoked_at, digest),
    )


def with_digest(tx: Tx, digest: bytes) -> tuple[Key, bytes] | None:
    """Return the key whose secret has this SHA-256, revoked or not, with the hash that is stored; or None."""
    row = tx.one(f"SELECT {_COLUMNS}, hash FROM access_key WHERE hash = ?", (digest,))
    return (_key(row), cast(bytes, row[-1])) if row else None


def every(tx: Tx) -> list[Key]:
    """Return all keys, oldest first."""
    return [_key(row) for row in tx.all(f"SELECT {_COLUMNS} FROM access_key ORDER BY id")]


def get(tx: Tx, key_id: str) -> Key | None:
    """Return one key, or None."""
    row = tx.one(f"SELECT {_COLUMNS} FROM access_key WHERE id = ?", (key_id,))
    return _key(row) if row else None


def revoke(tx: Tx, key_id: str, now: int) -> None:
    """Mark the key as revoked, unless it is already."""
    tx.run("UPDATE access_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (now, key_id))


def move(tx: Tx, source: str, target: str) -> None:
    """Bind the keys of one user to another."""
    tx.run("UPDATE access_key SET user_id = ? WHERE user_id = ?", (target, source))
