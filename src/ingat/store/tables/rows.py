"""Whole rows, for those who carry them out of a store and back in as they are."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import cast

import msgspec

from ingat.core.json import encode_object
from ingat.core.policy import PolicyVersion
from ingat.core.records import User
from ingat.store.contract import Row, Tx, Value

SESSION_COLUMNS = (
    "user_id, id, name, description, project_id, channel, metadata, state, last_seq, message_count, tokens, created_at,"
    " updated_at, active_at, closed_at, archived_at, reopened_at"
)
EXPIRY_COLUMNS = "session_id, cause, expired_at, done_at, memory_id, next_id, attempts, error"
Place = tuple[int, int]
"""Where a log entry stands in the order of time: `at`, `seq`."""
BEGINNING: Place = (-1, -1)


def users_after(tx: Tx, user_id: str, limit: int) -> list[str]:
    """Return the ids of up to `limit` users beyond an id, in order."""
    rows = tx.all("SELECT user_id FROM user_profile WHERE user_id > ? ORDER BY user_id LIMIT ?", (user_id, limit))
    return [cast(str, row[0]) for row in rows]


def sessions_after(tx: Tx, user_id: str, session_id: str, limit: int) -> list[Row]:
    """Return up to `limit` of a user's sessions beyond an id, by id: the values of SESSION_COLUMNS."""
    return tx.all(
        f"SELECT {SESSION_COLUMNS} FROM session WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?",
        (user_id, session_id, limit),
    )


def session(tx: Tx, user_id: str, session_id: str) -> Row | None:
    """Return the values of SESSION_COLUMNS of one session, or None."""
    return tx.one(f"SELECT {SESSION_COLUMNS} FROM session WHERE user_id = ? AND id = ?", (user_id, session_id))


def expiry(tx: Tx, session_id: str) -> Row | None:
    """Return the values of EXPIRY_COLUMNS of a session that was closed by expiry or reset, or None."""
    return tx.one(f"SELECT {EXPIRY_COLUMNS} FROM session_expiry WHERE session_id = ?", (session_id,))


def logs_of_user(tx: Tx, user_id: str, after: Place, limit: int) -> list[Place]:
    """Return where up to `limit` log entries about a user stand, beyond a place, oldest first."""
    rows = tx.all(
        "SELECT at, seq FROM log_entry WHERE user_id = ? AND (at, seq) > (?, ?) ORDER BY at, seq LIMIT ?",
        (user_id, *after, limit),
    )
    return cast("list[Place]", rows)


def logs_of_session(tx: Tx, session_id: str, after: Place, limit: int) -> list[Place]:
    """Return where up to `limit` log entries stand that name a session and no user, beyond a place, oldest first."""
    rows = tx.all(
        "SELECT at, seq FROM log_entry WHERE session_id = ? AND user_id IS NULL AND (at, seq) > (?, ?)"
        " ORDER BY at, seq LIMIT ?",
        (session_id, *after, limit),
    )
    return cast("list[Place]", rows)


def log_seq(tx: Tx, log_id: str) -> int | None:
    """Return the number of the log entry with this id, or None."""
    row = tx.one("SELECT seq FROM log_entry WHERE id = ?", (log_id,))
    return cast(int, row[0]) if row else None


def next_seq(tx: Tx, user_id: str, session_id: str, after: int) -> int | None:
    """Return the lowest seq beyond one that a message of a session has, or None."""
    row = tx.one(
        "SELECT MIN(seq) FROM message WHERE user_id = ? AND session_id = ? AND seq > ?", (user_id, session_id, after)
    )
    return cast("tuple[int | None]", row)[0]


def has_seq(tx: Tx, user_id: str, session_id: str, seq: int) -> bool:
    """Return whether a message of a session has this seq."""
    return (
        tx.one("SELECT 1 FROM message WHERE user_id = ? AND session_id = ? AND seq = ?", (user_id, session_id, seq))
        is not None
    )


