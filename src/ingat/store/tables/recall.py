"""The tables recall_entry and recall_vector: derived from message and memory, rebuilt by `reindex`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from ingat.core.drafts import attachment_texts, indexed_text
from ingat.core.records import Source
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables import transcripts
from ingat.store.tables.messages import attachments_of

ENTRY_COLUMNS = (
    "position, source, source_id, session_id, seq, role, author, at, terms, pairs, flags, words, valid_from, valid_to"
)
_ids = msgspec.json.Decoder(tuple[str, ...])
_INSERT = f"INSERT INTO recall_entry (user_id, {ENTRY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_VECTOR = (
    "INSERT INTO recall_vector (user_id, position, fingerprint, vectors) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (user_id, position, fingerprint) DO UPDATE SET vectors = excluded.vectors"
)


def insert(tx: Tx, row: Sequence[Value]) -> None:
    """Add one entry: user_id, then the values of ENTRY_COLUMNS."""
    tx.run(_INSERT, row)


def insert_many(tx: Tx, rows: Iterable[Sequence[Value]]) -> None:
    """Add entries: each has user_id, then the values of ENTRY_COLUMNS."""
    tx.many(_INSERT, rows)


def entries_after(tx: Tx, user_id: str, position: int, fingerprint: str | None) -> list[Row]:
    """Return the entries beyond a position, in order: the values of ENTRY_COLUMNS, then vectors or NULL.

    Only vectors made by the embedder with that fingerprint are returned.
    """
    columns = ", ".join(f"e.{name.strip()}" for name in ENTRY_COLUMNS.split(","))
    if fingerprint is None:
        return tx.all(
            f"SELECT {columns}, NULL FROM recall_entry e WHERE e.user_id = ? AND e.position > ? ORDER BY e.position",
            (user_id, position),
        )
    return tx.all(
        f"SELECT {columns}, v.vectors FROM recall_entry e LEFT JOIN recall_vector v"
        " ON v.user_id = e.user_id AND v.position = e.position AND v.fingerprint = ?"
        " WHERE e.user_id = ? AND e.position > ? ORDER BY e.position",
        (fingerprint, user_id, position),
    )


def rename(tx: Tx, user_id: str, source_id: str, new_id: str) -> None:
    """Let the entry of a message or memory name its new id."""
    tx.run("UPDATE recall_entry SET source_id = ? WHERE user_id = ? AND source_id = ?", (new_id, user_id, source_id))


def close_entry(tx: Tx, user_id: str, position: int, valid_to: int | None) -> None:
    """Set until when the memory behind an entry holds."""
    tx.run("UPDATE recall_entry SET valid_to = ? WHERE user_id = ? AND position = ?", (valid_to, user_id, position))


def put_vectors(tx: Tx, rows: Iterable[tuple[str, int, str, bytes]]) -> None:
    """Keep vectors: (user_id, position, fingerprint, int8 bytes); a row whose entry is gone is left out."""
    for user_id, position, fingerprint, vectors in rows:
        if tx.one("SELECT 1 FROM recall_entry WHERE user_id = ? AND position = ?", (user_id, position)):
            tx.run(_VECTOR, (user_id, position, fingerprint, vectors))


def vectors_at(tx: Tx, user_id: str, positions: Sequence[int], fingerprint: str) -> dict[int, bytes]:
    """Return the vectors that are there for these positions."""
    found: dict[int, bytes] = {}
    for start in range(0, len(positions), 500):
        some = positions[start : start + 500]
        marks = ", ".join("?" * len(some))
        rows = tx.all(
            "SELECT position, vectors FROM recall_vector WHERE user_id = ? AND fingerprint = ?"
            f" AND position IN ({marks})",
            (user_id, fingerprint, *some),
        )
        found.update(cast("list[tuple[int, bytes]]", rows))
    return found


def without_vectors(tx: Tx, fingerprint: str, after: tuple[str, int], limit: int) -> list[tuple[str, int]]:
    """Return up to `limit` (user_id, position) beyond `after` that have no vectors of this embedder."""
    rows = tx.all(
        "SELECT e.user_id, e.position FROM recall_entry e LEFT JOIN recall_vector v"
        " ON v.user_id = e.user_id AND v.position = e.position AND v.fingerprint = ?"
        " WHERE (e.user_id, e.position) > (?, ?) AND v.position IS NULL ORDER BY e.user_id, e.position LIMIT ?",
        (fingerprint, *after, limit),
    )
    return cast("list[tuple[str, int]]", rows)


def lacking(tx: Tx, user_id: str, fingerprint: str, after: int, limit: int) -> list[int]:
    """Return up to `limit` positions of a user beyond `after` that have no vectors of this embedder."""
    rows = tx.all(
        "SELECT e.position FROM recall_entry e LEFT JOIN recall_vector v"
        " ON v.user_id = e.user_id AND v.position = e.position AND v.fingerprint = ?"
        " WHERE e.user_id = ? AND e.position > ? AND v.position IS NULL ORDER BY e.position LIMIT ?",
        (fingerprint, user_id, after, limit),
    )
    return [cast(int, row[0]) for row in rows]


def newest(tx: Tx, user_id: str) -> int:
    """Return the position of a user's newest entry, -1 when there is none."""
    row = tx.one("SELECT COALESCE(MAX(position), -1) FROM recall_entry WHERE user_id = ?", (user_id,))
    return cast(int, row[0]) if row else -1


