"""The sessions that retention puts away: which of the table session are due, and how they are archived."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

from ingat.store.contract import Tx

State = Literal["active", "closed"]
STATES: tuple[State, ...] = ("active", "closed")
"""The states of sessions that are not archived."""
Place = tuple[int, str]
"""Where a session stands among those used longest ago: `active_at`, then its id."""
START: Place = (-(1 << 62), "")
_NOT_BROUGHT_BACK = "(reopened_at IS NULL OR reopened_at < ?)"


class Candidate(NamedTuple):
    """A session that may be archived."""

    active_at: int
    session_id: str
    user_id: str


def idle(tx: Tx, state: State, before: int, limit: int, *, since: int | None = None, after: Place) -> list[Candidate]:
    """Return sessions of that state used last before a time (and not before `since`), longest ago first.

    One that was reopened or unarchived since is not among them.
    """
    place = max(after, (since, "")) if since is not None else after
    rows = tx.all(
        "SELECT active_at, id, user_id FROM session WHERE state = ? AND active_at < ? AND (active_at, id) > (?, ?)"
        f" AND {_NOT_BROUGHT_BACK} ORDER BY active_at, id LIMIT ?",
        (state, before, *place, before, limit),
    )
    return [Candidate(*row) for row in cast("list[tuple[int, str, str]]", rows)]


def count_idle(tx: Tx, state: State, before: int, *, since: int | None = None) -> int:
    """Return how many sessions `idle` finds, on all pages together."""
    row = tx.one(
        f"SELECT COUNT(*) FROM session WHERE state = ? AND active_at < ? AND active_at >= ? AND {_NOT_BROUGHT_BACK}",
        (state, before, START[0] if since is None else since, before),
    )
    return cast("tuple[int]", row)[0]


def count_open(tx: Tx) -> int:
    """Return how many sessions are not archived."""
    row = tx.one("SELECT COUNT(*) FROM session WHERE state IN ('active', 'closed')")
    return cast("tuple[int]", row)[0]


def archive(tx: Tx, user_id: str, session_id: str, before: int, now: int) -> bool:
    """Archive a session that is closed and was used last before that time; return whether it was."""
    row = tx.one(
        "UPDATE session SET state = 'archived', archived_at = ?, closed_at = COALESCE(closed_at, ?), updated_at = ?"
        f" WHERE user_id = ? AND id = ? AND state = 'closed' AND active_at < ? AND {_NOT_BROUGHT_BACK} RETURNING id",
        (now, now, now, user_id, session_id, before, before),
    )
    return row is not None
