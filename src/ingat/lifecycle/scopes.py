"""Scopes: what can be taken away as a whole: how its rows are collected, and how exactly these are deleted."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

import msgspec

from ingat.core.errors import SessionNotFound, SnapshotNotFound
from ingat.core.logs import LogFilters
from ingat.core.protection import Guard
from ingat.core.records import MemoryItem
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.cut import Cut
from ingat.lifecycle.lines import Expiry, StoredSession
from ingat.lifecycle.outgoing import expiry_of, messages_of, session_of
from ingat.lifecycle.restorepoints import Line
from ingat.services.logs import resolved
from ingat.store.contract import Tx
from ingat.store.tables import logs, memories, removal, rows, sessions, snapshots, users
from ingat.store.tables.removal import Doomed, DoomedMemory, DoomedSession

LOGS_AT_ONCE = 500
LOGS_IN_ONE_DELETE = 1_000
"""Log entries that one transaction deletes."""


class _State(NamedTuple):
    """What tells whether a session is as it was. Its messages only change with it or with the user's epoch."""

    session: StoredSession
    epoch: int
    summaries: tuple[MemoryItem, ...]
    expiry: Expiry | None
    alone: bool


class SessionRows(Cut):
    """One session: its messages, its summaries, and a user `anonymous:…` who has nothing else."""

    def __init__(self, session_id: str, guard: Guard) -> None:
        self._id, self._guard = session_id, guard
        self._seen: _State | None = None
        self._places: list[int] = []

    def collect(self, tx: Tx) -> Iterator[Line]:
        """Return the rows, what is referred to first. Raises SessionNotFound and ProtectedUser."""
        state = self._seen = self._state(tx)
        session = state.session
        # looked for here, where no writer waits: as long as the state is the same, so are the places
        self._places = removal.places(tx, session.user_id, self._id)
        if state.alone:
            yield "user", users.required(tx, session.user_id)
        self.user_id = session.user_id
        yield "session", session
        for message in messages_of(tx, session.user_id, self._id):
            yield "message", message
        for item in state.summaries:
            yield "memory", item
        if state.expiry is not None:
            yield "expiry", state.expiry

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed | None:
        """Return the session and what goes with it. Raises as `collect`."""
        state = self._state(tx)
        if state != self._seen:
            return None
        owner = state.session.user_id
        return Doomed(
            profiles=[owner] if state.alone else (),
            sessions=[DoomedSession(owner, self._id, self._places)],
            memories=[DoomedMemory(owner, item.id) for item in state.summaries],
        )

    def _state(self, tx: Tx) -> _State:
        owner = sessions.owner(tx, self._id)
        row = rows.session(tx, owner, self._id) if owner is not None else None
        standing = users.exact(tx, owner) if owner is not None else None
        if owner is None or row is None or standing is None:
            raise SessionNotFound(f"There is no session {self._id!r}. Nothing was deleted.", session_id=self._id)
        self.protected_by = self._guard.admit(users.required(tx, owner), f"Session {self._id!r}")
        ids = removal.summary_ids(tx, owner, self._id)
        expiry = rows.expiry(tx, self._id)
        return _State(
            session_of(row),
            standing.epoch,
            tuple(cast(MemoryItem, memories.get(tx, owner, each)) for each in ids),
            expiry_of(expiry) if expiry is not None else None,
            removal.holds_nothing_else(tx, owner, self._id),
        )


class LogRows(Cut):
    """The log entries that fit every filter, those that are there when they are collected."""

    def __init__(self, filters: LogFilters) -> None:
        self._filters = filters
        self._seqs: array[int] = array("q")
        self._gone = 0

    @property
    def target(self) -> str | None:
        """The filters as JSON; None when there are none."""
        given = {name: value for name, value in msgspec.structs.asdict(self._filters).items() if value is not None}
        return msgspec.json.encode(given).decode() if given else None

    def collect(self, tx: Tx) -> Iterator[Line]:
        """Return the entries, newest first."""
        self._seqs, self._gone = array("q"), 0
        after: logs.Position | None = None
        filters = resolved(tx, self._filters)
        self.user_id = filters.user_id
        while True:
            found = logs.matching(tx, filters, LOGS_AT_ONCE, after)
            for entry in found.entries:
                self._seqs.append(entry.seq)
                yield "log", entry
            after = found.next
            if after is None:
                return

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed:
        """Return the first of the entries: when one of them is gone already, they have changed."""
        return Doomed(logs=self._seqs[:LOGS_IN_ONE_DELETE])

    def rest(self, tx: Tx) -> Doomed | None:
        """Return the next of the entries."""
        some = self._seqs[self._gone : self._gone + LOGS_IN_ONE_DELETE]
        return Doomed(logs=some) if some else None

    def went(self) -> None:
        """Go on with the part behind this one."""
        self._gone += LOGS_IN_ONE_DELETE


class SnapshotRows(Cut):
    """One snapshot, of that user where one is given."""

    def __init__(self, snapshot_id: str, user_id: str | None) -> None:
        self._id, self._user_id = snapshot_id, user_id

    def collect(self, tx: Tx) -> Iterator[Line]:
        """Return the snapshot, or raise SnapshotNotFound."""
        self._check(tx)
        snapshot = cast(Snapshot, snapshots.get(tx, self._id))
        self.user_id = snapshot.user_id
        yield "snapshot", snapshot

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed:
        """Return the snapshot; it never changes."""
        self._check(tx)
        return Doomed(snapshots=[self._id])

    def _check(self, tx: Tx) -> None:
        head = snapshots.head(tx, self._id)
        owner = None if self._user_id is None else users.resolve(tx, self._user_id) or self._user_id
        if head is None or (owner is not None and head.user_id != owner):
            raise SnapshotNotFound(f"There is no snapshot {self._id!r}. Nothing was deleted.", snapshot_id=self._id)
