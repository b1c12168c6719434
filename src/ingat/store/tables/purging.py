"""What a purge needs of every table: a person's rows, those that name them, and how far it came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import msgspec
from msgspec import Struct

from ingat.store.contract import Row, Tx, Value
from ingat.store.tables import settings
from ingat.store.tables.paging import LIKE, like_pattern

_MARK = "purge:"
_BEHIND_MARKS = "purge;"
_BEGUN = "purge_begun"

TABLES = {
    "user_profile": "user_id",
    "user_alias": "alias",
    "session": "user_id, id",
    "message": "user_id, session_id, seq",
    "transcript_pack": "user_id, session_id, part",
    "memory": "user_id, id",
    "recall_entry": "user_id, position",
    "recall_vector": "user_id, position, fingerprint",
    "snapshot": "id",
    "artifact": "id",
    "access_key": "id",
    "log_entry": "seq",
}
"""Tables whose rows belong to a user, each with its key."""
DRAINED = ("recall_vector", "recall_entry", "transcript_pack", "message", "memory", "snapshot", "artifact")
"""Those of which a person may have many rows, in the order in which they can go."""
TEXTS = {
    "user_profile": "user_id, name, product, address, flags, slots, metadata",
    "session": "id, name, description, project_id, channel, metadata",
    "message": "session_id, id, content, author, attachments, metadata",
    "memory": "id, text, subject, metadata",
    "snapshot": "id, name, description, metadata, state",
    "artifact": "id, name, metrics, metadata",
    "access_key": "id, name",
}
"""Tables in which other people's rows may name a person: what tells rows apart, and what holds texts or JSON."""
MOST_NAMING = 10_000
"""Rows of a table that may name a person which are looked at."""
_IDS_AT_ONCE = 20


class PurgeMark(Struct, frozen=True, kw_only=True):
    """That a purge has begun, and whom it is about, so that another run can end it.

    Once rows and copies are clean, the ids are left out. `due` are copies that the second place still has to be given.
    """

    purge_id: str
    at: int
    actor: str
    reason: str
    ids: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    due: tuple[str, ...] = ()


class Words(NamedTuple):
    """What an operation says in words, and the restore point that it names."""

    id: str
    target: str | None
    reason: str


_mark = msgspec.json.Decoder(PurgeMark)


def marks(tx: Tx) -> list[PurgeMark]:
    """Return the purges that have begun and did not end, oldest first."""
    rows = tx.all("SELECT value FROM setting WHERE name >= ? AND name < ?", (_MARK, _BEHIND_MARKS))
    return sorted((_mark.decode(cast(str, row[0])) for row in rows), key=lambda each: (each.at, each.purge_id))


def put_mark(tx: Tx, mark: PurgeMark) -> None:
    """Note how far a purge came."""
    settings.put(tx, _MARK + mark.purge_id, msgspec.json.encode(mark).decode())


def note_begun(tx: Tx, token: str) -> None:
    """Note that a purge, whose rows are gone, begins with the copies; `token` is one that no other has."""
    settings.put(tx, _BEGUN, token)


def last_begun(tx: Tx) -> str | None:
    """Return the token of the purge that began last with the copies: while it is the same, none came in between."""
    return settings.get(tx, _BEGUN)


def drop_mark(tx: Tx, purge_id: str) -> bool:
    """Note that a purge has ended; return whether it had not before."""
    return tx.one("DELETE FROM setting WHERE name = ? RETURNING name", (_MARK + purge_id,)) is not None


def has_mark(tx: Tx, purge_id: str) -> bool:
    """Return whether a purge has not ended yet."""
    return settings.get(tx, _MARK + purge_id) is not None


def numbers(tx: Tx, user_id: str) -> dict[str, int]:
    """Return how many rows of each table belong to a user."""
    return {table: _one(tx, f"SELECT COUNT(*) FROM {table} WHERE user_id = ?", (user_id,)) for table in TABLES}


