"""The table memory: long-term items with their validity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, cast

import msgspec

from ingat.core.json import decode_object, encode_object
from ingat.core.records import MemoryItem, MemoryKind
from ingat.core.timelines import key_of
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables.paging import LIKE, Cursor, encode_cursor, keyset, like_pattern, listing
from ingat.store.tables.recall import ENTRY_COLUMNS

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


def with_text(tx: Tx, user_id: str, text_key: str) -> list[MemoryItem]:
    """Return the items that have this text, ended ones too, oldest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM memory WHERE user_id = ? AND text_key = ? ORDER BY id",
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


def insert(tx: Tx, item: MemoryItem, position: int) -> None:
    """Add one item whose index entry has that position."""
    values = {**_values(item), "position": position, "created_at": item.created_at, "updated_at": item.updated_at}
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    tx.run(
        f"INSERT INTO memory (user_id, id, {names}) VALUES (?, ?, {marks})", (item.user_id, item.id, *values.values())
    )


def _values(item: MemoryItem) -> dict[str, Value]:
    return {
        "kind": item.kind,
        "text": item.text,
        "text_key": key_of(item.text),
        "subject": item.subject,
        "subject_key": None if item.subject is None else key_of(item.subject),
        "valid_from": item.valid_from,
        "valid_to": item.valid_to,
        "superseded_by": item.superseded_by,
        "session_id": item.session_id,
        "message_ids": msgspec.json.encode(item.message_ids).decode(),
        "metadata": encode_object(item.metadata, "metadata"),
    }


def save(tx: Tx, before: Iterable[MemoryItem], after: Iterable[MemoryItem], now: int) -> list[MemoryItem]:
    """Write those of the items `after` that differ from the rows read `before`, and return them.

    Items that end are written first, so that a subject never has two without an end. `updated_at` never goes back.
    """
    old = {item.id: item for item in before}
    changed = [item for item in after if item.id in old and item != old[item.id]]
    changed.sort(key=lambda item: item.valid_to is None)
    for item in changed:
        was, values = _values(old[item.id]), _values(item)
        fresh = {name: value for name, value in values.items() if value != was[name]}
        update(tx, item.user_id, item.id, {**fresh, "updated_at": max(now, old[item.id].updated_at)})
    return changed


def replace_entry(tx: Tx, row: Sequence[Value]) -> None:
    """Write the index entry of an item anew in its place, its vectors kept: the text has not changed.

    The values are those of recall.ENTRY_COLUMNS behind the user's id.
    """
    columns = [name.strip() for name in ENTRY_COLUMNS.split(",")]
    changes = ", ".join(f"{name} = ?" for name in columns[1:])
    tx.run(f"UPDATE recall_entry SET {changes} WHERE user_id = ? AND position = ?", (*row[2:], *row[:2]))


def unknown_messages(tx: Tx, user_id: str, message_ids: Sequence[str]) -> list[str]:
    """Return those of the ids that no message of the user has."""
    found: set[str] = set()
    for start in range(0, len(message_ids), 500):
        some = message_ids[start : start + 500]
        marks = ", ".join("?" * len(some))
        rows = tx.all(f"SELECT id FROM message WHERE user_id = ? AND id IN ({marks})", (user_id, *some))
        found.update(cast(str, row[0]) for row in rows)
    return [message_id for message_id in message_ids if message_id not in found]


def update(tx: Tx, user_id: str, memory_id: str, values: dict[str, Value]) -> None:
    """Change the given columns."""
    changes = ", ".join(f"{name} = ?" for name in values)
    tx.run(f"UPDATE memory SET {changes} WHERE user_id = ? AND id = ?", (*values.values(), user_id, memory_id))


def shared_ids(tx: Tx, user_id: str, other: str) -> list[str]:
    """Return the ids of items that two users both have."""
    rows = tx.all(
        "SELECT a.id FROM memory a JOIN memory b ON b.user_id = ? AND b.id = a.id WHERE a.user_id = ? ORDER BY a.id",
        (other, user_id),
    )
    return [cast(str, row[0]) for row in rows]


def rename(tx: Tx, user_id: str, memory_id: str, new_id: str) -> None:
    """Give an item another id, also where others of the user and ends of their sessions name it."""
    update(tx, user_id, memory_id, {"id": new_id})
    tx.run("UPDATE memory SET superseded_by = ? WHERE user_id = ? AND superseded_by = ?", (new_id, user_id, memory_id))
    tx.run(
        "UPDATE session_expiry SET memory_id = ? WHERE memory_id = ? AND session_id IN"
        " (SELECT id FROM session WHERE user_id = ?)",
        (new_id, memory_id, user_id),
    )


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


def move(tx: Tx, source: str, target: str, offset: int) -> None:
    """Give one user's items to another, their index entries moved on by `offset`.

    StoreConflict when both have a value of one subject without an end.
    """
    tx.run("UPDATE memory SET user_id = ?, position = position + ? WHERE user_id = ?", (target, offset, source))


def facts_that_hold(tx: Tx, user_id: str, now: int, limit: int) -> list[MemoryItem]:
    """Return up to `limit` facts that hold now, those first that were kept or said again last."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM memory WHERE user_id = ? AND kind = 'fact' AND valid_from <= ?"
        " AND (valid_to IS NULL OR valid_to > ?) ORDER BY updated_at DESC, id DESC LIMIT ?",
        (user_id, now, now, limit),
    )
    return [_item(row) for row in rows]
