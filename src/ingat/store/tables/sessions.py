"""The tables session and session_owner."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast

from ingat.core.errors import Conflict, SessionArchived, SessionClosed, SessionNotFound
from ingat.core.json import decode_object
from ingat.core.records import SESSION_STATES, Session, SessionState
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables.paging import LIKE, Cursor, encode_cursor, keyset, like_pattern, listing

SessionSort = Literal["created_at", "active_at"]

_COLUMNS = (
    "user_id, id, name, description, project_id, channel, metadata, state, message_count, created_at, updated_at,"
    " active_at, closed_at, archived_at"
)


class Reserved(NamedTuple):
    """Places that were taken in a session's order for messages about to be written."""

    first_seq: int
    state: str


def _session(row: Row) -> Session:
    values: Any = row
    return Session(
        user_id=values[0],
        id=values[1],
        name=values[2],
        description=values[3],
        project_id=values[4],
        channel=values[5],
        metadata=decode_object(values[6]),
        state=values[7],
        message_count=values[8],
        created_at=values[9],
        updated_at=values[10],
        last_message_at=values[11] if values[8] else None,
        closed_at=values[12],
        archived_at=values[13],
    )


def owner(tx: Tx, session_id: str) -> str | None:
    """Return the user that the session belongs to, or None."""
    row = tx.one("SELECT user_id FROM session_owner WHERE session_id = ?", (session_id,))
    return cast(str, row[0]) if row else None


def get(tx: Tx, user_id: str, session_id: str) -> Session | None:
    """Return one session of a user, or None."""
    row = tx.one(f"SELECT {_COLUMNS} FROM session WHERE user_id = ? AND id = ?", (user_id, session_id))
    return _session(row) if row else None


def required(tx: Tx, session_id: str) -> Session:
    """Return the session with this id, or raise SessionNotFound."""
    user_id = owner(tx, session_id)
    found = get(tx, user_id, session_id) if user_id is not None else None
    if found is None:
        raise SessionNotFound(f"There is no session {session_id!r}.", session_id=session_id)
    return found


def refusal(state: str, session_id: str) -> Conflict:
    """Return the error for an act that the session's state does not allow."""
    if state == "archived":
        return SessionArchived(
            f"Session {session_id!r} is archived; unarchive and reopen it first. Nothing was changed.",
            session_id=session_id,
        )
    if state == "active":
        return Conflict(f"Session {session_id!r} is active already. Nothing was changed.", session_id=session_id)
    return SessionClosed(
        f"Session {session_id!r} is {state}; open a new one, or reopen it. Nothing was changed.", session_id=session_id
    )


def active_in_channel(tx: Tx, user_id: str, channel: str) -> Session | None:
    """Return the user's active session of that channel, or None."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM session WHERE user_id = ? AND channel = ? AND state = 'active'", (user_id, channel)
    )
    return _session(row) if row else None


def insert(tx: Tx, user_id: str, session_id: str, values: dict[str, Value], at: int, now: int) -> bool:
    """Add an active session if that id is free in the whole store, and return whether it was."""
    taken = tx.one(
        "INSERT INTO session_owner (session_id, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING session_id",
        (session_id, user_id),
    )
    if taken is None:
        return False
    columns = {"metadata": "{}", **values}
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    tx.run(
        f"INSERT INTO session (user_id, id, {names}, state, last_seq, message_count, tokens, created_at, updated_at,"
        f" active_at) VALUES (?, ?, {marks}, 'active', 0, 0, 0, ?, ?, ?)",
        (user_id, session_id, *columns.values(), at, now, at),
    )
    return True


def update(tx: Tx, user_id: str, session_id: str, values: dict[str, Value], now: int) -> None:
    """Change the given columns."""
    changes = "".join(f"{name} = ?, " for name in values)
    tx.run(
        f"UPDATE session SET {changes}updated_at = ? WHERE user_id = ? AND id = ?",
        (*values.values(), now, user_id, session_id),
    )


def reserve(tx: Tx, user_id: str, session_id: str, count: int, tokens: int, at: int, now: int) -> Reserved | None:
    """Take the next `count` places in the session's order and add to its sums; None when there is no such session.

    `at` is when the last of them was said; a message that is older than one before it does not make the session look
    idle. The state is the caller's to check: when it is not `active`, the transaction must be given up.
    """
    row = tx.one(
        "UPDATE session SET last_seq = last_seq + ?, message_count = message_count + ?, tokens = tokens + ?,"
        " active_at = CASE WHEN last_seq > 0 AND active_at > ? THEN active_at ELSE ? END, updated_at = ?"
        " WHERE user_id = ? AND id = ? RETURNING last_seq, state",
        (count, count, tokens, at, at, now, user_id, session_id),
    )
    if row is None:
        return None
    last_seq, state = cast("tuple[int, str]", row)
    return Reserved(last_seq - count + 1, state)


def token_total(tx: Tx, user_id: str, session_id: str) -> int:
    """Return the tokens of all the session's messages together."""
    row = tx.one("SELECT tokens FROM session WHERE user_id = ? AND id = ?", (user_id, session_id))
    return cast(int, row[0]) if row else 0


