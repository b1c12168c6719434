"""The table session_expiry: sessions that ended by expiry or reset, and whether their summary is written."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

from ingat.store.contract import Tx

Cause = Literal["expired", "reset"]

_NOT_REOPENED = "(reopened_at IS NULL OR reopened_at < ?)"
_COLUMNS = "session_id, cause, expired_at, done_at, memory_id, next_id, attempts"
Place = tuple[int, str]
"""Where a row stands in a listing: its time, then the session's id."""
START: Place = (-1, "")


class Ended(NamedTuple):
    """A session that ended. `expired_at` tells this end from an earlier one of the same session.

    `memory_id` is the summary that it has, maybe from an earlier end; `next_id` the session that a reset opened.
    """

    session_id: str
    cause: Cause
    expired_at: int
    done_at: int | None
    memory_id: str | None
    next_id: str | None
    attempts: int


class Idle(NamedTuple):
    """An active session that nobody has written to for long."""

    active_at: int
    session_id: str
    user_id: str
    messages: int


def idle(tx: Tx, before: int, after: Place, limit: int) -> list[Idle]:
    """Return active sessions whose last message came before that time, the longest idle first, behind a place.

    One that was reopened since is not among them.
    """
    rows = tx.all(
        "SELECT active_at, id, user_id, message_count FROM session WHERE state = 'active' AND active_at < ?"
        f" AND (active_at, id) > (?, ?) AND {_NOT_REOPENED} ORDER BY active_at, id LIMIT ?",
        (before, *after, before, limit),
    )
    return [Idle(*row) for row in cast("list[tuple[int, str, str, int]]", rows)]


def close(tx: Tx, user_id: str, session_id: str, before: int | None, now: int) -> int | None:
    """Close a session that is active, and with `before` still idle; return its messages, None when it is neither."""
    idle, bound = (f" AND active_at < ? AND {_NOT_REOPENED}", (before, before)) if before is not None else ("", ())
    row = tx.one(
        "UPDATE session SET state = 'closed', closed_at = ?, updated_at = ? WHERE user_id = ? AND id = ?"
        f" AND state = 'active'{idle} RETURNING message_count",
        (now, now, user_id, session_id, *bound),
    )
    return cast("tuple[int]", row)[0] if row else None


def reopened_since(tx: Tx, user_id: str, session_id: str, moment: int) -> bool:
    """Return whether a session was reopened at that time or later."""
    row = tx.one(
        "SELECT 1 FROM session WHERE user_id = ? AND id = ? AND reopened_at >= ?", (user_id, session_id, moment)
    )
    return row is not None


def begin(tx: Tx, session_id: str, cause: Cause, now: int, *, done: bool, next_id: str | None = None) -> None:
    """Note that a session ended; `done`: it needs no summary. The summary of an earlier end is still known."""
    tx.run(
        "INSERT INTO session_expiry (session_id, cause, expired_at, done_at, memory_id, next_id, attempts, error)"
        " VALUES (?, ?, ?, ?, NULL, ?, 0, NULL) ON CONFLICT (session_id) DO UPDATE SET cause = excluded.cause,"
        " expired_at = CASE WHEN excluded.expired_at > session_expiry.expired_at THEN excluded.expired_at"
        " ELSE session_expiry.expired_at + 1 END,"
        " done_at = excluded.done_at, next_id = excluded.next_id, attempts = 0, error = NULL",
        (session_id, cause, now, now if done else None, next_id),
    )


def get(tx: Tx, session_id: str) -> Ended | None:
    """Return how a session ended last, or None."""
    row = tx.one(f"SELECT {_COLUMNS} FROM session_expiry WHERE session_id = ?", (session_id,))
    return Ended(*cast("tuple[str, Cause, int, int | None, str | None, str | None, int]", row)) if row else None


def untried(tx: Tx, after: Place, limit: int) -> list[tuple[int, str]]:
    """Return (time, session id) of sessions whose summary is missing and was never tried, behind a place."""
    rows = tx.all(
        "SELECT expired_at, session_id FROM session_expiry WHERE done_at IS NULL AND attempts = 0"
        " AND (expired_at, session_id) > (?, ?) ORDER BY expired_at, session_id LIMIT ?",
        (*after, limit),
    )
    return cast("list[tuple[int, str]]", rows)


def failed_before(tx: Tx, limit: int) -> list[str]:
    """Return sessions whose summary failed, those tried least often first."""
    rows = tx.all(
        "SELECT session_id FROM session_expiry WHERE done_at IS NULL AND attempts > 0"
        " ORDER BY attempts, expired_at, session_id LIMIT ?",
        (limit,),
    )
    return [cast(str, row[0]) for row in rows]


def pending(tx: Tx) -> int:
    """Return how many sessions lack their summary."""
    return cast("tuple[int]", tx.one("SELECT COUNT(*) FROM session_expiry WHERE done_at IS NULL"))[0]


def finish(tx: Tx, ended: Ended, now: int) -> bool:
    """Note that this end of a session is done, and return whether it was not before: of several only one does it."""
    row = tx.one(
        "UPDATE session_expiry SET done_at = ?, error = NULL"
        " WHERE session_id = ? AND expired_at = ? AND done_at IS NULL RETURNING session_id",
        (now, ended.session_id, ended.expired_at),
    )
    return row is not None


def name(tx: Tx, session_id: str, memory_id: str) -> None:
    """Note which memory is the session's summary."""
    tx.run("UPDATE session_expiry SET memory_id = ? WHERE session_id = ?", (memory_id, session_id))


def fail(tx: Tx, session_id: str, error: str) -> None:
    """Count one more attempt that failed."""
    tx.run(
        "UPDATE session_expiry SET attempts = attempts + 1, error = ? WHERE session_id = ? AND done_at IS NULL",
        (error, session_id),
    )


def delete(tx: Tx, session_id: str) -> None:
    """Forget how a session ended."""
    tx.run("DELETE FROM session_expiry WHERE session_id = ?", (session_id,))
