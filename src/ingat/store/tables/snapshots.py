"""The table snapshot: application states under their names."""

from __future__ import annotations

from typing import Any, cast

from ingat.core.json import decode_object, encode_object
from ingat.core.snapshots import Snapshot, SnapshotHead
from ingat.core.states import seal
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables.paging import LIKE, Cursor, encode_cursor, keyset, like_pattern, listing

LIST = listing("snapshots", "created_at", True)
MOST_LOOKED_AT = 10_000
"""Rows that a page looks through for a text."""
_HEAD = "id, user_id, name, version, description, is_auto, size_bytes, sha256, metadata, created_at"


def _fields(row: Row) -> dict[str, Any]:
    values: Any = row
    return {
        "id": values[0],
        "user_id": values[1] or None,
        "name": values[2],
        "version": values[3],
        "description": values[4],
        "is_auto": bool(values[5]),
        "size_bytes": values[6],
        "sha256": values[7],
        "metadata": decode_object(values[8]),
        "created_at": values[9],
    }


def get(tx: Tx, snapshot_id: str) -> Snapshot | None:
    """Return one snapshot with its state, or None."""
    row = tx.one(f"SELECT {_HEAD}, state FROM snapshot WHERE id = ?", (snapshot_id,))
    return Snapshot(**_fields(row), state=decode_object(row[-1])) if row else None


def head(tx: Tx, snapshot_id: str) -> SnapshotHead | None:
    """Return one snapshot without its state, or None."""
    row = tx.one(f"SELECT {_HEAD} FROM snapshot WHERE id = ?", (snapshot_id,))
    return SnapshotHead(**_fields(row)) if row else None


def next_version(tx: Tx, user_id: str | None, name: str) -> int:
    """Return the version that the next snapshot of this user and name gets."""
    row = tx.one("SELECT MAX(version) FROM snapshot WHERE user_id = ? AND name = ?", (user_id or "", name))
    return (cast("tuple[int | None]", row)[0] or 0) + 1


def free_version(tx: Tx, user_id: str | None, name: str, wanted: int) -> int:
    """Return the version that is wanted, or the next one when another snapshot of this user and name has it."""
    taken = tx.one(
        "SELECT 1 FROM snapshot WHERE user_id = ? AND name = ? AND version = ?", (user_id or "", name, wanted)
    )
    return next_version(tx, user_id, name) if taken else wanted


