"""Put: rows that were carried out of a store, back into one as they are, with their index entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple, cast

import msgspec

from ingat.core.artifacts import Artifact
from ingat.core.drafts import attachment_texts, indexed_text, recallable
from ingat.core.json import encode_object
from ingat.core.logs import LogEntry
from ingat.core.policy import PolicyVersion
from ingat.core.records import MemoryItem, Message, User
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.lines import Expiry, Record, StoredSession
from ingat.search.entry import Terms, analyse
from ingat.services.memories import entry_row as memory_row
from ingat.services.messages import entry_row, terms_of
from ingat.store.contract import Tx, Value
from ingat.store.tables import artifacts, logs, memories, messages, recall, rows, snapshots, users

AT_ONCE = 500
"""Rows that are handed to the store together."""


class Ready(NamedTuple):
    """A row that can be put: analysed where it is recalled by its words."""

    record: Record
    terms: Terms | None = None


class Written(NamedTuple):
    """Index entries of one user that were written without vectors, and the texts that these are made of.

    The arguments of what fills in vectors.
    """

    user_id: str
    positions: list[int]
    texts: list[str]


def prepare(record: Record) -> Ready:
    """Analyse a row, which is done before the transaction begins, because it takes longer than the writing."""
    if isinstance(record, Message):
        return Ready(record, terms_of(record))
    if isinstance(record, MemoryItem):
        return Ready(record, analyse(text_of(record), author=None, at_ms=record.valid_from))
    return Ready(record)


def put(tx: Tx, ready: Iterable[Ready]) -> list[Written]:
    """Add rows with all that they hold, and return what lacks vectors now: hand each to the filler after the commit.

    Pieces of files are not rows: `lifecycle.filing` takes them, and the files of artifacts must be in their places.
    What is referred to comes first: users, then sessions, messages and memories (as in a file of lines). Sums of
    sessions are taken as they are. Aliases that another user has are left out. StoreConflict when a row is there
    already: then the transaction must be given up. Only log entries that are there already are left as they are.
    """
    written: dict[str, Written] = {}
    for kind, some in _batches(ready):
        if kind is Message:
            _note(written, put_messages(tx, some))
        elif kind is MemoryItem:
            _note(written, put_memories(tx, some))
        elif kind is LogEntry:
            logs.put_back(tx, cast("list[LogEntry]", [each.record for each in some]))
        else:
            for each in some:
                _put_one(tx, each.record)
    return list(written.values())


def put_user(tx: Tx, user: User) -> list[str]:
    """Add a user with the aliases that are free; return those that name another user or are one."""
    rows.insert_user(tx, user)
    return put_aliases(tx, user.user_id, user.aliases)


def put_aliases(tx: Tx, user_id: str, aliases: Iterable[str]) -> list[str]:
    """Let a user be known by the aliases that are free; return those that name another user or are one."""
    return [each for each in aliases if users.exact(tx, each) or users.add_alias(tx, each, user_id) != user_id]


def put_session(tx: Tx, session: StoredSession) -> None:
    """Add a session with its sums and its owner."""
    rows.insert_session(tx, session_row(session))


def put_messages(tx: Tx, ready: Iterable[Ready]) -> list[Written]:
    """Add messages of sessions that are there, under their own seq; the sums of the sessions are not touched."""
    written = []
    for user_id, several in groupby(ready, key=lambda each: cast(Message, each.record).user_id):
        some = [(cast(Message, each.record), cast(Terms, each.terms)) for each in several]
        places = _places(tx, user_id, len(some))
        messages.insert_many(tx, [_message_row(message) for message, _ in some])
        recall.insert_many(
            tx,
            [
                entry_row(user_id, message.session_id, message.seq, place, message, terms)
                for place, (message, terms) in zip(places, some, strict=True)
            ],
        )
        written.append(Written(user_id, list(places), [text_of(message) for message, _ in some]))
    return written


def put_memories(tx: Tx, ready: Iterable[Ready]) -> list[Written]:
    """Add memories with the validity that they have; no subject may have two without an end."""
    written = []
    for each in ready:
        item, terms = cast(MemoryItem, each.record), cast(Terms, each.terms)
        (place,) = _places(tx, item.user_id, 1)
        memories.insert(tx, item, place)
        recall.insert(tx, memory_row(item, place, terms))
        written.append(Written(item.user_id, [place], [text_of(item)]))
    return written


def text_of(record: Message | MemoryItem) -> str:
    """Return the text that the vectors of a row are made of; empty for what is not to be recalled."""
    if isinstance(record, MemoryItem):
        return f"{record.subject}: {record.text}" if record.subject else record.text
    if not recallable(record.metadata):
        return ""
    return indexed_text(record.content, attachment_texts(record.attachments))


def session_row(session: StoredSession) -> tuple[Value, ...]:
    """Return the values of rows.SESSION_COLUMNS."""
    return (
        session.user_id,
        session.id,
        session.name,
        session.description,
        session.project_id,
        session.channel,
        encode_object(session.metadata, "metadata"),
        session.state,
        session.last_seq,
        session.message_count,
        session.tokens,
        session.created_at,
        session.updated_at,
        session.active_at,
        session.closed_at,
        session.archived_at,
        session.reopened_at,
    )


def _put_one(tx: Tx, record: Record) -> None:
    if isinstance(record, User):
        put_user(tx, record)
    elif isinstance(record, StoredSession):
        put_session(tx, record)
    elif isinstance(record, Expiry):
        rows.insert_expiry(tx, msgspec.structs.astuple(record))
    elif isinstance(record, Snapshot):
        snapshots.insert(tx, record)
    elif isinstance(record, Artifact):
        artifacts.insert(tx, record)
    elif isinstance(record, PolicyVersion):
        rows.insert_policy(tx, record)


def _places(tx: Tx, user_id: str, count: int) -> range:
    """Take the next places in a user's index."""
    last, _ = users.advance(tx, user_id, count)
    return range(last - count + 1, last + 1)


def _message_row(message: Message) -> tuple[Value, ...]:
    return (
        message.user_id,
        message.session_id,
        message.seq,
        message.id,
        message.role,
        message.content,
        message.author,
        msgspec.json.encode(message.attachments).decode() if message.attachments else None,
        encode_object(message.metadata, "metadata") if message.metadata else None,
        message.tokens,
        message.at,
    )


def _batches(ready: Iterable[Ready]) -> Iterator[tuple[type[Any], Sequence[Ready]]]:
    for kind, several in groupby(ready, key=lambda each: type(each.record)):
        some: list[Ready] = []
        for each in several:
            some.append(each)
            if len(some) == AT_ONCE:
                yield kind, some
                some = []
        if some:
            yield kind, some


def _note(written: dict[str, Written], several: Iterable[Written]) -> None:
    for each in several:
        known = written.setdefault(each.user_id, Written(each.user_id, [], []))
        known.positions.extend(each.positions)
        known.texts.extend(each.texts)
