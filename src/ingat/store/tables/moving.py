"""Moving: whole tables read and written page by page, in the order of their keys, and the mark of an unfinished move.

The mark is a row of the target's table setting. While it is there, the target is part of a copy and no store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import cast

import msgspec

from ingat.core.errors import StoreError
from ingat.core.ids import new_id
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables import settings
from ingat.store.tables.catalog import SETTING, TABLES, Table

PAGE_ROWS = 1_000
PAGE_BYTES = 1 << 20
"""About what the rows of a page may take; a single row may take more."""
STORE_ID = "store_id"
MOVING_FROM = "moving_from"
"""The setting of a target that is not finished: the id of the store that is being moved into it."""

COUNTED = 10_000
"""Up to how many rows of a kind are counted to tell people what a store holds."""
_TOLD = (
    ("user_profile", ("user", "users")),
    ("session", ("session", "sessions")),
    ("message", ("message", "messages")),
    ("memory", ("memory", "memories")),
    ("log_entry", ("log entry", "log entries")),
    ("snapshot", ("snapshot", "snapshots")),
    ("artifact", ("artifact", "artifacts")),
)
"""The tables that people fill, and what their rows are called: one and several."""
_MORE = 4
"""How many times as many rows are measured when all that were measured fit."""

Key = tuple[Value, ...]
_encoder = msgspec.msgpack.Encoder()


def source_of(tx: Tx) -> str | None:
    """Return the id of the store that is being moved into this one; None when none is."""
    return settings.get(tx, MOVING_FROM)


def begin(tx: Tx, source_id: str) -> None:
    """Mark a store that holds nothing as the target of a move."""
    settings.put(tx, MOVING_FROM, source_id)


def finish(tx: Tx, source_id: str, rows: Sequence[Row], log_number: int) -> None:
    """Give the target the settings of its source, which takes its mark away, and the number of its last log entry."""
    _check_mark(tx, source_id)
    tx.run("DELETE FROM setting")
    insert(tx, SETTING, rows)
    carry_log_number(tx, log_number)


def filled(tx: Tx) -> list[str]:
    """Return the names of the tables that hold rows; settings, which every store has, do not count."""
    return [
        table.name for table in TABLES if table != SETTING and tx.one(f"SELECT 1 FROM {table.name} LIMIT 1") is not None
    ]


def told_of(tx: Tx) -> list[tuple[int, tuple[str, str]]]:
    """Return how many rows there are of each kind that people know, with its names; one more than COUNTED for more."""
    query = "SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT ?) AS found"
    rows = [(tx.one(query.format(table), (COUNTED + 1,)), names) for table, names in _TOLD]
    return [(cast(int, row[0]), names) for row, names in rows if row is not None and row[0]]


def has_artifacts(tx: Tx) -> bool:
    """Return whether rows name files."""
    return tx.one("SELECT 1 FROM artifact LIMIT 1") is not None


def touch(tx: Tx) -> None:
    """Let a transaction do something: servers may end one that is idle for long."""
    tx.one("SELECT 1")


def count(tx: Tx, table: Table) -> int:
    """Return how many rows a table has."""
    row = tx.one(f"SELECT COUNT(*) FROM {table.name}")
    return cast(int, row[0]) if row else 0


def pages(tx: Tx, table: Table) -> Iterator[list[Row]]:
    """Yield all rows of a table, its columns in the order of the catalogue, in the order of its key."""
    after: Key | None = None
    while rows := page(tx, table, after):
        yield rows
        after = key_of(table, rows[-1])


def page(tx: Tx, table: Table, after: Key | None) -> list[Row]:
    """Return the rows behind a key, or the first ones: up to PAGE_ROWS and about PAGE_BYTES, at least one if any."""
    where, args = _behind(table, after)
    return _selected(tx, table, where, args, _fitting(tx, table, where, args))


def between(tx: Tx, table: Table, after: Key | None, last: Key, most: int) -> list[Row]:
    """Return the rows behind a key, or from the first on, up to another one: at most so many."""
    where, args = _behind(table, after)
    return _selected(tx, table, f"{where} AND {_compared(table, '<=')}", [*args, *last], most)


def key_of(table: Table, row: Row) -> Key:
    """Return the key of a row: the columns that come first."""
    return row[: len(table.key)]


def encode(row: Row) -> bytes:
    """Return a row as bytes (MessagePack), the same on every engine."""
    return _encoder.encode(row)


def insert(tx: Tx, table: Table, rows: Sequence[Row]) -> None:
    """Add rows; StoreConflict."""
    marks = ", ".join("?" * len(table.columns))
    tx.many(f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})", rows)


def empty(tx: Tx, table: Table, source_id: str) -> bool:
    """Take up to PAGE_ROWS rows out of the target of an unfinished move; return whether there may be more.

    Raises StoreError for a store that is not the unfinished target of that move.
    """
    _check_mark(tx, source_id)
    keys = ", ".join(table.key)
    last = tx.one(f"SELECT {keys} FROM {table.name} ORDER BY {keys} LIMIT 1 OFFSET ?", (PAGE_ROWS - 1,))
    if last is None:
        tx.run(f"DELETE FROM {table.name}")
        return False
    tx.run(f"DELETE FROM {table.name} WHERE {_compared(table, '<=')}", last)
    return True


def last_log_number(tx: Tx) -> int:
    """Return the highest number that a log entry was ever given. Leaves a trace that the caller must undo.

    The engines keep it in places of their own, so an entry is added, which tells it, and taken away again.
    """
    row = tx.one(f"{_LOG_ENTRY} VALUES (?, 0, 10, '', '', '') RETURNING seq", (new_id(),))
    number = cast("tuple[int]", row)[0]
    tx.run("DELETE FROM log_entry WHERE seq = ?", (number,))
    return number - 1


def carry_log_number(tx: Tx, number: int) -> None:
    """Let the next log entry have a number that is higher than this one."""
    if number < 1 or tx.one("SELECT 1 FROM log_entry WHERE seq = ?", (number,)) is not None:
        return
    tx.run(f"{_NUMBERED} VALUES (?, ?, 0, 10, '', '', '')", (number, new_id()))
    tx.run("DELETE FROM log_entry WHERE seq = ?", (number,))


_LOG_ENTRY = "INSERT INTO log_entry (id, at, level, category, source, message)"
_NUMBERED = "INSERT INTO log_entry (seq, id, at, level, category, source, message)"


def _check_mark(tx: Tx, source_id: str) -> None:
    if source_of(tx) != source_id:
        raise StoreError("The target is not that of this move any more. Nothing was changed; look who else uses it.")


def _behind(table: Table, after: Key | None) -> tuple[str, list[Value]]:
    return ("1 = 1", []) if after is None else (_compared(table, ">"), [*after])


def _compared(table: Table, sign: str) -> str:
    return f"({', '.join(table.key)}) {sign} ({', '.join('?' * len(table.key))})"


def _fitting(tx: Tx, table: Table, where: str, args: Sequence[Value]) -> int:
    """Return how many rows make a page; texts count a byte a character.

    A few rows are measured first and more only where these fit, since to measure a text is to read it.
    """
    if not table.large:
        return PAGE_ROWS
    size = " + ".join(f"COALESCE(LENGTH({column}), 0)" for column in table.large)
    query = f"SELECT {size} FROM {table.name} WHERE {where} ORDER BY {', '.join(table.key)} LIMIT ?"
    measured = 1
    while True:
        sizes = [cast(int, size) for (size,) in tx.all(query, (*args, measured))]
        if sum(sizes) > PAGE_BYTES or len(sizes) < measured or measured == PAGE_ROWS:
            return max(1, sum(total <= PAGE_BYTES for total in accumulate(sizes)))
        measured = min(_MORE * measured, PAGE_ROWS)


def _selected(tx: Tx, table: Table, where: str, args: Sequence[Value], most: int) -> list[Row]:
    return tx.all(
        f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {where} ORDER BY {', '.join(table.key)} LIMIT ?",
        (*args, most),
    )
