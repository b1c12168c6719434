"""The table daily_measure, and the numbers over whole tables that measuring needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from ingat.core.stats import Measure
from ingat.store.contract import Tx

_decoder = msgspec.json.Decoder(Measure)
_COUNTED = ("user_profile", "session", "message", "memory", "recall_entry", "recall_vector")
_STATES = "state IN ('active', 'closed', 'archived')"


def is_small(tx: Tx, most: int) -> bool:
    """Tell whether no table holds more rows than `most`; looks at so many rows of each and no further."""
    for table in _COUNTED:
        row = tx.one(f"SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT ?) AS found", (most + 1,))
        if cast("tuple[int]", row)[0] > most:
            return False
    return True


def log_errors_since(tx: Tx, since: int, most: int) -> int:
    """Return how many errors were logged since then, `most` at the most."""
    query = "SELECT COUNT(*) FROM (SELECT 1 FROM log_entry WHERE level = 40 AND at >= ? LIMIT ?) AS found"
    return _number(tx, query, since, most)


def sessions_made_since(tx: Tx, since: int) -> int:
    """Return how many sessions were made since then."""
    return _number(tx, "SELECT COUNT(*) FROM session WHERE created_at >= ?", since)


def first_session_at(tx: Tx) -> int | None:
    """Return when the first session that is there was made, None without any."""
    row = tx.one("SELECT MIN(created_at) FROM session")
    return cast("tuple[int | None]", row)[0]


def sessions_used_since(tx: Tx, since: int) -> int:
    """Return how many sessions had a message, or were made, since then."""
    return _number(tx, f"SELECT COUNT(*) FROM session WHERE {_STATES} AND active_at >= ?", since)


def sessions_overdue(tx: Tx, before: int) -> int:
    """Return how many active sessions have had no message since before that time."""
    return _number(tx, "SELECT COUNT(*) FROM session WHERE state = 'active' AND active_at < ?", before)


def ended_between(tx: Tx, since: int, until: int) -> dict[str, int]:
    """Return how many sessions expired and how many were reset, from `since` until before `until`."""
    query = "SELECT cause, COUNT(*) FROM session_expiry WHERE expired_at >= ? AND expired_at < ? GROUP BY cause"
    return dict(cast("list[tuple[str, int]]", tx.all(query, (since, until))))


def summaries_missing(tx: Tx, before: int) -> int:
    """Return how many sessions ended before that time and have no summary yet."""
    return _number(tx, "SELECT COUNT(*) FROM session_expiry WHERE done_at IS NULL AND expired_at < ?", before)


def sizes_of_users(tx: Tx, after: str, limit: int) -> list[tuple[str, int]]:
    """Return (user, tokens of all sessions) of the users behind `after`, in the order of their ids."""
    rows = tx.all(
        "SELECT user_id, COALESCE((SELECT SUM(s.tokens) FROM session s WHERE s.user_id = u.user_id), 0)"
        " FROM user_profile u WHERE u.user_id > ? ORDER BY u.user_id LIMIT ?",
        (after, limit),
    )
    return cast("list[tuple[str, int]]", rows)


def text_bytes(tx: Tx, user_id: str) -> int:
    """Return about how many bytes of text a user's messages are, those of compressed transcripts included."""
    plain = _number(tx, "SELECT COALESCE(SUM(LENGTH(content)), 0) FROM message WHERE user_id = ?", user_id)
    return plain + _number(tx, "SELECT COALESCE(SUM(raw_bytes), 0) FROM transcript_pack WHERE user_id = ?", user_id)


def put(tx: Tx, measure: Measure) -> None:
    """Write the row of a day anew."""
    tx.run(
        "INSERT INTO daily_measure (day, at, measures) VALUES (?, ?, ?)"
        " ON CONFLICT (day) DO UPDATE SET at = excluded.at, measures = excluded.measures",
        (measure.day, measure.at, msgspec.json.encode(measure).decode()),
    )


def get(tx: Tx, day: str) -> Measure | None:
    """Return the measures of a day (`2026-05-01`), or None."""
    row = tx.one("SELECT measures FROM daily_measure WHERE day = ?", (day,))
    return _decoder.decode(cast(str, row[0])) if row else None


def newest(tx: Tx, days: int) -> list[Measure]:
    """Return the measures of the newest days, newest first."""
    return _measures(tx.all("SELECT measures FROM daily_measure ORDER BY day DESC LIMIT ?", (days,)))


def oldest(tx: Tx, days: int) -> list[Measure]:
    """Return the measures of the oldest days, oldest first."""
    return _measures(tx.all("SELECT measures FROM daily_measure ORDER BY day LIMIT ?", (days,)))


def prune(tx: Tx, before: str, keep_first: int) -> int:
    """Delete the rows of days before that one, except the first ones of all; return how many."""
    return tx.run(
        "DELETE FROM daily_measure WHERE day < ? AND day NOT IN (SELECT day FROM daily_measure ORDER BY day LIMIT ?)",
        (before, keep_first),
    )


def _measures(rows: Sequence[tuple[object, ...]]) -> list[Measure]:
    return [_decoder.decode(cast(str, row[0])) for row in rows]


def _number(tx: Tx, query: str, *args: int | str) -> int:
    return cast("tuple[int]", tx.one(query, args))[0]