def insert(tx: Tx, snapshot: Snapshot) -> None:
    """Add a snapshot; StoreConflict when its id or its version is taken."""
    values: dict[str, Value] = {
        "id": snapshot.id,
        "user_id": snapshot.user_id or "",
        "name": snapshot.name,
        "version": snapshot.version,
        "description": snapshot.description,
        "is_auto": int(snapshot.is_auto),
        "size_bytes": snapshot.size_bytes,
        "sha256": snapshot.sha256,
        "metadata": encode_object(snapshot.metadata, "metadata"),
        "created_at": snapshot.created_at,
        "state": seal(snapshot.state).text,
    }
    marks = ", ".join("?" * len(values))
    tx.run(f"INSERT INTO snapshot ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


def delete(tx: Tx, snapshot_id: str) -> bool:
    """Delete one snapshot and return whether there was one."""
    return tx.run("DELETE FROM snapshot WHERE id = ?", (snapshot_id,)) > 0


def page(
    tx: Tx,
    limit: int,
    *,
    cursor: Cursor | None = None,
    user_id: str | None = None,
    is_auto: bool | None = None,
    name: str | None = None,
    search: str | None = None,
) -> tuple[list[SnapshotHead], str | None]:
    """Return one page of snapshots without their states, newest first, and the cursor of the next.

    `user_id` None is everybody's, "" nobody's; `search` is part of a name or description: a page looks through up to
    MOST_LOOKED_AT rows for it, so that one may be short, or empty, and have a next one.
    """
    after, args, order = keyset(LIST, "created_at", "id", True, cursor)
    where = [after]
    for column, value in (("user_id", user_id), ("name", name), ("is_auto", None if is_auto is None else int(is_auto))):
        if value is not None:
            where.append(f"{column} = ?")
            args.append(value)
    edge: Row | None = None
    if search is not None:
        edge = tx.one(
            f"SELECT created_at, id FROM snapshot WHERE {' AND '.join(where)} {order} LIMIT 1 OFFSET ?",
            (*args, MOST_LOOKED_AT - 1),
        )
        if edge is not None:
            where.append("(created_at, id) >= (?, ?)")
            args += edge
        like = like_pattern(search)
        where.append(f"(LOWER(name) {LIKE} OR LOWER(COALESCE(description, '')) {LIKE})")
        args += [like, like]
    rows = tx.all(f"SELECT {_HEAD} FROM snapshot WHERE {' AND '.join(where)} {order} LIMIT ?", (*args, limit + 1))
    found = [SnapshotHead(**_fields(row)) for row in rows[:limit]]
    if len(rows) > limit:
        return found, encode_cursor(LIST, found[-1].created_at, found[-1].id)
    return found, None if edge is None else encode_cursor(LIST, edge[0], cast(str, edge[1]))


def auto_beyond(tx: Tx, keep: int, limit: int) -> list[SnapshotHead]:
    """Return up to `limit` automatic snapshots beyond the newest `keep` of their user, the oldest of each first.

    Those of no user count together, as one user's.
    """
    crowded = tx.all(
        "SELECT user_id, COUNT(*) FROM snapshot WHERE is_auto = 1 GROUP BY user_id HAVING COUNT(*) > ?"
        " ORDER BY user_id LIMIT ?",
        (keep, limit),
    )
    found: list[SnapshotHead] = []
    for user_id, count in cast("list[tuple[str, int]]", crowded):
        if len(found) == limit:
            break
        rows = tx.all(
            f"SELECT {_HEAD} FROM snapshot WHERE is_auto = 1 AND user_id = ? ORDER BY created_at, id LIMIT ?",
            (user_id, min(count - keep, limit - len(found))),
        )
        found += [SnapshotHead(**_fields(row)) for row in rows]
    return found


def auto_beyond_sums(tx: Tx, keep: int) -> tuple[int, int]:
    """Return how many automatic snapshots there are beyond the newest `keep` of their user, and their bytes."""
    row = tx.one(
        "SELECT COUNT(*), COALESCE(SUM(size_bytes), 0) FROM (SELECT size_bytes, ROW_NUMBER() OVER"
        " (PARTITION BY user_id ORDER BY created_at DESC, id DESC) AS place FROM snapshot WHERE is_auto = 1) AS ranked"
        " WHERE place > ?",
        (keep,),
    )
    return cast("tuple[int, int]", row)


def move(tx: Tx, source: str, target: str) -> None:
    """Give one user's snapshots to another; where both have a name, the source's versions follow the target's."""
    shared = tx.all(
        "SELECT t.name, MAX(t.version) FROM snapshot t WHERE t.user_id = ? AND EXISTS"
        " (SELECT 1 FROM snapshot s WHERE s.user_id = ? AND s.name = t.name) GROUP BY t.name",
        (target, source),
    )
    for name, last in cast("list[tuple[str, int]]", shared):
        tx.run(
            "UPDATE snapshot SET user_id = ?, version = version + ? WHERE user_id = ? AND name = ?",
            (target, last, source, name),
        )
    tx.run("UPDATE snapshot SET user_id = ? WHERE user_id = ?", (target, source))


def count_auto(tx: Tx) -> int:
    """Return how many automatic snapshots there are."""
    return cast("tuple[int]", tx.one("SELECT COUNT(*) FROM snapshot WHERE is_auto = 1"))[0]


def count(tx: Tx) -> int:
    """Return how many snapshots there are."""
    return cast("tuple[int]", tx.one("SELECT COUNT(*) FROM snapshot"))[0]
