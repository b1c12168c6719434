"""Put back: the rows that an operation took away, into the store as it is by now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, cast

from msgspec.structs import replace

from ingat.core.artifacts import Artifact
from ingat.core.errors import Conflict
from ingat.core.json import encode_object
from ingat.core.logs import LogEntry
from ingat.core.records import MemoryItem, Message, User
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.comparing_users import OBJECTS, TEXTS, fill_gaps
from ingat.lifecycle.lines import Expiry, Record, StoredSession
from ingat.lifecycle.outgoing import session_of
from ingat.lifecycle.plan import Key, Sums, content_of, key_of, present
from ingat.lifecycle.purged import Purged
from ingat.lifecycle.put import AT_ONCE, Ready, put, put_aliases
from ingat.lifecycle.settling import settle
from ingat.lifecycle.touched import owner_of
from ingat.store.contract import Tx
from ingat.store.tables import rows, sessions, snapshots, users


class Putter:
    """Puts rows back in one transaction, each as it fits by now: call `run`, then look at `touched` and `notes`.

    A row that is there is left: the operation may have been stopped half way, or a restore brought the row back, and it
    may have changed since, which a note tells. Rows of people who were purged stay away. Raises Conflict when an id has
    something else by now, and when the user or session of a row is gone.
    """

    def __init__(self, tx: Tx, purged: Purged, now: int) -> None:
        self._tx, self._purged, self._now = tx, purged, now
        self.touched: set[str] = set()
        """Users whose index entries may lack vectors."""
        self.notes: list[str] = []
        self.people: set[str] = set()
        """Whose rows these are, by now."""
        self.put: Counter[str] = Counter()
        """How many rows of each kind came back, or were filled in."""
        self._owners: dict[str, str] = {}
        self._fresh: set[str] = set()
        self._sums: dict[tuple[str, str], Sums] = {}
        self._homes: set[str] = set()
        self._last: dict[str, int] = {}
        self._behind: dict[str, int] = {}

    def run(self, ready: Iterable[Ready]) -> None:
        """Put all of the rows, what is referred to first."""
        rest = iter(ready)
        while some := list(islice(rest, AT_ONCE)):
            fitted = [each for each in map(self._fit, some) if each is not None]
            # a value of a subject may have been followed by others since: it takes its place among them
            values = [each for each in fitted if isinstance(each.record, MemoryItem)]
            written = put(self._tx, _others(fitted))
            written += settle(self._tx, values, {}, self._now)
            self.touched.update(each.user_id for each in written)
        for (user_id, session_id), sums in self._sums.items():
            rows.add_to_session(self._tx, user_id, session_id, sums.last_seq, sums.messages, sums.tokens, sums.at)

    def _fit(self, ready: Ready) -> Ready | None:
        record = self._fitted(ready.record)
        if record is None:
            return None
        self._count(record)
        return ready._replace(record=record)

    def _count(self, record: Record) -> None:
        self.put[key_of(record).kind] += 1
        owner = owner_of(record)
        if owner is not None:
            self.people.add(owner)

    def _fitted(self, record: Record) -> Record | None:
        if isinstance(record, User):
            return self._user(record)
        if isinstance(record, Expiry):
            known = record.session_id in self._homes or sessions.owner(self._tx, record.session_id) is not None
            return record if known and rows.expiry(self._tx, record.session_id) is None else None
        if isinstance(record, Snapshot | Artifact):
            return self._of_anybody(record)
        if not isinstance(record, StoredSession | Message | MemoryItem):
            return record
        at = record.at if isinstance(record, Message) else record.created_at
        if record.user_id not in self._owners and self._purged.is_purged(record.user_id, at):
            return None
        record = replace(record, user_id=self._owner(record.user_id))
        if isinstance(record, StoredSession):
            return self._session(record)
        if isinstance(record, Message):
            return self._message(record)
        if record.user_id in self._fresh or self._is_absent(Key("memory", record.user_id, record.id), record):
            return record
        return None

    def _user(self, user: User) -> User | None:
        if self._purged.is_purged(user.user_id, user.created_at):
            return None
        owner = users.resolve(self._tx, user.user_id)
        self._owners[user.user_id] = owner or user.user_id
        self.people.add(owner or user.user_id)
        self._tell(user.user_id, owner)
        if owner is None:
            self._fresh.add(user.user_id)
            self._tell_aliases(user.user_id, [each for each in user.aliases if users.resolve(self._tx, each)])
            return user
        there = cast(User, users.get(self._tx, owner))
        filled, notes = fill_gaps(there, user)
        self.notes += notes
        if filled != there:
            values = {name: getattr(filled, name) for name in (*TEXTS, "role")}
            values |= {name: encode_object(getattr(filled, name), name) for name in OBJECTS}
            values |= {"protected": int(filled.protected)}
            users.update(self._tx, owner, values, max(self._now, there.updated_at))
            self._count(filled)
        lacking = [each for each in user.aliases if each not in there.aliases and each != owner]
        self._tell_aliases(owner, put_aliases(self._tx, owner, lacking))
        return None

    def _owner(self, user_id: str) -> str:
        """Return who the user is by now, or raise Conflict when nobody is."""
        known = self._owners.get(user_id)
        if known is None:
            known = users.resolve(self._tx, user_id)
            if known is None:
                raise Conflict(
                    f"User {user_id!r} is not there any more. Nothing was changed; bring the user back first.",
                    user_id=user_id,
                )
            self._owners[user_id] = known
            self.people.add(known)
            self._tell(user_id, known)
        return known

    def _tell(self, user_id: str, owner: str | None) -> None:
        """Say that somebody has another id by now, by a merge or because it is an alias."""
        if owner not in (None, user_id):
            self.notes.append(f"User {user_id!r} is known as {owner!r} by now, who got back what was theirs.")

    def _tell_aliases(self, owner: str, taken: Iterable[str]) -> None:
        self.notes += [f"{each!r} names another user by now: {owner!r} does not get it back." for each in taken]

    def _session(self, session: StoredSession) -> StoredSession | None:
        owner = sessions.owner(self._tx, session.id)
        if owner is not None:
            row = rows.session(self._tx, owner, session.id)
            if row is None or owner != session.user_id:
                raise _taken("session", session.id)
            there = session_of(row)
            self._stays("session", there, session)
            self._last[session.id] = max(there.last_seq, session.last_seq)
            return None
        self._homes.add(session.id)
        channel = session.channel
        if session.state == "active" and channel and sessions.active_in_channel(self._tx, session.user_id, channel):
            at = self._now
            self.notes.append(f"Session {session.id!r} comes back closed: its channel has another one that is active.")
            return replace(session, state="closed", closed_at=at, updated_at=max(at, session.updated_at))
        return session

    def _message(self, message: Message) -> Message | None:
        if message.session_id in self._homes:
            return message
        if not self._is_absent(Key("message", message.user_id, message.id), message):
            return None
        if sessions.owner(self._tx, message.session_id) != message.user_id:
            raise Conflict(
                f"Session {message.session_id!r} is not there any more. Nothing was changed; bring the session back"
                " first.",
                session_id=message.session_id,
            )
        message = replace(message, seq=self._seq(message))
        self._sums.setdefault((message.user_id, message.session_id), Sums()).put(message)
        return message

    def _seq(self, message: Message) -> int:
        """Return the place that a message had, or one behind all others when another message has it now."""
        user_id, session_id, wanted = message.user_id, message.session_id, message.seq
        if session_id not in self._last:
            row = rows.session(self._tx, user_id, session_id)
            self._last[session_id] = wanted if row is None else session_of(row).last_seq
        last = self._last[session_id]
        if wanted <= last and not rows.has_seq(self._tx, user_id, session_id, wanted):
            return wanted
        if session_id not in self._behind:
            self.notes.append(f"session {session_id}: messages came since, and some come back behind them.")
        behind = self._behind[session_id] = self._behind.get(session_id, last) + 1
        return behind

    def _of_anybody(self, record: Snapshot | Artifact) -> Record | None:
        user_id = record.user_id
        if user_id is not None:
            if user_id not in self._owners and self._purged.is_purged(user_id, record.created_at):
                return None
            owner = self._owners.get(user_id) or users.resolve(self._tx, user_id) or user_id
            record = replace(record, user_id=owner)
        kind = "snapshot" if isinstance(record, Snapshot) else "artifact"
        if not self._is_absent(Key(kind, record.user_id, record.id), record):
            return None
        if isinstance(record, Artifact):
            return record
        version = snapshots.free_version(self._tx, record.user_id, record.name, record.version)
        if version != record.version:
            self.notes.append(f"Snapshot {record.id!r} of {record.name!r} comes back as version {version}.")
        self._count(record)
        put(self._tx, [Ready(replace(record, version=version))])  # now, so that the next one finds its version taken
        return None

    def _is_absent(self, key: Key, record: Record) -> bool:
        """Return whether nothing has the id; raise Conflict when something else has."""
        there = present(self._tx, key)
        if there is not None:
            self._stays(key.kind, there, record)
        return there is None

    def _stays(self, kind: str, there: Any, record: Any) -> None:
        """Leave a row that is there, and tell when it has changed; Conflict when it is not the one that was."""
        if content_of(there) == content_of(record):
            return
        if _origin(there) != _origin(record):
            raise _taken(kind, record.id)
        self.notes.append(f"{kind} {record.id}: is there again with other values, and stays as it is.")


def _origin(record: Any) -> tuple[str | None, int]:
    """Return what tells a row from another one that got its id later: when it was made, and where."""
    if isinstance(record, Message):
        return record.session_id, record.at
    return record.user_id, record.created_at


def without_purged(entries: Iterable[LogEntry], purged: Purged) -> list[LogEntry]:
    """Return the log entries that are of nobody who was purged, and name nobody who was."""
    others = [each for each in entries if each.user_id is None or not purged.is_purged(each.user_id, each.at)]
    gone = {each.id for each in purged.naming(others)}
    return [each for each in others if each.id not in gone]


def _others(fitted: Iterable[Ready]) -> Iterator[Ready]:
    return (each for each in fitted if not isinstance(each.record, MemoryItem))


def _taken(kind: str, row_id: str) -> Conflict:
    details: dict[str, Any] = {f"{kind}_id": row_id}
    return Conflict(f"There is another {kind} {row_id!r} by now. Nothing was changed; erase that one first.", **details)
