"""What belongs together across the tables, and its removal as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, cast

from ingat.core.ids import ANONYMOUS
from ingat.core.roles import DEFAULT_ROLE
from ingat.store.contract import Tx, Value
from ingat.store.tables import logs, memories, recall, snapshots, transcripts, users

_AT_ONCE = 500
"""Rows that one statement names."""


class DoomedSession(NamedTuple):
    """A session with its messages and what is noted of its end. `places` are its messages' in the user's index."""

    user_id: str
    session_id: str
    places: Sequence[int]


class DoomedMessages(NamedTuple):
    """Single messages of a session that stays. `places` are theirs in the user's index."""

    user_id: str
    session_id: str
    seqs: Sequence[int]
    places: Sequence[int]


class DoomedMemory(NamedTuple):
    """A memory; the others of its subject stay as they are."""

    user_id: str
    memory_id: str


class Doomed(NamedTuple):
    """What goes. Index entries go with their rows.

    `users` are ids of users who go with all that is theirs: profile, aliases, sessions, messages, memories, index,
    snapshots and artifacts. Of `profiles` only the profile goes, with its aliases and all of the index, because all
    else is gone or named here. `expiries` are ids of sessions that stay; `logs` are numbers (seq), `snapshots` and
    `artifacts` ids.
    """

    users: Sequence[str] = ()
    profiles: Sequence[str] = ()
    sessions: Sequence[DoomedSession] = ()
    messages: Sequence[DoomedMessages] = ()
    memories: Sequence[DoomedMemory] = ()
    expiries: Sequence[str] = ()
    logs: Sequence[int] = ()
    snapshots: Sequence[str] = ()
    artifacts: Sequence[str] = ()


def remove(tx: Tx, doomed: Doomed) -> bool:
    """Remove rows, and return whether all that were named were there.

    Sums of sessions that stay are put right, and copies of the index of users who stay become out of date. The caller
    has seen to it that nothing was added to what goes as a whole.
    """
    for user_id in doomed.profiles:
        recall.drop_entries(tx, user_id)
    whole = [_delete_messages(tx, each) for each in doomed.messages]
    whole += [_delete_memory(tx, each) for each in doomed.memories]
    whole += [_delete_session(tx, each) for each in doomed.sessions]
    whole += [tx.run("DELETE FROM session_expiry WHERE session_id = ?", (each,)) == 1 for each in doomed.expiries]
    whole.append(not doomed.logs or logs.delete(tx, doomed.logs) == len(doomed.logs))
    whole += [snapshots.delete(tx, each) for each in doomed.snapshots]
    whole += [tx.run("DELETE FROM artifact WHERE id = ?", (each,)) == 1 for each in doomed.artifacts]
    whole += [_delete_user(tx, each) for each in doomed.users]
    whole += [_delete_profile(tx, each) for each in doomed.profiles]
    touched = {each.user_id for each in doomed.messages}
    touched |= {each.user_id for each in doomed.memories} | {each.user_id for each in doomed.sessions}
    for user_id in sorted(touched.difference(doomed.users, doomed.profiles)):
        if users.exact(tx, user_id) is not None:
            users.rewrite(tx, user_id)
    return all(whole)


def summary_ids(tx: Tx, user_id: str, session_id: str) -> list[str]:
    """Return the ids of the summaries that were made of a session, in the order of their index entries."""
    rows = tx.all(
        "SELECT id FROM memory WHERE user_id = ? AND session_id = ? AND kind = 'summary' ORDER BY position",
        (user_id, session_id),
    )
    return [cast(str, row[0]) for row in rows]


def holds_nothing_else(tx: Tx, user_id: str, session_id: str) -> bool:
    """Whether a user is but the keeper of one session that nobody is known to have had, and of its summaries."""
    if not user_id.startswith(ANONYMOUS):
        return False
    others = (
        "SELECT 1 FROM user_profile WHERE user_id = ? AND ? <> ''"
        " AND (COALESCE(name, gender, product, address, language) IS NOT NULL OR protected = 1"
        f" OR slots <> '{{}}' OR flags <> '{{}}' OR metadata <> '{{}}' OR role <> '{DEFAULT_ROLE}')",
        "SELECT 1 FROM session WHERE user_id = ? AND id <> ?",
        "SELECT 1 FROM memory WHERE user_id = ? AND COALESCE(session_id, '') <> ?",
        "SELECT 1 FROM memory WHERE user_id = ? AND session_id = ? AND kind <> 'summary'",
    )
    if any(tx.one(query, (user_id, session_id)) for query in others):
        return False
    return not any(
        tx.one(f"SELECT 1 FROM {table} WHERE user_id = ?", (user_id,))
        for table in ("user_alias", "access_key", "snapshot", "artifact")
    )


def places(tx: Tx, user_id: str, session_id: str) -> list[int]:
    """Return the places of a session's messages in the user's index; goes through all of the index."""
    rows = tx.all(
        "SELECT position FROM recall_entry WHERE user_id = ? AND session_id = ? AND source = 'message'",
        (user_id, session_id),
    )
    return [cast(int, row[0]) for row in rows]


