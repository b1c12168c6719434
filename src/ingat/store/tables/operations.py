"""The table operation: what was done that took something away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import msgspec

from ingat.core.errors import OperationNotFound
from ingat.core.reports import Operation
from ingat.store.contract import Row, Tx
from ingat.store.tables.paging import Cursor, encode_cursor, keyset, listing

NEWEST_FIRST = listing("operations", "created_at", True)

_COLUMNS = "id, kind, scope, target, actor, reason, counts, restore_point, created_at, undone_at, undone_by"
_counts = msgspec.json.Decoder(dict[str, int])


def _operation(row: Row) -> Operation:
    values: Any = row
    return Operation(
        id=values[0],
        kind=values[1],
        scope=values[2],
        target=values[3],
        actor=values[4],
        reason=values[5],
        counts=_counts.decode(values[6]),
        restore_point=values[7],
        created_at=values[8],
        undone_at=values[9],
        undone_by=values[10],
    )


def insert(tx: Tx, operation: Operation) -> None:
    """Add one operation; its id must be new."""
    tx.run(
        f"INSERT INTO operation ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            operation.id,
            operation.kind,
            operation.scope,
            operation.target,
            operation.actor,
            operation.reason,
            msgspec.json.encode(operation.counts).decode(),
            operation.restore_point,
            operation.created_at,
            operation.undone_at,
            operation.undone_by,
        ),
    )


def get(tx: Tx, operation_id: str) -> Operation | None:
    """Return one operation, or None."""
    row = tx.one(f"SELECT {_COLUMNS} FROM operation WHERE id = ?", (operation_id,))
    return _operation(row) if row else None


def required(tx: Tx, operation_id: str) -> Operation:
    """Return the operation with this id, or raise OperationNotFound."""
    found = get(tx, operation_id)
    if found is None:
        raise OperationNotFound(
            f"There is no operation {operation_id[:64]!r}; `ingat operations list` shows them.",
            operation_id=operation_id,
        )
    return found


def begin_undo(tx: Tx, operation_id: str, actor: str) -> None:
    """Note that an operation is about to be undone, so that it takes nothing more away."""
    tx.run("UPDATE operation SET undone_by = ? WHERE id = ? AND undone_at IS NULL", (actor, operation_id))


def is_being_undone(tx: Tx, operation_id: str) -> bool:
    """Whether an operation is about to be undone, or was."""
    row = tx.one("SELECT undone_by FROM operation WHERE id = ?", (operation_id,))
    return row is not None and row[0] is not None


def mark_undone(tx: Tx, operation_id: str, at: int, actor: str) -> bool:
    """Note when and by whom an operation was undone; return False when that was noted before."""
    row = tx.one(
        "UPDATE operation SET undone_at = ?, undone_by = ? WHERE id = ? AND undone_at IS NULL RETURNING id",
        (at, actor, operation_id),
    )
    return row is not None


def older(tx: Tx, before: int, after: tuple[int, str], limit: int) -> list[tuple[int, str, str | None]]:
    """Return (created_at, id, restore point) of operations recorded before a time, oldest first, behind a place."""
    rows = tx.all(
        "SELECT created_at, id, restore_point FROM operation WHERE created_at < ? AND (created_at, id) > (?, ?)"
        " ORDER BY created_at, id LIMIT ?",
        (before, *after, limit),
    )
    return cast("list[tuple[int, str, str | None]]", rows)


def restore_points(tx: Tx) -> set[str]:
    """Return the names of the restore points of all operations that are recorded."""
    rows = tx.all("SELECT restore_point FROM operation WHERE restore_point IS NOT NULL")
    return {cast(str, row[0]) for row in rows}


def delete_many(tx: Tx, ids: Iterable[str]) -> None:
    """Forget operations."""
    tx.many("DELETE FROM operation WHERE id = ?", [(each,) for each in ids])


def page(tx: Tx, limit: int, cursor: Cursor | None) -> tuple[list[Operation], str | None]:
    """Return one page of operations, newest first, and the cursor of the next."""
    after, args, order = keyset(NEWEST_FIRST, "created_at", "id", True, cursor)
    rows = tx.all(f"SELECT {_COLUMNS} FROM operation WHERE {after} {order} LIMIT ?", (*args, limit + 1))
    found = [_operation(row) for row in rows[:limit]]
    more = encode_cursor(NEWEST_FIRST, found[-1].created_at, found[-1].id) if len(rows) > limit else None
    return found, more
