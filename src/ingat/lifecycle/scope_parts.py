"""Scopes of parts: single messages of a session, and single memories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ingat.core.errors import MemoryNotFound, MessageNotFound, SessionNotFound
from ingat.core.protection import Guard
from ingat.core.records import MemoryItem
from ingat.lifecycle.cut import Cut
from ingat.lifecycle.restorepoints import Line
from ingat.store.contract import Tx
from ingat.store.tables import memories, messages, removal, sessions, users
from ingat.store.tables.removal import Doomed, DoomedMemory, DoomedMessages

MESSAGES_AT_ONCE = 64
"""Messages that are held at a time: each may have a MiB."""


class Choice(NamedTuple):
    """Which messages of a session: those with these ids, or those said from `since` on and before `until`.

    Where both are given, those that fit both. `ids` None are all of them, an empty list none.
    """

    ids: Sequence[str] | None
    since: int | None
    until: int | None


class MessageRows(Cut):
    """Messages of a session that stays; the places of those behind them do not change."""

    def __init__(self, session_id: str, choice: Choice, guard: Guard) -> None:
        self._id, self._choice, self._guard = session_id, choice, guard
        self._seen: tuple[str, int] | None = None
        self._seqs: list[int] = []
        self._places: list[int] = []

    def collect(self, tx: Tx) -> Iterator[Line]:
        """Return the messages. Raises SessionNotFound, MessageNotFound and ProtectedUser."""
        self._seen = self._standing(tx)
        owner = self.user_id = self._seen[0]
        ids = self._ids(tx, owner)
        self._seqs = []
        for start in range(0, len(ids), MESSAGES_AT_ONCE):
            for message in messages.get_many(tx, owner, ids[start : start + MESSAGES_AT_ONCE]):
                self._seqs.append(message.seq)
                yield "message", message
        # looked for here, where no writer waits: as long as the epoch is the same, so are the places
        self._places = removal.places_of(tx, owner, self._id, self._seqs)

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed | None:
        """Return the messages, unless the index was made anew or the user merged since. Raises as `collect`."""
        if self._standing(tx) != self._seen:
            return None
        return Doomed(messages=[DoomedMessages(self._seen[0], self._id, self._seqs, self._places)])

    def _standing(self, tx: Tx) -> tuple[str, int]:
        owner = sessions.owner(tx, self._id)
        user = users.get(tx, owner) if owner is not None else None
        standing = users.exact(tx, owner) if owner is not None else None
        if user is None or standing is None:
            raise SessionNotFound(f"There is no session {self._id!r}. Nothing was deleted.", session_id=self._id)
        self.protected_by = self._guard.admit(user, f"Session {self._id!r}")
        return standing.user_id, standing.epoch

    def _ids(self, tx: Tx, owner: str) -> list[str]:
        """Return the ids of the messages that fit, in their order. Raises MessageNotFound."""
        _, since, until = self._choice
        if self._choice.ids is None:
            return removal.messages_within(tx, owner, self._id, since, until)
        found = {}
        for each in self._choice.ids:
            place = removal.message_place(tx, owner, self._id, each)
            if place is None:
                raise MessageNotFound(
                    f"Session {self._id!r} has no message {each!r}. Nothing was deleted.", message_id=each
                )
            seq, at = place
            if (since is None or at >= since) and (until is None or at < until):
                found[seq] = each
        return [found[seq] for seq in sorted(found)]


class MemoryRows(Cut):
    """One memory of a user. The others of its subject stay as they are: what it ended stays ended."""

    def __init__(self, user_id: str, memory_id: str, guard: Guard) -> None:
        self._user_id, self._id, self._guard = user_id, memory_id, guard
        self._seen: MemoryItem | None = None

    def collect(self, tx: Tx) -> Iterator[Line]:
        """Return the memory. Raises UserNotFound, MemoryNotFound and ProtectedUser."""
        item = self._seen = self._item(tx)
        self.user_id = item.user_id
        yield "memory", item

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed | None:
        """Return the memory, unless it has changed since. Raises as `collect`."""
        item = self._item(tx)
        return Doomed(memories=[DoomedMemory(item.user_id, item.id)]) if item == self._seen else None

    def _item(self, tx: Tx) -> MemoryItem:
        user = users.required(tx, self._user_id)
        item = memories.get(tx, user.user_id, self._id)
        if item is None:
            raise MemoryNotFound(f"The user has no memory {self._id!r}. Nothing was deleted.", memory_id=self._id)
        self.protected_by = self._guard.admit(user, f"Memory {self._id!r}")
        return item
