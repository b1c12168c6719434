"""Plan: which rows change from what into what: made while reading, written into a restore point, then carried out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

from msgspec.structs import replace

from ingat.core.artifacts import Artifact
from ingat.core.logs import LogEntry
from ingat.core.policy import PolicyVersion
from ingat.core.records import MemoryItem, Message, User
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.lines import KINDS, Added, Expiry, Record, StoredSession, encode_row
from ingat.lifecycle.outgoing import expiry_of, policies, session_of
from ingat.lifecycle.put import prepare
from ingat.lifecycle.spool import Spool
from ingat.search.entry import Terms
from ingat.store.contract import Tx
from ingat.store.tables import artifacts, logs, memories, messages, rows, sessions, snapshots, users

ROWS = tuple(kind for kind in KINDS if kind not in ("file", "added"))
"""The kinds of rows, in the order in which they are put."""


class Key(NamedTuple):
    """What tells a row from others of its kind. `user_id` is whose it is, where it is somebody's."""

    kind: str
    user_id: str | None
    id: str


class Change(NamedTuple):
    """A row as it is, and as it is to be; None: it is not there. Both have the same key.

    `exact`: a session is to be as `after` says, its sums too; else these are counted on from what it has.
    """

    before: Any
    after: Any
    terms: Terms | None = None
    exact: bool = False


class Sums:
    """What the messages that come and go change of the sums of their session."""

    __slots__ = ("at", "last_seq", "messages", "tokens")

    def __init__(self) -> None:
        self.messages = self.tokens = self.last_seq = self.at = 0

    def put(self, message: Message) -> None:
        """Count a message that comes."""
        self.messages += 1
        self.tokens += message.tokens
        self.last_seq, self.at = max(self.last_seq, message.seq), max(self.at, message.at)

    def take(self, message: Message) -> None:
        """Count a message that goes."""
        self.messages -= 1
        self.tokens -= message.tokens


class Plan:
    """The changes of one try, by kind, each kind in the order in which it came. A context manager.

    Held in memory are the sums of sessions whose messages change; all else waits in spools.
    """

    def __init__(self) -> None:
        self._spools: dict[str, Spool[Change]] = {kind: Spool(_type_of(kind), Change) for kind in ROWS}
        self.sums: dict[tuple[str, str], Sums] = {}
        self._sessions: set[tuple[str, str]] = set()

    def clear(self) -> None:
        """Forget everything, so that the next try can begin."""
        for spool in self._spools.values():
            spool.clear()
        self.sums.clear()
        self._sessions.clear()

    def add(self, kind: str, change: Change) -> None:
        """Plan a change. What comes is analysed now, unless it was: the writing is to take no longer than it must."""
        if change.terms is None and change.after is not None:
            change = change._replace(terms=prepare(change.after).terms)
        self._spools[kind].add(change)
        if kind == "session":
            record = change.after or change.before
            self._sessions.add((record.user_id, record.id))
        elif kind == "message":
            for message, count in ((change.before, Sums.take), (change.after, Sums.put)):
                if message is not None:
                    count(self.sums.setdefault((message.user_id, message.session_id), Sums()), message)

    def finish(self, tx: Tx) -> None:
        """Plan the sums of sessions that are not to be changed otherwise."""
        for user_id, session_id in self.sums.keys() - self._sessions:
            row = rows.session(tx, user_id, session_id)
            if row is not None:
                there = session_of(row)
                self.add("session", Change(there, there))

    def of(self, kind: str) -> Iterator[Change]:
        """Return the changes of one kind; of sessions with the sums that they are to have."""
        if kind != "session":
            return iter(self._spools[kind])
        return map(self._summed, self._spools["session"])

    def kinds(self) -> list[str]:
        """Return the kinds of rows that change, in the order in which they are put."""
        return [kind for kind in ROWS if len(self._spools[kind])]

    def _summed(self, change: Change) -> Change:
        before, after = cast("StoredSession | None", change.before), cast("StoredSession | None", change.after)
        if after is None or change.exact:
            return change
        more = self.sums.get((after.user_id, after.id)) or Sums()
        count = (before.message_count if before else 0) + more.messages
        at = max(after.active_at if before is None else before.active_at, more.at)
        if before is not None and not before.message_count and more.at:
            at = more.at
        summed = replace(
            after,
            message_count=count,
            tokens=(before.tokens if before else 0) + more.tokens,
            last_seq=max(before.last_seq if before else after.last_seq, more.last_seq),
            active_at=at,
            last_message_at=at if count else None,
        )
        return change._replace(after=summed)

    def close(self) -> None:
        """Give the room back."""
        for spool in self._spools.values():
            spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def key_of(record: Record) -> Key:
    """Return the key of a row."""
    if isinstance(record, User):
        return Key("user", record.user_id, record.user_id)
    if isinstance(record, StoredSession):
        return Key("session", record.user_id, record.id)
    if isinstance(record, Message):
        return Key("message", record.user_id, record.id)
    if isinstance(record, MemoryItem):
        return Key("memory", record.user_id, record.id)
    if isinstance(record, Expiry):
        return Key("expiry", None, record.session_id)
    if isinstance(record, Snapshot):
        return Key("snapshot", record.user_id, record.id)
    if isinstance(record, Artifact):
        return Key("artifact", record.user_id, record.id)
    if isinstance(record, LogEntry):
        return Key("log", record.user_id, record.id)
    if isinstance(record, PolicyVersion):
        return Key("policy", None, str(record.number))
    raise TypeError(f"{type(record).__name__} is no row")


