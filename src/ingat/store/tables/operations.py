"""The table operation: what was done that took something away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import msgspec

from ingat.core.errors import OperationNotFound
from ingat.core.reports import Operation
from ingat.store.contract import Row, Tx
from ingat.store.tables.paging import Cursor, encode_cursor, keyset, listing

Newest = Callable[[Tx], Operation | None]
"""Finds the operation that is meant when none is named."""
NEWEST_FIRST = listing("operations", "created_at", True)

_COLUMNS = "id, kind, scope, target, actor, reason, counts, restore_point, created_at, undone_at, undone_by, reverts"
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
        reverts=values[11],
    )


def insert(tx: Tx, operation: Operation) -> None:
    """Add one operation; its id must be new."""
    tx.run(
        f"INSERT INTO operation ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            operation.reverts,
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
    """Note when and by whom an operation was undone; return False when that was noted before.

    No two have one time: what was undone last is told by it. So it may be noted a little later than it was.
    """
    row = tx.one("SELECT MAX(undone_at) FROM operation WHERE undone_at IS NOT NULL")
    last = cast("tuple[int | None]", row)[0]
    row = tx.one(
        "UPDATE operation SET undone_at = ?, undone_by = ? WHERE id = ? AND undone_at IS NULL RETURNING id",
        (at if last is None else max(at, last + 1), actor, operation_id),
    )
    return row is not None


def newest_to_undo(tx: Tx) -> Operation | None:
    """Return the newest operation that can be undone, or None.

    That is none that retention did, no undo, and none whose restore point was deleted, by retention or a purge.
    """
    row = tx.one(
        f"SELECT {_COLUMNS} FROM operation WHERE undone_at IS NULL AND kind IN ('erase', 'restore')"
        " AND restore_point IS NOT NULL ORDER BY created_at DESC, id DESC LIMIT 1"
    )
    return _operation(row) if row else None


def last_undone(tx: Tx) -> Operation | None:
    """Return the operation that was undone last and can be done again, or None.

    That is none that was done again since, and none whose restore point was deleted, by retention or a purge; of a
    restore that is the point of what undid it, and when undoing it changed nothing there is none.
    """
    row = tx.one(
        f"SELECT {_COLUMNS} FROM operation o WHERE undone_at IS NOT NULL AND kind <> 'undo' AND NOT EXISTS"
        " (SELECT 1 FROM operation n WHERE n.reverts = o.id AND n.kind <> 'undo')"
        " AND CASE WHEN kind = 'restore' THEN EXISTS (SELECT 1 FROM operation n WHERE n.reverts = o.id"
        " AND n.kind = 'undo' AND n.restore_point IS NOT NULL) ELSE restore_point IS NOT NULL END"
        " ORDER BY undone_at DESC, id DESC LIMIT 1"
    )
    return _operation(row) if row else None


def reverting(tx: Tx, operation_id: str, *, again: bool) -> Operation | None:
    """Return the newest operation that undid another one, or, with `again`, did it again; None when there is none."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM operation WHERE reverts = ? AND kind {'<>' if again else '='} 'undo'"
        " ORDER BY created_at DESC, id DESC LIMIT 1",
        (operation_id,),
    )
    return _operation(row) if row else None


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


def of_point(tx: Tx, name: str) -> str | None:
    """Return the id of the operation that a restore point was taken for, or None."""
    row = tx.one("SELECT id FROM operation WHERE restore_point = ?", (name,))
    return cast(str, row[0]) if row else None


def drop_points(tx: Tx, names: Iterable[str]) -> None:
    """Let the operations of restore points that are deleted on purpose have none, so that nobody looks for them."""
    tx.many("UPDATE operation SET restore_point = NULL WHERE restore_point = ?", [(each,) for each in names])


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
