"""Admitting: checked rows of a file are joined with those of a store, in one transaction. See docs/export.md."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from ingat.core.artifacts import Artifact
from ingat.core.errors import ContentTooLong
from ingat.core.json import encode_object
from ingat.core.logs import LogEntry
from ingat.core.policy import PolicyVersion
from ingat.core.records import MemoryItem, Message, User
from ingat.core.reports import Renamed
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.exporting import SECTIONS
from ingat.lifecycle.lines import Expiry, StoredSession
from ingat.lifecycle.outgoing import policies, session_of
from ingat.lifecycle.put import AT_ONCE, Ready, put_aliases, put_memories, put_messages, put_session, put_user
from ingat.lifecycle.settling import one_a_session, same_summary, settle
from ingat.store.contract import Tx, Value
from ingat.store.tables import artifacts, logs, memories, messages, rows, sessions, snapshots, users

ROWS = [name for kind, name in SECTIONS.items() if kind != "file"]
"""The kinds of rows, as reports name them; pieces of files are no rows."""
MOST_TOLD = 1_000
"""Notes and new ids that a report lists; the rest is counted."""


class Admission:
    """One import: call `admit` with each row in the order of lifecycle.lines, then `finish`.

    Held in memory: what belongs to which session, new ids, and the memories of users who were there already.
    """

    def __init__(self, tx: Tx, now: int, missing: Collection[str] = ()) -> None:
        """`missing` are files (SHA-256) that artifacts name and that are nowhere: these artifacts do not come in."""
        self._tx, self._now, self._missing = tx, now, missing
        self.imported = dict.fromkeys(ROWS, 0)
        self.skipped = dict.fromkeys(ROWS, 0)
        self.renamed, self.notes = list[Renamed](), list[str]()
        self.touched: dict[str, None] = {}
        self.people: set[str] = set()
        """Whose rows came in."""
        self.more_renamed = self.more_notes = 0
        self._owners: dict[str, str] = {}
        self._fresh: set[str] = set()
        self._sessions: dict[str, _Place] = {}
        self._new_ids: dict[tuple[str, str, str], str] = {}
        self._messages: list[Ready] = []
        self._memories: list[Ready] = []
        self._held: list[Ready] = []
        self._summaries: set[tuple[str, str]] = set()
        self._logs: list[LogEntry] = []
        self._policies: list[PolicyVersion] = []

    def admit(self, ready: Ready) -> None:
        """Take one row."""
        record = ready.record
        if isinstance(record, Message):
            self._message(record, ready)
        elif isinstance(record, LogEntry):
            self._log(record)
        elif isinstance(record, MemoryItem):
            self._memory(record, ready)
        elif isinstance(record, User):
            self._user(record)
        elif isinstance(record, StoredSession):
            self._session(record)
        elif isinstance(record, Expiry):
            self._expiry(record)
        elif isinstance(record, Snapshot):
            self._snapshot(record)
        elif isinstance(record, Artifact):
            self._artifact(record)
        elif isinstance(record, PolicyVersion):
            self._policies.append(record)
        else:
            raise TypeError(f"{type(record).__name__} is no row that is imported.")

    def finish(self) -> None:
        """Write what is still held."""
        self._put_messages()
        self._put_memories()
        self._settle_memories()
        self._put_logs()
        self._join_policies()

    # -- users and sessions ----------------------------------------------------------------------------------------

    def _user(self, user: User) -> None:
        owner = users.resolve(self._tx, user.user_id)
        self._owners[user.user_id] = owner or user.user_id
        if owner is None:
            self._fresh.add(user.user_id)
            self._tell_of_aliases(user.user_id, put_user(self._tx, user))
            self._counted("users", user.user_id, imported=True)
            return
        there = cast(User, users.get(self._tx, owner))
        values = self._gaps(there, user)
        new = [each for each in user.aliases if each not in there.aliases and each != owner]
        taken = put_aliases(self._tx, owner, new)
        self._tell_of_aliases(owner, taken)
        if values:
            users.update(self._tx, owner, values, max(self._now, there.updated_at))
            self._note(f"The user {owner!r} was there; filled in: {', '.join(values)}.")
        self._counted("users", owner, imported=bool(values) or len(taken) < len(new))

    def _gaps(self, there: User, given: User) -> dict[str, Value]:
        """Return what the file knows of a user that the store does not: what is there is never changed."""
        values: dict[str, Value] = {}
        for field in ("name", "gender", "product", "address", "language"):
            if getattr(there, field) is None and getattr(given, field) is not None:
                values[field] = getattr(given, field)
        for field in ("flags", "slots", "metadata"):
            own, more = getattr(there, field), getattr(given, field)
            if more.keys() - own.keys():
                try:
                    values[field] = encode_object({**more, **own}, field)
                except ContentTooLong:
                    self._note(f"The {field} of both do not fit into one object: {there.user_id!r} keeps its own.")
        return values

    def _tell_of_aliases(self, user_id: str, taken: Iterable[str]) -> None:
        for alias in taken:
            self._note(f"{alias!r} names another user already: {user_id!r} did not get it.")

    def _session(self, given: StoredSession) -> None:
        session = replace(given, user_id=self._owners[given.user_id])
        there = self._there(session)
        if there is not None and not _one_session(there, session):
            session = replace(session, id=_derived("session", session.user_id, session.id, session.created_at))
            there = self._there(session)
            self._rename("session", "", given.id, session.id, told=there is None)
        self._sessions[given.id] = _Place(given.user_id, session, fresh=there is None)
        self._counted("sessions", session.user_id, imported=there is None)
        if there is not None:
            return
        channel = session.channel
        if session.state == "active" and channel is not None:
            active = sessions.active_in_channel(self._tx, session.user_id, channel)
            if active is not None:
                closed_at = max(self._now, session.created_at)
                session = replace(session, state="closed", closed_at=closed_at)
                self._note(f"Session {session.id!r} came in closed: {active.id!r} is active in its channel.")
        put_session(self._tx, session)

    def _there(self, session: StoredSession) -> StoredSession | None:
        """Return the session that has this id now, whoever has it."""
        owner = sessions.owner(self._tx, session.id)
        row = None if owner is None else rows.session(self._tx, owner, session.id)
        return None if row is None else session_of(row)

    # -- messages --------------------------------------------------------------------------------------------------

    def _message(self, given: Message, ready: Ready) -> None:
        place = self._sessions[given.session_id]
        message = replace(given, user_id=place.user_id, session_id=place.session_id)
        if place.user_id not in self._fresh:
            there = messages.get(self._tx, place.user_id, message.id)
            if there is not None and not _one_message(there, message):
                message = replace(
                    message, id=_derived("message", place.user_id, place.session_id, message.id, given.at)
                )
                there = messages.get(self._tx, place.user_id, message.id)
                self._rename("message", given.user_id, given.id, message.id, told=there is None)
            if there is not None:
                self.skipped["messages"] += 1
                return
        message = replace(message, seq=place.seq_for(self._tx, message.seq))
        self._messages.append(Ready(message, ready.terms))
        place.add(message)
        self._counted("messages", place.user_id, imported=True)
        if len(self._messages) >= AT_ONCE:
            self._put_messages(sums=False)

    def _put_messages(self, *, sums: bool = True) -> None:
        for written in put_messages(self._tx, self._messages):
            self.touched[written.user_id] = None
        self._messages.clear()
        if sums:
            for place in self._sessions.values():
                place.add_up(self._tx)

    # -- memories --------------------------------------------------------------------------------------------------

    def _memory(self, given: MemoryItem, ready: Ready) -> None:
        owner = self._owners[given.user_id]
        item = replace(given, user_id=owner)
        if owner not in self._fresh:
            there = memories.get(self._tx, owner, item.id)
            if there is not None and (there.text, there.subject) != (item.text, item.subject):
                item = replace(item, id=_derived("memory", owner, item.id, item.text, item.created_at))
                there = memories.get(self._tx, owner, item.id)
                self._rename("memory", given.user_id, given.id, item.id, told=there is None)
            if there is not None:
                self.skipped["memories"] += 1
                return
        item = self._referring(item, given.user_id)
        twin = None if owner in self._fresh else same_summary(self._tx, item)
        if twin is not None:
            self._rename("memory", given.user_id, given.id, twin.id, told=False)
            self.skipped["memories"] += 1
            return
        several = self._memories if owner in self._fresh else self._held
        several.append(Ready(item, ready.terms))
        self._counted("memories", owner, imported=True)
        self.touched[owner] = None
        if len(self._memories) >= AT_ONCE:
            self._put_memories()

    def _referring(self, item: MemoryItem, user_id: str) -> MemoryItem:
        """Return an item that names sessions and messages by the ids that they have here."""
        place = self._sessions.get(item.session_id or "")
        ids = tuple(self._new_ids.get(("message", user_id, each), each) for each in item.message_ids)
        return replace(item, session_id=place.session_id if place else item.session_id, message_ids=ids)

    def _put_memories(self) -> None:
        """Add the memories of users who came with this file, as they are."""
        put_memories(self._tx, self._memories)
        self._memories.clear()

    def _settle_memories(self) -> None:
        """Add those of users who were there, when all new ids are known."""
        new_ids = {
            (self._owners[user_id], old): new for (kind, user_id, old), new in self._new_ids.items() if kind == "memory"
        }
        settle(self._tx, one_a_session(self._tx, self._held, self._summaries, self._now), new_ids, self._now)
        self._held.clear()

    # -- the rest --------------------------------------------------------------------------------------------------

    def _expiry(self, given: Expiry) -> None:
        place = self._sessions[given.session_id]
        self._counted("expiries", place.user_id, imported=place.fresh)
        memory_id = None if given.memory_id is None else self._new_id("memory", place.given_user, given.memory_id)
        if not place.fresh:
            if memory_id is not None:
                self._summaries.add((place.user_id, memory_id))
            return
        following = self._sessions.get(given.next_id or "")
        expiry = replace(
            given,
            session_id=place.session_id,
            memory_id=memory_id,
            next_id=following.session_id if following else given.next_id,
        )
        rows.insert_expiry(self._tx, msgspec.structs.astuple(expiry))

    def _snapshot(self, given: Snapshot) -> None:
        owner = None if given.user_id is None else self._owners.get(given.user_id, given.user_id)
        snapshot = replace(given, user_id=owner)
        there = snapshots.head(self._tx, snapshot.id)
        if there is not None and _state_of(there) != _state_of(snapshot):
            snapshot = replace(snapshot, id=_derived("snapshot", snapshot.id, *_state_of(snapshot)))
            there = snapshots.head(self._tx, snapshot.id)
            self._rename("snapshot", "", given.id, snapshot.id, told=there is None)
        self._counted("snapshots", owner, imported=there is None)
        if there is not None:
            return
        version = snapshots.free_version(self._tx, owner, snapshot.name, snapshot.version)
        if version != snapshot.version:
            self._note(f"Snapshot {snapshot.id!r} of {snapshot.name!r} came in as version {version}.")
        snapshots.insert(self._tx, replace(snapshot, version=version))

    def _artifact(self, given: Artifact) -> None:
        owner = None if given.user_id is None else self._owners.get(given.user_id, given.user_id)
        place = self._sessions.get(given.session_id or "")
        artifact = replace(given, user_id=owner, session_id=place.session_id if place else given.session_id)
        there = artifacts.get(self._tx, artifact.id)
        if there is not None and there != artifact:
            parts = (owner or "", artifact.name, artifact.sha256, artifact.created_at)
            artifact = replace(artifact, id=_derived("artifact", artifact.id, *parts))
            there = artifacts.get(self._tx, artifact.id)
            self._rename("artifact", "", given.id, artifact.id, told=there is None)
        lost = there is None and artifact.sha256 in self._missing
        self._counted("artifacts", owner, imported=there is None and not lost)
        if lost:
            self._note(f"The artifact {artifact.id!r} did not come in: its file is not among the rows.")
        elif there is None:
            artifacts.insert(self._tx, artifact)

    def _log(self, given: LogEntry) -> None:
        place = self._sessions.get(given.session_id or "")
        entry = replace(
            given,
            user_id=None if given.user_id is None else self._owners.get(given.user_id, given.user_id),
            session_id=place.session_id if place else given.session_id,
        )
        there = self._logged(entry.id)
        if there is not None and replace(there, seq=0) != replace(entry, seq=0):
            entry = replace(entry, id=_derived("log", entry.id, entry.at, entry.message))
            there = self._logged(entry.id)
            self._rename("log", "", given.id, entry.id, told=there is None)
        self._counted("logs", None, imported=there is None)
        if there is None:
            self._logs.append(entry)
            if len(self._logs) >= AT_ONCE:
                self._put_logs()

    def _logged(self, log_id: str) -> LogEntry | None:
        seq = rows.log_seq(self._tx, log_id)
        return None if seq is None else logs.get(self._tx, seq)

    def _put_logs(self) -> None:
        """Store entries under the numbers that they had, as far as these are free; the others behind the last."""
        taken = {each.seq for each in self._logs if logs.get(self._tx, each.seq) is not None}
        logs.put_back(self._tx, [each for each in self._logs if each.seq not in taken])
        logs.put_back(self._tx, [each for each in self._logs if each.seq in taken], keep_seq=False)
        self._logs.clear()

    def _join_policies(self) -> None:
        """Join both histories of the retention policy in the order of time: what was set last is in force."""
        there = policies(self._tx)
        known = {(each.policy, each.actor, each.changed_at) for each in there}
        new = [each for each in self._policies if (each.policy, each.actor, each.changed_at) not in known]
        self.imported["retention_policies"] = len(new)
        self.skipped["retention_policies"] = len(self._policies) - len(new)
        if not new:
            return
        joined = new
        if there:
            ordered = sorted([*there, *new], key=lambda each: each.changed_at)
            joined = [replace(each, number=number) for number, each in enumerate(ordered, 1)]
            if joined[-1].policy != there[-1].policy:
                self._note("The retention policy in force is that of the file now: it was set later.")
        rows.drop_policies(self._tx)
        for each in joined:
            rows.insert_policy(self._tx, each)

    # -- what is told ----------------------------------------------------------------------------------------------

    def _counted(self, name: str, owner: str | None, *, imported: bool) -> None:
        (self.imported if imported else self.skipped)[name] += 1
        if imported and owner is not None:
            self.people.add(owner)

    def _new_id(self, kind: str, user_id: str, old: str) -> str:
        return self._new_ids.get((kind, user_id, old), old)

    def _rename(self, kind: str, user_id: str, old: str, new: str, *, told: bool) -> None:
        self._new_ids[kind, user_id, old] = new
        if not told:
            return
        if len(self.renamed) < MOST_TOLD:
            self.renamed.append(Renamed(kind=kind, id=old, new_id=new))
        else:
            self.more_renamed += 1

    def _note(self, text: str) -> None:
        if len(self.notes) < MOST_TOLD:
            self.notes.append(text)
        else:
            self.more_notes += 1


class _Place:
    """Where the messages of a session of the file go, and what they add to its sums."""

    __slots__ = ("_at", "_count", "_last", "_tokens", "fresh", "given_user", "session_id", "user_id")

    def __init__(self, given_user: str, session: StoredSession, *, fresh: bool) -> None:
        self.given_user, self.user_id, self.session_id, self.fresh = given_user, session.user_id, session.id, fresh
        self._at, self._count, self._last, self._tokens = session.active_at if fresh else 0, 0, 0, 0

    def seq_for(self, tx: Tx, wanted: int) -> int:
        """Return the place of a message: the one that it had, or behind the last one when that is taken."""
        if self.fresh:
            return wanted
        if wanted > self._last and not rows.has_seq(tx, self.user_id, self.session_id, wanted):
            return wanted
        row = rows.session(tx, self.user_id, self.session_id)
        return max(self._last, session_of(row).last_seq if row else 0) + 1

    def add(self, message: Message) -> None:
        """Count a message."""
        self._count += 1
        self._tokens += message.tokens
        self._last = max(self._last, message.seq)
        if not self.fresh:
            self._at = max(self._at, message.at)

    def add_up(self, tx: Tx) -> None:
        """Write the sums."""
        if self._count:
            rows.add_to_session(tx, self.user_id, self.session_id, self._last, self._count, self._tokens, self._at)
            self._count = self._tokens = 0


def _one_session(there: StoredSession, given: StoredSession) -> bool:
    """Whether two sessions of one id are one: of the same user, begun at the same moment. They may have gone on."""
    return (there.user_id, there.created_at) == (given.user_id, given.created_at)


def _one_message(there: Message, given: Message) -> bool:
    """Whether two messages of one id say the same; place and number of tokens do not count."""
    return replace(there, seq=given.seq, tokens=given.tokens) == given


def _state_of(snapshot: Any) -> tuple[str, str, str, int]:
    return snapshot.user_id or "", snapshot.name, snapshot.sha256, snapshot.created_at


def _derived(*parts: str | int) -> str:
    """Return an id that is the same each time the same row is renamed, so that a second import finds it."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]
