"""The table memory: long-term items with their validity."""

from __future__ import annotations

from typing import Any, Literal, cast

import msgspec

from ingat.core.json import decode_object
from ingat.core.records import MemoryItem, MemoryKind
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables.paging import LIKE, Cursor, encode_cursor, keyset, like_pattern, listing

MemorySort = Literal["created_at", "updated_at", "valid_from"]

_COLUMNS = (
    "user_id, id, kind, text, subject, valid_from, valid_to, superseded_by, session_id, message_ids, metadata,"
    " created_at, updated_at"
)
_ids = msgspec.json.Decoder(tuple[str, ...])


def _item(row: Row) -> MemoryItem:
    values: Any = row
    return MemoryItem(
        user_id=values[0],
        id=values[1],
        kind=values[2],
        text=values[3],
        subject=values[4],
        valid_from=values[5],
        valid_to=values[6],
        superseded_by=values[7],
        session_id=values[8],
        message_ids=_ids.decode(values[9]),
        metadata=decode_object(values[10]),
        created_at=values[11],
        updated_at=values[12],
    )


def get(tx: Tx, user_id: str, memory_id: str) -> MemoryItem | None:
    """Return one item of a user, or None."""
    row = tx.one(f"SELECT {_COLUMNS} FROM memory WHERE user_id = ? AND id = ?", (user_id, memory_id))
    return _item(row) if row else None


def current_with_text(tx: Tx, user_id: str, text_key: str) -> list[MemoryItem]:
    """Return the items that say the same and still hold, oldest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM memory WHERE user_id = ? AND text_key = ? AND valid_to IS NULL ORDER BY id",
        (user_id, text_key),
    )
    return [_item(row) for row in rows]


def of_subject(tx: Tx, user_id: str, subject_key: str) -> list[MemoryItem]:
    """Return all items of one subject in the order in which they became true."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM memory WHERE user_id = ? AND subject_key = ? ORDER BY valid_from, id",
        (user_id, subject_key),
    )
    return [_item(row) for row in rows]


def insert(tx: Tx, user_id: str, memory_id: str, values: dict[str, Value]) -> None:
    """Add one item; `values` are its other columns."""
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    tx.run(f"INSERT INTO memory (user_id, id, {names}) VALUES (?, ?, {marks})", (user_id, memory_id, *values.values()))


def update(tx: Tx, user_id: str, memory_id: str, values: dict[str, Value]) -> None:
    """Change the given columns."""
    changes = ", ".join(f"{name} = ?" for name in values)
    tx.run(f"UPDATE memory SET {changes} WHERE user_id = ? AND id = ?", (*values.values(), user_id, memory_id))


def position(tx: Tx, user_id: str, memory_id: str) -> int:
    """Return the place of the item's row in the recall index."""
    row = tx.one("SELECT position FROM memory WHERE user_id = ? AND id = ?", (user_id, memory_id))
    return cast("tuple[int]", row)[0]


def page(
    tx: Tx,
    user_id: str,
    limit: int,
    *,
    cursor: Cursor | None,
    kind: MemoryKind | None,
    subject_key: str | None,
    as_of: int | None,
    search: str | None,
    sort: MemorySort,
    descending: bool,
) -> tuple[list[MemoryItem], str | None]:
    """Return one page of a user's items and the cursor of the next; with `as_of` only those that held then."""
    list_name = listing("memories", sort, descending)
    after, args, order = keyset(list_name, sort, "id", descending, cursor)
    where = ["user_id = ?", after]
    args = [user_id, *args]
    if kind is not None:
        where.append("kind = ?")
        args.append(kind)
    if subject_key is not None:
        where.append("subject_key = ?")
        args.append(subject_key)
    if as_of is not None:
        where.append("valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)")
        args += [as_of, as_of]
    if search is not None:
        where.append(f"LOWER(text) {LIKE}")
        args.append(like_pattern(search))
    rows = tx.all(
        f"SELECT {_COLUMNS}, {sort} FROM memory WHERE {' AND '.join(where)} {order} LIMIT ?", (*args, limit + 1)
    )
    more = encode_cursor(list_name, rows[limit - 1][-1], cast(str, rows[limit - 1][1])) if len(rows) > limit else None
    return [_item(row) for row in rows[:limit]], more


def of_user(tx: Tx, user_id: str) -> list[MemoryItem]:
    """Return all of a user's items, ended ones too, in the order of their index entries."""
    return [
        _item(row) for row in tx.all(f"SELECT {_COLUMNS} FROM memory WHERE user_id = ? ORDER BY position", (user_id,))
    ]


def count(tx: Tx) -> int:
    """Return how many items there are."""
    return cast("tuple[int]", tx.one("SELECT COUNT(*) FROM memory"))[0]


def clashes(tx: Tx, user_id: str, other: str) -> list[tuple[MemoryItem, MemoryItem]]:
    """Return pairs of items that hold, one of each user, with the same subject or saying the same."""
    rows = tx.all(
        "SELECT a.id, b.id FROM memory a JOIN memory b ON b.user_id = ? AND b.valid_to IS NULL"
        " AND (b.subject_key = a.subject_key OR (b.text_key = a.text_key"
        " AND (a.subject_key IS NULL OR b.subject_key IS NULL)))"
        " WHERE a.user_id = ? AND a.valid_to IS NULL ORDER BY a.id, b.id",
        (other, user_id),
    )
    pairs = [(get(tx, user_id, cast(str, mine)), get(tx, other, cast(str, theirs))) for mine, theirs in rows]
    return [(mine, theirs) for mine, theirs in pairs if mine is not None and theirs is not None]


def move(tx: Tx, source: str, target: str, offset: int) -> None:
    """Give one user's items to another, their index entries moved on by `offset`; clashes must be ended before."""
    tx.run("UPDATE memory SET user_id = ?, position = position + ? WHERE user_id = ?", (target, offset, source))