def count(tx: Tx, table: str) -> int:
    """Return how many rows a table has."""
    return _one(tx, f"SELECT COUNT(*) FROM {table}", ())


def drain(tx: Tx, table: str, user_id: str, limit: int) -> int:
    """Remove up to `limit` of a user's rows, and return how many."""
    key = TABLES[table]
    return tx.run(
        f"DELETE FROM {table} WHERE user_id = ? AND ({key}) IN (SELECT {key} FROM {table} WHERE user_id = ? LIMIT ?)",
        (user_id, user_id, limit),
    )


def drain_recalled(tx: Tx, user_id: str, limit: int) -> dict[str, int]:
    """Remove up to `limit` of a user's index entries, with the messages and memories they are of; return how many.

    Both go at once, and sessions count what they have left, so that all is whole when the process ends in between.
    """
    found = tx.all(
        "SELECT position, source, source_id, session_id, seq FROM recall_entry WHERE user_id = ? ORDER BY position"
        " LIMIT ?",
        (user_id, limit),
    )
    gone = dict.fromkeys(("recall_entry", "recall_vector", "message", "memory"), 0)
    for position, source, source_id, session_id, seq in found:
        for table in ("recall_vector", "recall_entry"):
            gone[table] += tx.run(f"DELETE FROM {table} WHERE user_id = ? AND position = ?", (user_id, position))
        if source != "message":
            gone["memory"] += tx.run("DELETE FROM memory WHERE user_id = ? AND id = ?", (user_id, source_id))
            continue
        taken = tx.all(
            "DELETE FROM message WHERE user_id = ? AND session_id = ? AND seq = ? RETURNING tokens",
            (user_id, session_id, seq),
        )
        gone["message"] += len(taken)
        for (tokens,) in taken:
            tx.run(
                "UPDATE session SET message_count = message_count - 1, tokens = tokens - ?"
                " WHERE user_id = ? AND id = ?",
                (tokens, user_id, session_id),
            )
    return gone


def ids_of(tx: Tx, table: str, user_id: str, limit: int = -1) -> list[str]:
    """Return the ids of a user's rows; with a limit only so many."""
    bound = f" LIMIT {limit:d}" if limit >= 0 else ""
    return [cast(str, row[0]) for row in tx.all(f"SELECT id FROM {table} WHERE user_id = ?{bound}", (user_id,))]


def files_of(tx: Tx, user_id: str) -> list[str]:
    """Return the files of a user's artifacts."""
    return [cast(str, row[0]) for row in tx.all("SELECT DISTINCT sha256 FROM artifact WHERE user_id = ?", (user_id,))]


def orphans(tx: Tx, session_id: str) -> int:
    """Remove what is noted of a session that is gone, and return how many rows."""
    return sum(
        tx.run(f"DELETE FROM {table} WHERE session_id = ?", (session_id,))
        for table in ("session_expiry", "key_session", "session_owner")
    )


def delete_keys(tx: Tx, user_id: str) -> int:
    """Remove a user's access keys, and return how many."""
    tx.run("DELETE FROM key_session WHERE key_id IN (SELECT id FROM access_key WHERE user_id = ?)", (user_id,))
    return tx.run("DELETE FROM access_key WHERE user_id = ?", (user_id,))


def logs_about(tx: Tx, column: str, value: str) -> list[int]:
    """Return the numbers of the log entries whose `user_id` or `session_id` is this."""
    rows = tx.all(f"SELECT seq FROM log_entry WHERE {column} = ?", (value,))
    return [cast(int, row[0]) for row in rows]