def insert_user(tx: Tx, user: User) -> None:
    """Add a user without aliases. The epoch starts at random, as for every new user."""
    tx.run(
        "INSERT INTO user_profile (user_id, name, gender, product, address, language, role, protected, flags, slots,"
        " metadata, version, epoch, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
        (
            user.user_id,
            user.name,
            user.gender,
            user.product,
            user.address,
            user.language,
            user.role,
            int(user.protected),
            encode_object(user.flags, "flags"),
            encode_object(user.slots, "slots"),
            encode_object(user.metadata, "metadata"),
            secrets.randbits(62),
            user.created_at,
            user.updated_at,
        ),
    )


def insert_session(tx: Tx, row: Sequence[Value]) -> None:
    """Add a session and its owner: the values of SESSION_COLUMNS."""
    tx.run("INSERT INTO session_owner (session_id, user_id) VALUES (?, ?)", (row[1], row[0]))
    tx.run(f"INSERT INTO session ({SESSION_COLUMNS}) VALUES ({_marks(SESSION_COLUMNS)})", row)


def update_session(tx: Tx, row: Sequence[Value]) -> None:
    """Write a session that is there anew: the values of SESSION_COLUMNS. Whose it is cannot change.

    Messages may have come that are not compressed, so that it is looked at again for that.
    """
    changes = ", ".join(f"{name.strip()} = ?" for name in SESSION_COLUMNS.split(",")[2:])
    tx.run(f"UPDATE session SET {changes}, packed_at = NULL WHERE user_id = ? AND id = ?", (*row[2:], *row[:2]))


def add_to_session(tx: Tx, user_id: str, session_id: str, last_seq: int, messages: int, tokens: int, at: int) -> None:
    """Add messages that were put to the sums of their session; `at` is when the last of them was said.

    They are not compressed, so that of a session whose transcript is they are to be.
    """
    tx.run(
        "UPDATE session SET last_seq = CASE WHEN last_seq > ? THEN last_seq ELSE ? END,"
        " active_at = CASE WHEN message_count > 0 AND active_at > ? THEN active_at ELSE ? END,"
        " message_count = message_count + ?, tokens = tokens + ?, packed_at = NULL WHERE user_id = ? AND id = ?",
        (last_seq, last_seq, at, at, messages, tokens, user_id, session_id),
    )


def insert_expiry(tx: Tx, row: Sequence[Value]) -> None:
    """Add the values of EXPIRY_COLUMNS."""
    tx.run(f"INSERT INTO session_expiry ({EXPIRY_COLUMNS}) VALUES ({_marks(EXPIRY_COLUMNS)})", row)


def insert_policy(tx: Tx, policy: PolicyVersion) -> None:
    """Add a retention policy under its number."""
    tx.run(
        "INSERT INTO retention_policy (number, policy, actor, changed_at) VALUES (?, ?, ?, ?)",
        (policy.number, msgspec.json.encode(policy.policy).decode(), policy.actor, policy.changed_at),
    )


def put_policies(tx: Tx, gone: Iterable[int], policies: Iterable[PolicyVersion]) -> None:
    """Take some retention policies out of the history by number, and write others under their numbers."""
    tx.many("DELETE FROM retention_policy WHERE number = ?", [(number,) for number in gone])
    tx.many(
        "INSERT INTO retention_policy (number, policy, actor, changed_at) VALUES (?, ?, ?, ?) ON CONFLICT (number)"
        " DO UPDATE SET policy = excluded.policy, actor = excluded.actor, changed_at = excluded.changed_at",
        [(each.number, msgspec.json.encode(each.policy).decode(), each.actor, each.changed_at) for each in policies],
    )


def drop_policies(tx: Tx) -> None:
    """Remove the history of the retention policy, so that it can be written anew."""
    tx.run("DELETE FROM retention_policy")


def _marks(columns: str) -> str:
    return ", ".join("?" * len(columns.split(",")))
