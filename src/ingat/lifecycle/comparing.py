"""Comparing: the rows of a copy, held against those of a store: what is to be added, replaced, or left as it is.

What is absent is added. What is there as it was stays. Of a row that has another version, `prefer` says which stays.
Nothing that came since is taken away.
"""

from __future__ import annotations

import hashlib

from msgspec.structs import replace

from ingat.core.artifacts import Artifact
from ingat.core.backups import Prefer
from ingat.core.logs import LogEntry
from ingat.core.policy import PolicyVersion
from ingat.core.protection import Protection
from ingat.core.records import MemoryItem, Message, User
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.comparing_memories import MemoryComparer
from ingat.lifecycle.comparing_rest import RestComparer
from ingat.lifecycle.comparing_users import UserComparer
from ingat.lifecycle.lines import Expiry, StoredSession
from ingat.lifecycle.outgoing import session_of
from ingat.lifecycle.plan import Change, Key, Plan, content_of, present
from ingat.lifecycle.purged import Purged
from ingat.lifecycle.put import Ready
from ingat.lifecycle.tally import Tally
from ingat.store.contract import Tx
from ingat.store.tables import messages, rows, sessions

_ELSEWHERE = "The id has something else by now."


class Comparer:
    """One comparison: call `take` with each row of a copy, users first as in every file of lines, then `finish`.

    Held in memory: the users and sessions of the copy, and the memories that come to users who are there.
    """

    def __init__(
        self,
        tx: Tx,
        plan: Plan,
        tally: Tally,
        purged: Purged,
        protection: Protection,
        prefer: Prefer,
        now: int,
        *,
        whole: bool,
        files: set[str],
    ) -> None:
        """`whole`: everything is restored, what is nobody's too. `files` are those that artifacts lack."""
        self._tx, self._plan, self._tally, self._prefer, self._now = tx, plan, tally, prefer, now
        self._users = UserComparer(tx, plan, tally, purged, protection, prefer, now)
        self._memories = MemoryComparer(tx, plan, tally, self._users, prefer, now)
        self._rest = RestComparer(tx, plan, tally, self._users, prefer, now, files)
        self._whole = whole
        self._places: dict[str, _Place | None] = {}
        self._channels: set[tuple[str, str]] = set()

    def take(self, ready: Ready) -> None:
        """Compare one row."""
        record = ready.record
        if isinstance(record, Message):
            self._message(record, ready)
        elif isinstance(record, User):
            self._users.take(record)
        elif isinstance(record, StoredSession):
            self._session(record)
        elif isinstance(record, MemoryItem):
            self._memories.take(record, ready)
        elif isinstance(record, Expiry):
            place = self._place(record.session_id)
            if place is not None:
                self._rest.expiry(record, ended=place.ended)
        elif isinstance(record, Snapshot):
            self._rest.snapshot(record)
        elif isinstance(record, Artifact):
            self._rest.artifact(record)
        elif isinstance(record, LogEntry):
            self._rest.log(record)
        elif isinstance(record, PolicyVersion) and self._whole:
            self._rest.policy(record)

    def finish(self) -> None:
        """Compare what could only be compared as a whole."""
        self._users.finish()
        self._memories.finish()
        self._rest.finish()

    # -- sessions --------------------------------------------------------------------------------------------------

    def _session(self, given: StoredSession) -> None:
        owner = self._users.owner("session", given.user_id, given.created_at)
        self._places[given.id] = None
        if owner is None:
            self._users.gone_sessions.add(given.id)
            return
        there = present(self._tx, Key("session", owner, given.id))
        assert there is None or isinstance(there, StoredSession)
        if there is not None and there.user_id != owner:
            self._tally.conflict("session", given.id, there.user_id, "current", _ELSEWHERE)
            self._tally.note(f"Session {given.id!r} belongs to {there.user_id!r} now: it stays as it is.")
            return
        after = self._in_its_channel(replace(given, user_id=owner), there)
        fresh = there is None
        if there is None:
            self._plan.add("session", Change(None, after))
            self._tally.added["session"] += 1
        elif content_of(there) == content_of(replace(given, created_at=there.created_at)):
            self._tally.unchanged["session"] += 1
            after = there
        elif self._prefer == "backup" and content_of(there) != content_of(after):
            self._plan.add("session", Change(there, after))
            self._tally.conflict("session", given.id, owner, "backup", _told(there, after))
        else:
            self._tally.conflict("session", given.id, owner, "current", _told(there, after))
            after = there
        last = max(given.last_seq, 0 if there is None else there.last_seq)
        self._places[given.id] = _Place(owner, given.id, last, fresh=fresh, ended=fresh or after.state == given.state)

    def _in_its_channel(self, session: StoredSession, there: StoredSession | None) -> StoredSession:
        """Return the session closed, when its channel has another one that is active."""
        if session.state != "active" or session.channel is None:
            return session
        whose = session.user_id, session.channel
        active = sessions.active_in_channel(self._tx, *whose)
        if whose not in self._channels and (active is None or active.id == session.id):
            self._channels.add(whose)
            return session
        if there is None:
            self._tally.note(f"Session {session.id!r} comes back closed: its channel has another one that is active.")
        if there is not None and there.state != "active":
            return replace(session, state=there.state, closed_at=there.closed_at, archived_at=there.archived_at)
        closed_at = max(self._now, session.created_at)
        return replace(session, state="closed", closed_at=closed_at, updated_at=max(self._now, session.updated_at))

    def _place(self, session_id: str) -> _Place | None:
        """Return where the messages of a session go; None when they have no place."""
        if session_id not in self._places:
            owner = sessions.owner(self._tx, session_id)
            row = None if owner is None else rows.session(self._tx, owner, session_id)
            there = None if row is None else session_of(row)
            self._places[session_id] = (
                _Place(there.user_id, there.id, there.last_seq, fresh=False, ended=there.state != "active")
                if there is not None
                else None
            )
        return self._places[session_id]

    # -- messages --------------------------------------------------------------------------------------------------

    def _message(self, given: Message, ready: Ready) -> None:
        owner = self._users.owner("message", given.user_id, given.at)
        if owner is None:
            return
        place = self._place(given.session_id)
        if place is None or place.user_id != owner:
            self._tally.conflict("message", given.id, owner, "current", "Its session is not there, or somebody else's.")
            return
        merged, given = owner != given.user_id, replace(given, user_id=owner)
        there = None if self._users.is_fresh(owner) else messages.get(self._tx, owner, given.id)
        if merged and there is not None and there.session_id != given.session_id:
            given, there = self._renamed(given)
        if there is None:
            message = replace(given, seq=place.seq_for(self._tx, given.seq))
            if message.seq != given.seq:
                self._tally.note(f"Messages came to session {place.session_id!r} since: some come back behind them.")
            self._plan.add("message", Change(None, message, ready.terms))
            self._tally.added["message"] += 1
        elif replace(there, seq=given.seq, tokens=given.tokens) == given:
            self._tally.unchanged["message"] += 1
        elif there.session_id != given.session_id:
            self._tally.conflict("message", given.id, owner, "current", _ELSEWHERE)
        elif self._prefer == "backup":
            self._plan.add("message", Change(there, replace(given, seq=there.seq), ready.terms))
            self._tally.conflict("message", given.id, owner, "backup", "It said something else.")
        else:
            self._tally.conflict("message", given.id, owner, "current", "It says something else.")

    def _renamed(self, given: Message) -> tuple[Message, Message | None]:
        """Return a message of a user who was merged since, under an id that the other one does not have, and that.

        The merge may have renamed it; else the new id is the same each time, so that a second restore finds it.
        """
        (*_, last) = (None, *messages.page(self._tx, given.user_id, given.session_id, 1, given.seq + 1))
        if last is not None and last.metadata.get("id_before_merge") == given.id:
            return replace(last, tokens=given.tokens), last
        fresh = hashlib.sha256(f"{given.user_id}\0{given.session_id}\0{given.id}".encode()).hexdigest()[:32]
        self._tally.note(f"Message {given.id!r} comes back as {fresh!r}: since a merge the id has something else.")
        return replace(given, id=fresh), messages.get(self._tx, given.user_id, fresh)


class _Place:
    """Where the messages of a session go. `ended`: how the copy says that it ended may come back."""

    __slots__ = ("_behind", "_last", "ended", "fresh", "session_id", "user_id")

    def __init__(self, user_id: str, session_id: str, last: int, *, fresh: bool, ended: bool) -> None:
        self.user_id, self.session_id, self.fresh, self.ended = user_id, session_id, fresh, ended
        self._last = self._behind = last

    def seq_for(self, tx: Tx, wanted: int) -> int:
        """Return the place that a message had, or one behind all others when another message has it now."""
        if wanted <= self._last and (self.fresh or not rows.has_seq(tx, self.user_id, self.session_id, wanted)):
            return wanted
        self._behind += 1
        return self._behind


def _told(there: StoredSession, given: StoredSession) -> str:
    fields = ("name", "description", "project_id", "channel", "metadata", "state", "closed_at", "archived_at")
    other = [name for name in fields if getattr(there, name) != getattr(given, name)]
    return f"Other values: {', '.join(other) or 'times'}."
