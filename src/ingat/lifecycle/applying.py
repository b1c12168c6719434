"""Applying: the changes of a plan, carried out as one operation: what goes is in its restore point, what comes is told.

A restore point of such an operation holds, for each row: the row as it was, and behind it a line `added` when there is
another one in its place; only that line when there was none before. See lifecycle.reverting for the way back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import cast

import msgspec

from ingat.core.artifacts import Artifact
from ingat.core.json import encode_object
from ingat.core.logs import LogEntry
from ingat.core.policy import PolicyVersion
from ingat.core.records import User
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.cut import Cut
from ingat.lifecycle.filing import leave
from ingat.lifecycle.going import Going
from ingat.lifecycle.lines import Expiry, StoredSession
from ingat.lifecycle.outgoing import pieces_of
from ingat.lifecycle.plan import Change, Plan, content_of, key_of, note_of, present
from ingat.lifecycle.put import (
    AT_ONCE,
    Ready,
    Written,
    put_memories,
    put_messages,
    put_session,
    put_user,
    session_row,
)
from ingat.lifecycle.restorepoints import Line
from ingat.store.contract import Tx
from ingat.store.files import Files
from ingat.store.tables import artifacts, logs, rows, snapshots, users
from ingat.store.tables.removal import Doomed, DoomedMemory

Make = Callable[[Tx, Plan], None]
"""Compares within one transaction, and puts what is to change into the plan."""


class Changing(Cut):
    """Carries out a plan, which `make` makes anew for each try."""

    def __init__(self, plan: Plan, make: Make, files: Files, *, also: Callable[[Tx], None] | None = None) -> None:
        """`also` is done in the same transaction."""
        self._plan, self._make, self._files, self._more = plan, make, files, also
        self.user_id = None
        self.touched: set[str] = set()
        """Users whose index entries may lack vectors."""
        self._going = Going()
        self._dropped: list[str] = []
        self.taken_away: Counter[str] = Counter()
        """Rows by kind that go and that nothing replaces."""
        self.put: Counter[str] = Counter()
        """Rows by kind that come, or that are put in the place of others; a session whose sums alone change is none."""

    def keeping(self) -> AbstractContextManager[None]:
        """Let nobody remove a file meanwhile."""
        return self._files.keeping()

    def collect(self, tx: Tx) -> Iterator[Line]:
        """Make the plan, and return the rows that change as they are, and the lines that name what comes."""
        plan = self._plan
        plan.clear()
        self._going.clear()
        self._dropped = []
        self.touched.clear()
        self.taken_away.clear()
        self.put.clear()
        self._make(tx, plan)
        plan.finish(tx)
        self.user_id = _only(plan)
        for kind in plan.kinds():
            sizes: dict[str, int] = {}
            for change in plan.of(kind):
                self._count(kind, change)
                if kind == "message":
                    self._going.add(change)
                if change.before is not None:
                    yield kind, change.before
                    if isinstance(change.before, Artifact):
                        sizes[change.before.sha256] = change.before.size_bytes
                if change.after is not None:
                    yield "added", note_of(change.after, replaced=change.before is not None)
            self._dropped += sizes
            for sha256, size_bytes in sizes.items():
                yield from (("file", piece) for piece in pieces_of(self._files, sha256, size_bytes))
        self._going.settle(tx)

    def told(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return how many rows of each kind change, whether they come, go or are replaced."""
        changed = self.taken_away + self.put
        return {kind: changed[kind] for kind in self._plan.kinds() if changed[kind]}

    def _count(self, kind: str, change: Change) -> None:
        if change.after is None:
            self.taken_away[kind] += 1
        elif change.before is None or content_of(change.before) != content_of(change.after):
            self.put[kind] += 1

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed | None:
        """Return the rows that go or are replaced as a whole; None when one of those that change is another by now."""
        fresh: set[str] = set()
        for kind in self._plan.kinds():
            if kind == "message":
                continue
            for change in self._plan.of(kind):
                record = change.before or change.after
                key = key_of(record)
                if kind == "memory" and key.user_id in fresh:
                    continue
                if present(tx, key) != change.before:
                    return None
                if kind == "user" and change.before is None:
                    if users.resolve(tx, key.id) is not None:
                        return None
                    fresh.add(key.id)
        return _doomed(self._plan, self._going) if self._going.is_unchanged(tx, self._plan) else None

    def also(self, tx: Tx) -> None:
        """Put what comes, what is referred to first."""
        plan = self._plan
        for change in plan.of("user"):
            if change.after is not None:
                _put_user(tx, change)
        # a channel has one active session, and a subject one value without an end: what ends goes first
        for active in (False, True):
            for change in plan.of("session"):
                if change.after is not None and (change.after.state == "active") == active:
                    _put_session(tx, change)
        self._put_recalled(tx, put_messages, _coming(plan, "message"))
        for endless in (False, True):
            values = (each for each in _coming(plan, "memory") if (each.after.valid_to is None) == endless)
            self._put_recalled(tx, put_memories, values)
        for kind in ("expiry", "snapshot", "artifact"):
            for change in _coming(plan, kind):
                _put_other(tx, change.after)
        for some in _batches(_coming(plan, "log")):
            put_logs(tx, [cast(LogEntry, each.after) for each in some])
        _put_policies(tx, plan)
        if self._more is not None:
            self._more(tx)

    def done(self) -> None:
        """Remove the files that no artifact has any more."""
        leave(self._files, self._dropped)

    def _put_recalled(
        self, tx: Tx, put: Callable[[Tx, Iterable[Ready]], list[Written]], changes: Iterable[Change]
    ) -> None:
        for some in _batches(changes):
            self.touched.update(each.user_id for each in put(tx, [Ready(each.after, each.terms) for each in some]))


