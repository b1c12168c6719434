"""Person: which rows are a person's, wherever they are: in the store or in a copy of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ingat.core.logs import LogEntry
from ingat.core.records import MemoryItem, Message, User
from ingat.lifecycle.lines import Added, Record, StoredSession
from ingat.lifecycle.mention import Mention, is_short

TOLD_APART = 16
"""Ids of sessions with fewer characters may be words that mean something else: a text with one names nobody."""
MOST_TRACES = 64
"""Ids of messages and memories whose bytes are looked for."""
MOST_WORDS = 200
"""Ids of sessions that texts are searched for."""
TRACE_BYTES = 8
"""Shorter ids are found everywhere."""


class Person:
    """Everything that a person is known by: ids and aliases, the ids of their sessions, their names.

    `is_other` tells of an id whether it belongs to somebody else now: what a copy says of an id that was given to
    another person since is not this person's.
    """

    def __init__(self, ids: Iterable[str], is_other: Callable[[str], bool]) -> None:
        self._is_other = is_other
        self.ids: set[str] = set()
        self.sessions: set[str] = set()
        self.names: set[str] = set()
        self.rows: set[str] = set()
        """Ids of their memories, snapshots and artifacts."""
        self.traces: dict[str, None] = {}
        self.others: dict[str, set[str]] = {}
        """Users who are somebody else now, of whom a copy says that one of these ids was theirs, with their aliases."""
        self._mention = Mention()
        self.add_ids(ids)

    def add_ids(self, ids: Iterable[str]) -> bool:
        """Take further ids for theirs, and return whether any was new."""
        fresh = {each for each in ids if each not in self.ids and not self._is_other(each)}
        self.ids |= fresh
        self._mention.add(fresh)
        return bool(fresh)

    def add_session(self, session_id: str) -> None:
        """Take a session for theirs."""
        if session_id not in self.sessions:
            self.sessions.add(session_id)
            if len(session_id) >= TOLD_APART:
                self._mention.add([session_id])

    def add_row(self, row_id: str) -> None:
        """Take note of the id of a row of theirs."""
        self.rows.add(row_id)
        self.leave_trace(row_id)

    def leave_trace(self, row_id: str) -> None:
        """Take note of an id whose bytes are to be looked for."""
        if len(self.traces) < MOST_TRACES and len(row_id.encode()) >= TRACE_BYTES:
            self.traces[row_id] = None

    def learn(self, record: Record) -> bool:
        """Take what a row of theirs tells of them; return whether it told a new id."""
        if isinstance(record, User):
            if record.user_id not in self.ids and not self._is_alias_of(record):
                if self.ids.intersection(record.aliases):
                    self.others.setdefault(record.user_id, set()).update(record.aliases)
                return False
            if record.name:
                self.names.add(record.name)
            return self.add_ids([record.user_id, *record.aliases])
        if isinstance(record, StoredSession) and record.user_id in self.ids:
            self.add_session(record.id)
        elif isinstance(record, Message) and self.owns(record):
            self.leave_trace(record.id)
        elif isinstance(record, MemoryItem) and record.user_id in self.ids:
            self.add_row(record.id)
        return False

    def owns(self, record: Record) -> bool:
        """Return whether a row is theirs: it belongs to one of their ids or sessions; a log entry also names one."""
        if isinstance(record, LogEntry) and self.is_named_in(record.message, record.source, record.data):
            return True
        if isinstance(record, Added):
            return self._owns_added(record)
        whose = getattr(record, "user_id", None)
        if whose in self.ids:
            return True
        session_id = record.id if isinstance(record, StoredSession) else getattr(record, "session_id", None)
        return session_id in self.sessions and (not whose or isinstance(record, LogEntry))

    @property
    def has_short_ids(self) -> bool:
        """Whether texts cannot be searched for one of their ids, because it may be another word or number."""
        return any(map(is_short, self.ids))

    @property
    def words(self) -> set[str]:
        """What texts are searched for: their ids, and those of some sessions that cannot be another word."""
        return self.ids.union(sorted(each for each in self.sessions if len(each) >= TOLD_APART)[:MOST_WORDS])

    def is_named_in(self, *values: Any) -> bool:
        """Return whether texts or JSON values name one of their ids, or a session whose id cannot be another word."""
        return self._mention.is_in(*values)

    def is_meant_by(self, target: str | None) -> bool:
        """Return whether the target of an act is theirs: a row of theirs, a session, or a text that names them."""
        if target is None:
            return False
        return target in self.sessions or target in self.rows or self.is_named_in(target)

    def is_spoken_of_in(self, text: str) -> bool:
        """Return whether a reason that somebody gave names them, by an id or by a name of two words or more."""
        return self.is_named_in(text) or Mention(each for each in self.names if " " in each.strip()).is_in(text)

    def is_told_in(self, text: str) -> bool:
        """Return whether a text names them by an id, an alias or a name."""
        return Mention(self.ids).is_in(text) or Mention(self.names, told_apart=True).is_in(text)

    def searched(self, leave_out: Iterable[str] = ()) -> list[bytes]:
        """Return the byte strings that nothing may hold any more, but those."""
        left_out = {each.casefold() for each in leave_out}
        wanted = dict.fromkeys([*sorted(self.ids), *sorted(self.sessions)[:MOST_TRACES], *self.traces])
        return [
            each.encode() for each in wanted if len(each.encode()) >= TRACE_BYTES and each.casefold() not in left_out
        ]

    def _is_alias_of(self, user: User) -> bool:
        """Whether a user of a copy is this person under another id: one of the aliases is theirs."""
        return not self._is_other(user.user_id) and any(each in self.ids for each in user.aliases)

    def _owns_added(self, added: Added) -> bool:
        if added.of in ("session", "expiry"):
            return added.id in self.sessions
        return added.user_id in self.ids or (added.of == "user" and added.id in self.ids)
