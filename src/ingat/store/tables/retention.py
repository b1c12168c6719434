"""The table retention_policy: one row a change, the last one in force."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import msgspec

from ingat.core.policy import PolicyVersion, RetentionPolicy
from ingat.store.contract import Row, Tx
from ingat.store.tables.paging import Cursor, encode_cursor, keyset, listing

LIST = listing("policies", "number", True)
_DEFAULTS = RetentionPolicy()
_decoder = msgspec.json.Decoder(RetentionPolicy)


@lru_cache(maxsize=64)
def _read(text: str) -> RetentionPolicy:
    return _decoder.decode(text)


def current(tx: Tx) -> RetentionPolicy:
    """Return the policy in force: the one that was set last, or the defaults. Cheap enough for every transaction."""
    row = tx.one("SELECT policy FROM retention_policy ORDER BY number DESC LIMIT 1")
    return _read(cast(str, row[0])) if row else _DEFAULTS


def insert(tx: Tx, policy: RetentionPolicy, actor: str, now: int) -> PolicyVersion:
    """Put a policy in force; StoreConflict when another transaction did so at the same time."""
    row = tx.one("SELECT COALESCE(MAX(number), 0) + 1 FROM retention_policy")
    number = cast("tuple[int]", row)[0]
    tx.run(
        "INSERT INTO retention_policy (number, policy, actor, changed_at) VALUES (?, ?, ?, ?)",
        (number, msgspec.json.encode(policy).decode(), actor, now),
    )
    return PolicyVersion(number=number, policy=policy, actor=actor, changed_at=now)


def page(tx: Tx, limit: int, cursor: Cursor | None) -> tuple[list[PolicyVersion], str | None]:
    """Return one page of the policies that were set, newest first, and the cursor of the next."""
    after, args, order = keyset(LIST, "number", "number", True, cursor)
    if cursor is not None:
        args = [cursor.value]
    rows = tx.all(
        f"SELECT number, policy, actor, changed_at FROM retention_policy WHERE {after} {order} LIMIT ?",
        (*args, limit + 1),
    )
    found = [_version(row) for row in rows[:limit]]
    more = encode_cursor(LIST, found[-1].number, str(found[-1].number)) if len(rows) > limit else None
    return found, more


def _version(row: Row) -> PolicyVersion:
    values: Any = row
    return PolicyVersion(number=values[0], policy=_read(values[1]), actor=values[2], changed_at=values[3])
