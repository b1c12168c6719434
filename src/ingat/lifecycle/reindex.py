"""Reindex: rebuild what is derived: terms and vectors from messages and memories, numbers from log entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ingat.core.records import Message
from ingat.services.memories import entry_row as memory_entry
from ingat.services.messages import entry_row as message_entry
from ingat.services.messages import terms_of
from ingat.store.contract import Store, Tx
from ingat.store.tables import logs, memories, messages, recall, users

ATTEMPTS = 3
"""How often a user is analysed beside the writers, before they are made to wait."""

Progress = Callable[[int, int], None]
"""Is told how many of how many are done."""


def reindex_terms(
    store: Store,
    user_id: str | None = None,
    progress: Progress | None = None,
    fill: Callable[[str], None] | None = None,
) -> int:
    """Write the index entries of one user or of all anew; return how many were written. One transaction a user.

    `fill` makes the vectors of a user whose entries were written, before the next user's turn: who stops half-way
    leaves one user without some vectors, which recall makes up for.

    Texts are analysed outside the transaction; a user who was written to meanwhile is read again, and one who is
    written to without a pause is analysed inside, while writers wait. Vectors are dropped with the entries, to be made
    anew. Of all users, log entries are counted anew too.
    """
    if user_id is None:
        store.write(logs.recount)
    everyone = [user_id] if user_id is not None else store.read(users.every_id)
    written = 0
    for done, each in enumerate(everyone):
        written += _reindex_user(store, each)
        if fill is not None:
            fill(each)
        if progress is not None:
            progress(done + 1, len(everyone))
    return written


def _reindex_user(store: Store, user_id: str) -> int:
    for _ in range(ATTEMPTS):
        version, rows = store.read(lambda tx: _rows(tx, user_id))
        done = store.write(partial(_replace, user_id=user_id, version=version, rows=rows))
        if done:
            return len(rows)
    return store.write(partial(_rows_replaced, user_id=user_id))


def _rows_replaced(tx: Tx, user_id: str) -> int:
    version, rows = _rows(tx, user_id)
    _replace(tx, user_id, version, rows)
    return len(rows)


def _rows(tx: Tx, user_id: str) -> tuple[int, list[tuple[tuple[Any, ...], str | None]]]:
    """Return the version read and the new entries, each with the memory id it stands for (None: a message)."""
    standing = users.exact(tx, user_id)
    if standing is None:
        return -1, []
    position = standing.version
    rows: list[tuple[tuple[Any, ...], str | None]] = []
    for message in _in_order(messages.of_user(tx, user_id), recall.positions(tx, user_id)):
        position += 1
        entry = message_entry(user_id, message.session_id, message.seq, position, message, terms_of(message))
        rows.append((entry, None))
    for item in memories.of_user(tx, user_id):
        position += 1
        rows.append((memory_entry(item, position), item.id))
    return standing.version, rows


def _in_order(said: Sequence[Message], positions: Mapping[str, int]) -> list[Message]:
    """Return a user's messages, given session by session, in the order in which they were written.

    One whose entry is lost comes behind the one before it in its session, among several such by time.
    """
    places: dict[str, tuple[int, int]] = {}
    keyed: list[tuple[int, int, str, int, Message]] = []
    for message in said:
        place, at = places.get(message.session_id, (0, 0))
        place, at = positions.get(message.id, place), max(at, message.at)
        places[message.session_id] = place, at
        keyed.append((place, at, message.session_id, message.seq, message))
    return [each[-1] for each in sorted(keyed, key=lambda each: each[:4])]


def _replace(tx: Tx, user_id: str, version: int, rows: list[tuple[tuple[Any, ...], str | None]]) -> bool:
    standing = users.exact(tx, user_id)
    if standing is None:
        return True
    if standing.version != version:
        return False
    recall.drop_entries(tx, user_id)
    recall.insert_many(tx, [row for row, _ in rows])
    for row, memory_id in rows:
        if memory_id is not None:
            memories.update(tx, user_id, memory_id, {"position": row[1]})
    users.advance(tx, user_id, len(rows))
    users.rewrite(tx, user_id)
    return True
