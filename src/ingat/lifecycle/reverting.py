"""Reverting: what a restore changed, changed back by its restore point, as far as the rows are still as it left them.

What was added goes, what was replaced is as it was, what went comes back. A row that has changed since stays, and a
note says so. The result is a plan as that of a restore, so that it can be reverted in its turn.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, cast

from msgspec.structs import replace

from ingat.core.artifacts import Artifact
from ingat.core.errors import ProtectedUser
from ingat.core.protection import Protection
from ingat.core.records import MemoryItem, Message, User
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.comparing_memories import Memories
from ingat.lifecycle.copyfile import Line
from ingat.lifecycle.lines import Added, FilePiece, Record, StoredSession
from ingat.lifecycle.plan import Change, Key, Plan, content_of, exact_of, key_of, present
from ingat.lifecycle.purged import Purged
from ingat.store.contract import Tx
from ingat.store.tables import holdings, rows, sessions, snapshots, users

MOST_NOTES = 100
NEED_USER = ("session", "memory")
"""Kinds of rows that are not there without their user; messages are a session's."""

_CHANGED = "has changed since, and stays as it is"


class Notes:
    """What came out otherwise than it was, as far as it is listed."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._more = 0

    def add(self, key: Key, said: str) -> None:
        """Tell of one row."""
        if len(self._lines) < MOST_NOTES:
            self._lines.append(f"{key.kind} {key.id}: {said}.")
        else:
            self._more += 1

    def lines(self) -> tuple[str, ...]:
        """Return them, and how many more there are."""
        return (*self._lines, *([f"{self._more} further notes are not listed."] if self._more else []))


class Reverter:
    """One way back: `run` puts into the plan what the lines of a restore point say, the other way round."""

    def __init__(
        self, tx: Tx, plan: Plan, notes: Notes, purged: Purged, lacking: set[str], now: int, since: int
    ) -> None:
        """`lacking` are the files that artifacts which come back do not have; `since` is when the restore was done."""
        self._tx, self._plan, self._notes, self._purged = tx, plan, notes, purged
        self._lacking, self._now, self._since = lacking, now, since
        self._memories = Memories(tx)
        self._coming: set[str] = set()
        self._homes: set[str] = set()
        self._sessions_to_go: dict[str, StoredSession] = {}
        self._users_to_go: dict[str, User] = {}
        self._gone: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def run(self, lines: Iterable[Line]) -> None:
        """Go through all of the lines."""
        held: Record | None = None
        for _, record in lines:
            if isinstance(record, FilePiece):
                continue
            if isinstance(record, Added):
                old = held if record.replaced else None
                if held is not None and not record.replaced:
                    self._come(held)
                held = None
                self._back(record, old)
                continue
            if held is not None:
                self._come(held)
            held = record
        if held is not None:
            self._come(held)
        self._finish()

    # -- what was put ----------------------------------------------------------------------------------------------

    def _back(self, added: Added, old: Record | None) -> None:
        """Take away a row that was put, or put what it replaced in its place."""
        owner = None if added.user_id is None else users.resolve(self._tx, added.user_id)
        # log entries, snapshots and artifacts may be of somebody who is not in the store
        key = Key(added.of, owner or added.user_id, added.id)
        there = present(self._tx, key)
        if there is None:
            self._notes.add(key, "is not there any more")
        elif content_of(there) != added.content or (added.replaced and old is None):
            self._notes.add(key, _CHANGED)
        elif old is None:
            self._go(key, there)
        else:
            self._change(there, old, exact=exact_of(there) == added.exact)

    def _go(self, key: Key, there: Record) -> None:
        if isinstance(there, User):
            self._users_to_go[there.user_id] = there
        elif isinstance(there, StoredSession):
            self._sessions_to_go[there.id] = there
        elif isinstance(there, MemoryItem):
            self._memories.add(Change(there, None))
            self._gone["memory"][there.user_id] += 1
        else:
            self._plan.add(key.kind, Change(there, None))
            if isinstance(there, Snapshot | Artifact) and there.created_at > self._since:
                self._gone["made since"][there.user_id or ""] += 1

    def _change(self, there: Record, old: Record, *, exact: bool) -> None:
        key = key_of(there)
        if isinstance(there, User):
            before = cast(User, old)
            aliases = [each for each in before.aliases if users.resolve(self._tx, each) in (None, there.user_id)]
            self._plan.add("user", Change(there, replace(before, user_id=there.user_id, aliases=tuple(aliases))))
        elif isinstance(there, StoredSession):
            after = self._in_its_channel(replace(cast(StoredSession, old), user_id=there.user_id))
            if not exact:
                after = replace(after, updated_at=there.updated_at)
            self._plan.add("session", Change(there, after, exact=exact and after.state == cast(Any, old).state))
        elif isinstance(there, MemoryItem):
            self._memories.add(Change(there, replace(cast(MemoryItem, old), user_id=there.user_id)))
        elif isinstance(there, Message):
            home = {"user_id": there.user_id, "session_id": there.session_id, "seq": there.seq}
            self._plan.add("message", Change(there, replace(cast(Message, old), **home)))
        elif isinstance(there, Snapshot):
            self._plan.add(
                "snapshot", Change(there, replace(cast(Snapshot, old), user_id=there.user_id, version=there.version))
            )
        elif isinstance(there, Artifact) and cast(Artifact, old).sha256 in self._lacking:
            self._notes.add(key, "cannot come back, because its file is gone")
        else:
            owned = replace(cast(Any, old), user_id=key.user_id) if hasattr(old, "user_id") else old
            self._plan.add(key.kind, Change(there, owned))

    # -- what went -------------------------------------------------------------------------------------------------

    def _come(self, record: Record) -> None:
        """Bring back a row that went, where its place is free."""
        key = key_of(record)
        if key.user_id is not None and self._is_purged(record, key.user_id):
            self._notes.add(key._replace(id="…"), "belongs to a person who was purged, and stays away")
            return
        owner = None if key.user_id is None else users.resolve(self._tx, key.user_id)
        if isinstance(record, User):
            if owner is None:
                self._coming.add(record.user_id)
                free = [each for each in record.aliases if users.resolve(self._tx, each) is None]
                self._plan.add("user", Change(None, replace(record, aliases=tuple(free))))
            else:
                self._notes.add(key, "is there again, and stays as it is")
            return
        if owner is None and key.user_id in self._coming:
            owner = key.user_id
        needs_owner = key.kind in ("session", "message", "memory")
        if needs_owner and owner is None:
            self._notes.add(key, "cannot come back, because its user is not there")
            return
        if hasattr(record, "user_id"):
            record = replace(cast(Any, record), user_id=owner or key.user_id)
        if present(self._tx, key_of(record)) is not None:
            self._notes.add(key, "is there again, and stays as it is")
            return
        self._put(key_of(record), record)

    def _put(self, key: Key, record: Record) -> None:
        if isinstance(record, StoredSession):
            after = self._in_its_channel(record)
            self._homes.add(record.id)
            self._plan.add("session", Change(None, after, exact=True))
        elif isinstance(record, Message):
            home = record.session_id in self._homes
            if not home and sessions.owner(self._tx, record.session_id) != record.user_id:
                self._notes.add(key, "cannot come back, because its session is not there")
            elif not home and rows.has_seq(self._tx, record.user_id, record.session_id, record.seq):
                self._notes.add(key, "cannot come back, because another message has its place")
            else:
                self._plan.add("message", Change(None, record))
        elif isinstance(record, MemoryItem):
            self._memories.add(Change(None, record))
        elif isinstance(record, Snapshot):
            version = snapshots.free_version(self._tx, record.user_id, record.name, record.version)
            self._plan.add("snapshot", Change(None, replace(record, version=version)))
        elif isinstance(record, Artifact) and record.sha256 in self._lacking:
            self._notes.add(key, "cannot come back, because its file is gone")
        else:
            self._plan.add(key.kind, Change(None, record))

    def _is_purged(self, record: Any, user_id: str) -> bool:
        made = getattr(record, "created_at", None)
        return self._purged.is_purged(user_id, getattr(record, "at", 0) if made is None else made)

    def _in_its_channel(self, session: StoredSession) -> StoredSession:
        if session.state != "active" or session.channel is None:
            return session
        active = sessions.active_in_channel(self._tx, session.user_id, session.channel)
        if active is None or active.id == session.id or active.id in self._sessions_to_go:
            return session
        self._notes.add(key_of(session), "comes back closed, because its channel has another one that is active")
        at = max(self._now, session.created_at)
        return replace(session, state="closed", closed_at=at, updated_at=max(at, session.updated_at))

    # -- what can only be told at the end --------------------------------------------------------------------------

    def _finish(self) -> None:
        self._memories.plan(self._plan)
        for session in self._sessions_to_go.values():
            sums = self._plan.sums.get((session.user_id, session.id))
            if session.message_count + (0 if sums is None else sums.messages) == 0:
                self._plan.add("session", Change(session, None))
                self._gone["session"][session.user_id] += 1
            else:
                self._notes.add(key_of(session), "stays, because messages came since")
        for user in self._users_to_go.values():
            sessions_left, memories_left, *_ = holdings.of_user(self._tx, user.user_id)
            # snapshots and artifacts that were there without the user may stay so
            made = holdings.made_since(self._tx, user.user_id, self._since)
            gone = tuple(self._gone[each][user.user_id] for each in (*NEED_USER, "made since"))
            if (sessions_left, memories_left, made) == gone:
                self._plan.add("user", Change(user, None))
            else:
                self._notes.add(key_of(user), "stays, because something of theirs came since")


def refuse_protected(tx: Tx, plan: Plan, protection: Protection) -> None:
    """Raise ProtectedUser when the plan takes rows away from somebody who is protected."""
    seen: set[str | None] = {None}
    for kind in plan.kinds():
        for change in plan.of(kind):
            owner = key_of(change.before).user_id if change.after is None else None
            if kind == "log" or owner in seen:
                continue
            seen.add(owner)
            user = users.get(tx, cast(str, owner))
            reasons = () if user is None else protection.reasons(user)
            if reasons:
                raise ProtectedUser(
                    f"Undoing takes rows away from user {owner!r}, who is protected ({', '.join(reasons)}). Nothing was"
                    " changed; `force` overrides it.",
                    user_id=owner,
                    protected_by=list(reasons),
                )
