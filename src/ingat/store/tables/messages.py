"""The table message: the transcript, in the order of `seq` within a session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec

from ingat.core.json import decode_object, encode_object
from ingat.core.records import Attachment, Message
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables import transcripts
from ingat.store.tables.paging import Cursor, encode_cursor, keyset, listing

COLUMNS = "user_id, session_id, seq, id, role, content, author, attachments, metadata, tokens, at"
_READ = f"{COLUMNS}, packed"
_AT_ONCE = 500
"""Rows that one statement names."""
_OF_SESSION = _READ.removeprefix("user_id, session_id, ")
HISTORY = listing("history", "at", True)

_attachments = msgspec.json.Decoder(tuple[Attachment, ...])
_INSERT = f"INSERT INTO message ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def attachments_of(text: str | None) -> tuple[Attachment, ...]:
    """Return the attachments that are kept as JSON; none for NULL."""
    return _attachments.decode(text) if text else ()


def _records(tx: Tx, user_id: str, rows: Iterable[Row]) -> list[Message]:
    """Return the records of rows of _READ of one user."""
    parts = transcripts.Parts(tx, user_id)
    return [_record(parts, user_id, cast(str, row[1]), row[2:]) for row in rows]


def _record(parts: transcripts.Parts, user_id: str, session_id: str, row: Row) -> Message:
    values: Any = row
    seq, message_id, role, content, author, attachments, metadata, tokens, at, packed = values
    if packed:
        content, attachments, metadata = parts.content(session_id, packed, seq)
    return Message(
        user_id=user_id,
        session_id=session_id,
        seq=seq,
        id=message_id,
        role=role,
        content=content,
        author=author,
        attachments=_attachments.decode(attachments) if attachments else (),
        metadata=decode_object(metadata) if metadata else {},
        tokens=tokens,
        at=at,
    )


def insert(tx: Tx, row: Sequence[Value]) -> None:
    """Add one message; `row` has the values of COLUMNS. StoreConflict when its id or seq is taken."""
    tx.run(_INSERT, row)


def insert_many(tx: Tx, rows: Iterable[Sequence[Value]]) -> None:
    """Add messages; each row has the values of COLUMNS. StoreConflict when an id or seq is taken."""
    tx.many(_INSERT, rows)


def page(tx: Tx, user_id: str, session_id: str, limit: int | None, before: int | None) -> list[Message]:
    """Return the newest `limit` messages whose seq is below `before`, oldest first; None: no bound."""
    args: list[Value] = [user_id, session_id]
    where = "user_id = ? AND session_id = ?"
    if before is not None:
        where += " AND seq < ?"
        args.append(before)
    query = f"SELECT {_OF_SESSION} FROM message WHERE {where} ORDER BY seq DESC"
    if limit is not None:
        query += " LIMIT ?"
        args.append(limit)
    rows = tx.all(query, args)
    rows.reverse()
    parts = transcripts.Parts(tx, user_id)
    return [_record(parts, user_id, session_id, row) for row in rows]


def get(tx: Tx, user_id: str, message_id: str) -> Message | None:
    """Return one message of a user, or None."""
    return next(iter(get_many(tx, user_id, [message_id])), None)


def get_many(tx: Tx, user_id: str, ids: Sequence[str]) -> list[Message]:
    """Return a user's messages with these ids, in the order given; those that are not there are left out."""
    found: dict[Value, Row] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        rows = tx.all(f"SELECT {_READ} FROM message WHERE user_id = ? AND id IN ({marks})", (user_id, *some))
        found.update((row[3], row) for row in rows)
    return _records(tx, user_id, (found[message_id] for message_id in ids if message_id in found))


def shared_ids(tx: Tx, user_id: str, other: str) -> list[str]:
    """Return the message ids that two users both have."""
    rows = tx.all(
        "SELECT a.id FROM message a JOIN message b ON b.user_id = ? AND b.id = a.id WHERE a.user_id = ? ORDER BY a.id",
        (other, user_id),
    )
    return [cast(str, row[0]) for row in rows]


def rename(tx: Tx, user_id: str, message_id: str, new_id: str) -> None:
    """Give a message another id, in the transcript only; its metadata keep the old one as `id_before_merge`."""
    query = "SELECT metadata, session_id, packed, seq FROM message WHERE user_id = ? AND id = ?"
    row = tx.one(query, (user_id, message_id))
    if row is not None and row[2]:
        session_id, packed, seq = cast("tuple[str, int, int]", row[1:])
        transcripts.take_out(tx, user_id, session_id, packed, seq)
        row = tx.one(query, (user_id, message_id))
    metadata = encode_object({**decode_object(row[0] if row else None), "id_before_merge": message_id}, "metadata")
    tx.run(
        "UPDATE message SET id = ?, metadata = ? WHERE user_id = ? AND id = ?", (new_id, metadata, user_id, message_id)
    )


def last_of_user(tx: Tx, user_id: str, session_id: str, before: int) -> Message | None:
    """Return the newest message of role user whose seq is below `before`, or None."""
    row = tx.one(
        f"SELECT {_OF_SESSION} FROM message WHERE user_id = ? AND session_id = ? AND seq < ? AND role = 'user'"
        " ORDER BY seq DESC LIMIT 1",
        (user_id, session_id, before),
    )
    return _record(transcripts.Parts(tx, user_id), user_id, session_id, row) if row else None


def history(tx: Tx, user_id: str, limit: int, cursor: Cursor | None) -> tuple[list[Message], str | None]:
    """Return one page of a user's messages, the last said first, and the cursor of the next.

    The order is by `at`, then id: it rests on the transcript alone, so that neither a merge nor a new index changes it.
    """
    after, args, order = keyset(HISTORY, "at", "id", True, cursor)
    rows = tx.all(
        f"SELECT {_READ} FROM message WHERE user_id = ? AND {after} {order} LIMIT ?", (user_id, *args, limit + 1)
    )
    found = _records(tx, user_id, rows[:limit])
    return found, encode_cursor(HISTORY, found[-1].at, found[-1].id) if len(rows) > limit else None


def count(tx: Tx) -> int:
    """Return how many messages there are, from the sums that the sessions keep."""
    row = tx.one("SELECT COALESCE(SUM(message_count), 0) FROM session")
    return int(cast("tuple[int]", row)[0])


def of_user(tx: Tx, user_id: str) -> list[Message]:
    """Return all messages of a user, session by session."""
    rows = tx.all(f"SELECT {_READ} FROM message WHERE user_id = ? ORDER BY session_id, seq", (user_id,))
    return _records(tx, user_id, rows)