class Line(NamedTuple):
    """What stands behind an entry: a message (its text with captions) or a memory (its subject and text)."""

    text: str
    source: Source
    source_id: str
    session_id: str | None
    message_ids: tuple[str, ...]
    seq: int
    role: str | None
    author: str | None
    at: int
    recallable: bool


def lines_at(tx: Tx, user_id: str, positions: Sequence[int]) -> dict[int, Line]:
    """Return by position what stands behind these entries; those that are gone are left out."""
    found: dict[int, Line] = {}
    parts = transcripts.Parts(tx, user_id)
    for start in range(0, len(positions), 500):
        some = positions[start : start + 500]
        marks = ", ".join("?" * len(some))
        rows: Any = tx.all(
            "SELECT e.position, e.source, e.source_id, e.session_id, e.seq, e.role, e.author, e.at,"
            " COALESCE(m.content, CASE WHEN i.subject IS NULL THEN i.text ELSE i.subject || ': ' || i.text END),"
            " m.attachments, i.message_ids, LENGTH(e.terms) > 0, m.packed FROM recall_entry e"
            " LEFT JOIN message m ON e.source = 'message' AND m.user_id = e.user_id"
            " AND m.session_id = e.session_id AND m.seq = e.seq"
            " LEFT JOIN memory i ON e.source <> 'message' AND i.user_id = e.user_id AND i.id = e.source_id"
            f" WHERE e.user_id = ? AND e.position IN ({marks})",
            (user_id, *some),
        )
        for position, source, source_id, session_id, seq, role, author, at, text, files, ids, indexed, part in rows:
            if text is None:
                continue
            if part:
                text, files, _ = parts.content(session_id, part, seq)
            captions = attachment_texts(attachments_of(files)) if files else ()
            message_ids = (source_id,) if source == "message" else _ids.decode(ids)
            whole = indexed_text(text, captions)
            found[position] = Line(
                whole, source, source_id, session_id, message_ids, seq, role, author, at, bool(indexed)
            )
    return found


def texts_at(tx: Tx, user_id: str, positions: Sequence[int]) -> list[tuple[int, str]]:
    """Return (position, text with captions) to make vectors of; the empty text for what is not to be recalled."""
    lines = lines_at(tx, user_id, positions)
    return [(position, line.text if line.recallable else "") for position, line in lines.items()]


def positions(tx: Tx, user_id: str) -> dict[str, int]:
    """Return the position of each message of a user that has an entry, by the message's id."""
    rows = tx.all("SELECT source_id, position FROM recall_entry WHERE user_id = ? AND source = 'message'", (user_id,))
    return dict(cast("list[tuple[str, int]]", rows))


def counts(tx: Tx, fingerprint: str | None) -> tuple[int, int]:
    """Return how many entries there are, and how many of them have no vectors of this embedder."""
    entries = cast("tuple[int]", tx.one("SELECT COUNT(*) FROM recall_entry"))[0]
    if fingerprint is None:
        return entries, 0
    row = tx.one("SELECT COUNT(*) FROM recall_vector WHERE fingerprint = ?", (fingerprint,))
    return entries, max(0, entries - cast("tuple[int]", row)[0])


def drop_entries(tx: Tx, user_id: str) -> None:
    """Remove a user's entries and vectors, so that they can be written anew."""
    tx.run("DELETE FROM recall_vector WHERE user_id = ?", (user_id,))
    tx.run("DELETE FROM recall_entry WHERE user_id = ?", (user_id,))


def drop_entry(tx: Tx, user_id: str, position: int) -> None:
    """Remove one entry and its vectors."""
    tx.run("DELETE FROM recall_vector WHERE user_id = ? AND position = ?", (user_id, position))
    tx.run("DELETE FROM recall_entry WHERE user_id = ? AND position = ?", (user_id, position))


def move(tx: Tx, source: str, target: str, offset: int) -> None:
    """Give one user's entries and vectors to another, behind the entries that are there: `offset` is their last."""
    for name in ("recall_entry", "recall_vector"):
        tx.run(f"UPDATE {name} SET user_id = ?, position = position + ? WHERE user_id = ?", (target, offset, source))
