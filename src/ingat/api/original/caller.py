"""Who asks, and what of the memory that key may see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from ingat.api.original.ids import SESSION, SNAPSHOT, shown, stored_as
from ingat.core.errors import SessionNotFound, SnapshotNotFound, UserNotFound
from ingat.core.records import Key, Message, Page, Session
from ingat.core.snapshots import Snapshot
from ingat.memory import Memory

T = TypeVar("T")

ROWS_AT_ONCE = 50
"""Rows read from the store at a time."""


class Caller(NamedTuple):
    """The memory as one key sees it. `owner` is the one user whose rows count; None: everybody's."""

    memory: Memory
    key: Key
    owner: str | None

    @property
    def reason(self) -> str:
        """What is recorded beside the key for what it deletes."""
        return "asked for over /api/memory"

    def person(self) -> str | None:
        """Return the user that `owner` names by now: it may be an alias, since users can be merged."""
        if self.owner is None:
            return None
        try:
            return self.memory.users.get(self.owner).user_id
        except UserNotFound:
            return self.owner

    def session(self, given: str) -> Session:
        """Return a session by its id of the wire format; one of another user is not there: SessionNotFound."""
        try:
            session = self.memory.sessions.get(stored_as(SESSION, given))
        except SessionNotFound:
            raise _no_session(given) from None
        if self.owner is not None and session.user_id != self.person():
            raise _no_session(given)
        return session

    def snapshot(self, given: str) -> Snapshot:
        """Return a snapshot by its id of the wire format; one of another user is not there: SnapshotNotFound."""
        try:
            return self.memory.snapshots.get(stored_as(SNAPSHOT, given), user_id=self.person())
        except SnapshotNotFound:
            raise SnapshotNotFound(f"There is no snapshot {given[:64]!r}.", snapshot_id=given) from None

    def current(self) -> Session | None:
        """Return the session that this key is in, None when it has none or that one takes no more messages."""
        session = self.memory.current_sessions.get(self.key.id)
        if session is None or session.state != "active":
            return None
        return session if self.owner is None or session.user_id == self.person() else None


def every(read: Callable[[int, str | None], Page[T]], at_once: int = ROWS_AT_ONCE) -> Iterator[T]:
    """Return the rows of a paged list one after another; `read` takes how many and the cursor."""
    cursor = None
    while True:
        page = read(at_once, cursor)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def newest_first(caller: Caller, session_id: str) -> Iterator[Message]:
    """Return the messages of a session one after another, the last one first."""
    before = None
    while True:
        page = caller.memory.sessions.messages(session_id, ROWS_AT_ONCE, before)
        yield from reversed(page)
        if len(page) < ROWS_AT_ONCE:
            return
        before = page[0].seq


def shown_id(session: Session) -> str:
    """Return the id of a session in the wire format."""
    return shown(SESSION, session.id)


def _no_session(given: str) -> SessionNotFound:
    return SessionNotFound(f"There is no session {given[:64]!r}. Nothing was changed.", session_id=given)