def present(tx: Tx, key: Key) -> Record | None:
    """Return the row that has this key now, None when there is none; ids of sessions and files are everybody's."""
    kind, user_id, row_id = key
    if kind == "user":
        return users.get(tx, row_id)
    if kind == "session":
        owner = sessions.owner(tx, row_id)
        row = None if owner is None else rows.session(tx, owner, row_id)
        return None if row is None else session_of(row)
    if kind == "message":
        return messages.get(tx, user_id or "", row_id)
    if kind == "memory":
        return memories.get(tx, user_id or "", row_id)
    if kind == "expiry":
        row = rows.expiry(tx, row_id)
        return None if row is None else expiry_of(row)
    if kind == "snapshot":
        return snapshots.get(tx, row_id)
    if kind == "artifact":
        return artifacts.get(tx, row_id)
    if kind == "log":
        seq = rows.log_seq(tx, row_id)
        return None if seq is None else logs.get(tx, seq)
    return next((each for each in policies(tx) if str(each.number) == row_id), None)


def note_of(record: Record, *, replaced: bool) -> Added:
    """Return the line that says of a row that it was put."""
    key = key_of(record)
    return Added(
        of=key.kind,
        user_id=key.user_id,
        id=key.id,
        replaced=replaced,
        content=content_of(record),
        exact=exact_of(record),
    )


def content_of(record: Record) -> str:
    """Return a checksum of what a row says, whoever has it by now; of a session without its sums."""
    if isinstance(record, StoredSession):
        record = replace(record, last_seq=0, tokens=0, message_count=0, active_at=0, updated_at=0, last_message_at=None)
    elif isinstance(record, LogEntry | Message):
        record = replace(record, seq=0)
    elif isinstance(record, Snapshot):
        record = replace(record, version=0)
    return exact_of(record)


def exact_of(record: Record) -> str:
    """Return a checksum of a row as it is, whoever has it by now."""
    if not isinstance(record, Expiry | PolicyVersion):
        record = replace(cast(Any, record), user_id="")
    return hashlib.sha256(encode_row(record)).hexdigest()[:32]


def _type_of(kind: str) -> Any:
    record = KINDS[kind]
    return cast(Any, tuple).__class_getitem__((record | None, record | None, Terms | None, bool))