def put_logs(tx: Tx, entries: Sequence[LogEntry]) -> None:
    """Add log entries, under the numbers that they had as far as these are free; the others behind the last."""
    taken = {each.seq for each in entries if logs.get(tx, each.seq) is not None}
    logs.put_back(tx, [each for each in entries if each.seq not in taken])
    logs.put_back(tx, [each for each in entries if each.seq in taken], keep_seq=False)


def _coming(plan: Plan, kind: str) -> Iterator[Change]:
    return (each for each in plan.of(kind) if each.after is not None)


def _batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    rest = iter(changes)
    while some := list(islice(rest, AT_ONCE)):
        yield some


def _only(plan: Plan) -> str | None:
    """Return whose rows change when they are one person's."""
    found: set[str | None] = set()
    for kind in ("user", "session", "message", "memory", "snapshot", "artifact"):
        for change in plan.of(kind):
            found.add(key_of(change.before or change.after).user_id)
            if len(found) > 1:
                return None
    return found.pop() if found else None


def _doomed(plan: Plan, going: Going) -> Doomed:
    gone = {(each.before.user_id, each.before.id) for each in plan.of("session") if each.after is None}
    ended = {session_id for _, session_id in gone}
    people = [each.before.user_id for each in plan.of("user") if each.after is None]
    return Doomed(
        profiles=people,
        sessions=going.sessions(gone, set(people)),
        messages=going.messages(gone),
        memories=[
            DoomedMemory(each.before.user_id, each.before.id) for each in plan.of("memory") if each.before is not None
        ],
        expiries=[
            each.before.session_id
            for each in plan.of("expiry")
            if each.before is not None and each.before.session_id not in ended
        ],
        logs=[each.before.seq for each in plan.of("log") if each.before is not None],
        snapshots=[each.before.id for each in plan.of("snapshot") if each.before is not None],
        artifacts=[each.before.id for each in plan.of("artifact") if each.before is not None],
    )


def _put_user(tx: Tx, change: Change) -> None:
    before, after = cast("User | None", change.before), cast(User, change.after)
    if before is None:
        put_user(tx, after)
        return
    values = {name: getattr(after, name) for name in ("name", "gender", "product", "address", "language", "role")}
    values |= {name: encode_object(getattr(after, name), name) for name in ("flags", "slots", "metadata")}
    values |= {"protected": int(after.protected), "created_at": after.created_at}
    users.update(tx, after.user_id, values, after.updated_at)
    for alias in set(before.aliases).difference(after.aliases):
        users.drop_alias(tx, alias, after.user_id)
    for alias in set(after.aliases).difference(before.aliases):
        users.add_alias(tx, alias, after.user_id)


def _put_session(tx: Tx, change: Change) -> None:
    after = cast(StoredSession, change.after)
    if change.before is None:
        put_session(tx, after)
    else:
        rows.update_session(tx, session_row(after))


def _put_other(tx: Tx, record: object) -> None:
    if isinstance(record, Expiry):
        rows.insert_expiry(tx, msgspec.structs.astuple(record))
    elif isinstance(record, Snapshot):
        snapshots.insert(tx, record)
    elif isinstance(record, Artifact):
        artifacts.insert(tx, record)


def _put_policies(tx: Tx, plan: Plan) -> None:
    """Write the history of the retention policy anew, where it changes."""
    changes = [(cast("PolicyVersion | None", each.before), each.after) for each in plan.of("policy")]
    if changes:
        rows.put_policies(
            tx, [old.number for old, new in changes if old and not new], [new for _, new in changes if new is not None]
        )