def places_of(tx: Tx, user_id: str, session_id: str, seqs: Iterable[int]) -> list[int]:
    """Return the places of some of a session's messages in the user's index; goes through all of the index."""
    wanted = frozenset(seqs)
    rows = tx.all(
        "SELECT position, seq FROM recall_entry WHERE user_id = ? AND session_id = ? AND source = 'message'",
        (user_id, session_id),
    )
    return [cast(int, row[0]) for row in rows if row[1] in wanted]


def messages_within(tx: Tx, user_id: str, session_id: str, since: int | None, until: int | None) -> list[str]:
    """Return the ids of a session's messages said from `since` on and before `until`, in their order."""
    rows = tx.all(
        "SELECT id FROM message WHERE user_id = ? AND session_id = ? AND at >= ? AND at < ? ORDER BY seq",
        (user_id, session_id, -(1 << 62) if since is None else since, 1 << 62 if until is None else until),
    )
    return [cast(str, row[0]) for row in rows]


def message_place(tx: Tx, user_id: str, session_id: str, message_id: str) -> tuple[int, int] | None:
    """Return seq and time of a message of a session, or None."""
    row = tx.one(
        "SELECT seq, at FROM message WHERE user_id = ? AND id = ? AND session_id = ?", (user_id, message_id, session_id)
    )
    return cast("tuple[int, int]", row) if row else None


def _delete_session(tx: Tx, doomed: DoomedSession) -> bool:
    user_id, session_id, positions = doomed
    whose: tuple[Value, ...] = (user_id, session_id)
    _delete_entries(tx, user_id, positions)
    tx.run("DELETE FROM transcript_pack WHERE user_id = ? AND session_id = ?", whose)
    tx.run("DELETE FROM message WHERE user_id = ? AND session_id = ?", whose)
    tx.run("DELETE FROM session_expiry WHERE session_id = ?", (session_id,))
    tx.run("DELETE FROM key_session WHERE session_id = ?", (session_id,))
    tx.run("DELETE FROM session_owner WHERE session_id = ?", (session_id,))
    return tx.run("DELETE FROM session WHERE user_id = ? AND id = ?", whose) == 1


def _delete_entries(tx: Tx, user_id: str, positions: Sequence[int]) -> None:
    rows = [(user_id, first, last) for first, last in _runs(sorted(positions))]
    tx.many("DELETE FROM recall_vector WHERE user_id = ? AND position >= ? AND position <= ?", rows)
    tx.many("DELETE FROM recall_entry WHERE user_id = ? AND position >= ? AND position <= ?", rows)


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Return the first and the last of each run of numbers that follow one another."""
    rest = iter(numbers)
    first = last = next(rest, None)
    for number in rest:
        if last is not None and first is not None and number > last + 1:
            yield first, last
            first = number
        last = number
    if first is not None and last is not None:
        yield first, last


def _delete_messages(tx: Tx, doomed: DoomedMessages) -> bool:
    user_id, session_id, seqs, positions = doomed
    _delete_entries(tx, user_id, positions)
    gone = tokens = 0
    last, packed = -(1 << 62), defaultdict[int, list[int]](list)
    for start in range(0, len(seqs), _AT_ONCE):
        some = seqs[start : start + _AT_ONCE]
        rows = tx.all(
            "DELETE FROM message WHERE user_id = ? AND session_id = ?"
            f" AND seq IN ({', '.join('?' * len(some))}) RETURNING seq, tokens, at, packed",
            (user_id, session_id, *some),
        )
        for seq, weight, at, part in cast("list[tuple[int, int, int, int]]", rows):
            gone, tokens, last = gone + 1, tokens + weight, max(last, at)
            if part:
                packed[part].append(seq)
    for part, left_out in packed.items():
        transcripts.leave_out(tx, user_id, session_id, part, left_out)
    tx.run(
        "UPDATE session SET message_count = message_count - ?, tokens = tokens - ?,"
        " active_at = CASE WHEN active_at > ? THEN active_at ELSE COALESCE((SELECT MAX(at) FROM message"
        " WHERE user_id = ? AND session_id = ?), created_at) END WHERE user_id = ? AND id = ?",
        (gone, tokens, last, user_id, session_id, user_id, session_id),
    )
    return gone == len(seqs)


def _delete_memory(tx: Tx, doomed: DoomedMemory) -> bool:
    if memories.get(tx, *doomed) is None:
        return False
    recall.drop_entry(tx, doomed.user_id, memories.position(tx, *doomed))
    return tx.run("DELETE FROM memory WHERE user_id = ? AND id = ?", doomed) == 1


_OF_USER = (
    "recall_vector",
    "recall_entry",
    "transcript_pack",
    "message",
    "memory",
)


def _delete_user(tx: Tx, user_id: str) -> bool:
    for table in _OF_USER:
        tx.run(f"DELETE FROM {table} WHERE user_id = ?", (user_id,))
    for table in ("session_expiry", "key_session", "session_owner"):
        tx.run(f"DELETE FROM {table} WHERE session_id IN (SELECT id FROM session WHERE user_id = ?)", (user_id,))
    for table in ("session", "snapshot", "artifact"):
        tx.run(f"DELETE FROM {table} WHERE user_id = ?", (user_id,))
    return _delete_profile(tx, user_id)


def _delete_profile(tx: Tx, user_id: str) -> bool:
    there = users.exact(tx, user_id) is not None
    users.delete(tx, user_id)
    return there