def page(
    tx: Tx,
    limit: int,
    *,
    cursor: Cursor | None,
    user_id: str | None,
    state: SessionState | None,
    channel: str | None,
    project_id: str | None,
    search: str | None,
    sort: SessionSort,
    descending: bool,
) -> tuple[list[Session], str | None]:
    """Return one page of sessions and the cursor of the next; `search` is part of a name or description."""
    kind = listing("sessions", sort, descending)
    after, args, order = keyset(kind, sort, "id", descending, cursor)
    where = [after]
    for name, value in (("user_id", user_id), ("channel", channel), ("project_id", project_id)):
        if value is not None:
            where.append(f"{name} = ?")
            args.append(value)
    if search is not None:
        like = like_pattern(search)
        where.append(f"(LOWER(COALESCE(name, '')) {LIKE} OR LOWER(COALESCE(description, '')) {LIKE})")
        args += [like, like]
    query = f"SELECT {_COLUMNS}, {sort} FROM session WHERE {' AND '.join(where)}"
    rows: list[Row] = []
    if user_id is not None:
        # `|| ''` and `+ 0` keep the planner to the rows of the user: the other indexes hold everybody's
        wanted = ("state || '' = ?", state) if state is not None else ("? = ''", "")
        order = order.replace(f"BY {sort} ", f"BY {sort} + 0 ")
        rows = tx.all(f"{query} AND {wanted[0]} {order} LIMIT ?", (*args, wanted[1], limit + 1))
    else:
        # one query a state, because the index on active_at is kept by state
        for each in (state,) if state is not None else SESSION_STATES:
            rows += tx.all(f"{query} AND state = ? {order} LIMIT ?", (*args, each, limit + 1))
    rows.sort(key=lambda row: cast("tuple[int, str]", (row[-1], row[1])), reverse=descending)
    more = encode_cursor(kind, rows[limit - 1][-1], cast(str, rows[limit - 1][1])) if len(rows) > limit else None
    return [_session(row) for row in rows[:limit]], more


def count_by_state(tx: Tx) -> dict[str, int]:
    """Return how many sessions there are in each state."""
    return dict(cast("list[tuple[str, int]]", tx.all("SELECT state, COUNT(*) FROM session GROUP BY state")))


def move(tx: Tx, source: str, target: str, now: int) -> None:
    """Give one user's sessions, with their messages, to another.

    Where both have an active session of one channel, the one used longer ago is closed first; of two used at the same
    time, the source's.
    """
    rows = tx.all(
        "SELECT s.id, s.active_at, t.id, t.active_at FROM session s JOIN session t ON t.user_id = ?"
        " AND t.channel = s.channel AND t.state = 'active' WHERE s.user_id = ? AND s.state = 'active'",
        (target, source),
    )
    for mine, mine_at, theirs, theirs_at in cast("list[tuple[str, int, str, int]]", rows):
        user_id, session_id = (source, mine) if mine_at <= theirs_at else (target, theirs)
        update(tx, user_id, session_id, {"state": "closed", "closed_at": now}, now)
    tx.run("UPDATE session SET user_id = ? WHERE user_id = ?", (target, source))
    tx.run("UPDATE session_owner SET user_id = ? WHERE user_id = ?", (target, source))