def logs_like(tx: Tx, ids: Sequence[str], after: int, limit: int) -> tuple[list[int], int | None]:
    """Look through `limit` log entries behind a number for those that may name one of the ids.

    Return their numbers, and the number to go on behind; None at the end.
    """
    row = tx.one("SELECT seq FROM log_entry WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?", (after, limit - 1))
    end = cast(int, row[0]) if row else None
    bound, more = ("", ()) if end is None else (" AND seq <= ?", (end,))
    found: set[int] = set()
    for where, args in _like(("message", "source", "data"), ids):
        rows = tx.all(f"SELECT seq FROM log_entry WHERE seq > ?{bound} AND ({where})", (after, *more, *args))
        found.update(cast(int, row[0]) for row in rows)
    return sorted(found), end


def texts_like(tx: Tx, table: str, ids: Sequence[str]) -> set[Row]:
    """Return user and texts of the rows of a table that may name one of the ids; of very many only some."""
    columns, found = TEXTS[table], set[Row]()
    for where, args in _like(columns.split(", "), ids):
        rows = tx.all(f"SELECT user_id, {columns} FROM {table} WHERE {where} LIMIT ?", (*args, MOST_NAMING))
        found.update(rows)
    return found


def packs_after(tx: Tx, place: tuple[str, str, int], limit: int) -> list[tuple[str, str, int, bytes]]:
    """Return up to `limit` compressed parts of transcripts behind a place: user, session, part, body."""
    rows = tx.all(
        "SELECT user_id, session_id, part, body FROM transcript_pack WHERE (user_id, session_id, part) > (?, ?, ?)"
        " ORDER BY user_id, session_id, part LIMIT ?",
        (*place, limit),
    )
    return cast("list[tuple[str, str, int, bytes]]", rows)


def words_after(tx: Tx, operation_id: str, limit: int) -> list[Words]:
    """Return what up to `limit` operations behind an id say in words."""
    rows = tx.all("SELECT id, target, reason FROM operation WHERE id > ? ORDER BY id LIMIT ?", (operation_id, limit))
    return [Words(*row) for row in cast("list[tuple[str, str | None, str]]", rows)]


def blank_operations(tx: Tx, ids: Sequence[str]) -> None:
    """Remove the words of operations."""
    tx.many("UPDATE operation SET target = NULL, reason = '' WHERE id = ?", [(each,) for each in ids])


def operations_of(tx: Tx, restore_point: str) -> list[str]:
    """Return the operations that a restore point belongs to."""
    rows = tx.all("SELECT id FROM operation WHERE restore_point = ?", (restore_point,))
    return [cast(str, row[0]) for row in rows]


def jobs(tx: Tx) -> list[tuple[str, str | None, str | None]]:
    """Return name, last error and last result of every job."""
    return cast("list[tuple[str, str | None, str | None]]", tx.all("SELECT name, last_error, last_result FROM job"))


def blank_job(tx: Tx, name: str) -> None:
    """Remove what is kept of the last run of a job in words."""
    tx.run("UPDATE job SET last_error = NULL, last_result = NULL WHERE name = ?", (name,))


def audit_texts_after(tx: Tx, seq: int, limit: int) -> list[tuple[int, str | None, str]]:
    """Return number, target and reason of up to `limit` entries of the audit trail behind a number."""
    rows = tx.all("SELECT seq, target, reason FROM audit_text WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit))
    return cast("list[tuple[int, str | None, str]]", rows)


def _like(columns: Sequence[str], ids: Sequence[str]) -> Iterator[tuple[str, list[Value]]]:
    """Return conditions that hold for what has an id in one of the columns, as it is or as JSON has it."""
    wanted = sorted({each for one in ids for each in (one, msgspec.json.encode(one).decode()[1:-1])})
    for start in range(0, len(wanted), _IDS_AT_ONCE):
        some = wanted[start : start + _IDS_AT_ONCE]
        patterns: list[Value] = [like_pattern(each, as_written=True) for each in some]
        yield " OR ".join(f"{column} {LIKE}" for column in columns for _ in some), patterns * len(columns)


def _one(tx: Tx, sql: str, args: Sequence[Value]) -> int:
    return cast("tuple[int]", tx.one(sql, args))[0]
