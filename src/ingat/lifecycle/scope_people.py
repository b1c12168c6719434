"""Scopes of whole people: one user with everything that is theirs, and all of them."""

from __future__ import annotations

import hashlib
import logging
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

from ingat.core.artifacts import Artifact
from ingat.core.errors import Conflict, StoreError, UserNotFound
from ingat.core.protection import Guard
from ingat.core.records import User
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.cut import Cut
from ingat.lifecycle.filing import leave
from ingat.lifecycle.lines import Record
from ingat.lifecycle.outgoing import outgoing
from ingat.lifecycle.restorepoints import Line
from ingat.store.contract import Tx
from ingat.store.files import PIECE_BYTES, Files
from ingat.store.tables import artifacts, belongings, rows, users
from ingat.store.tables.removal import Doomed

_log = logging.getLogger("ingat.erase")

USERS_AT_ONCE = 500
"""Users that one look goes through."""
MESSAGES_IN_ONE_DELETE = 2_000
"""Messages with which a transaction takes no further user away."""
UNOWNED_IN_ONE_DELETE = 200
MOST_NAMED = 10
NOBODY = ""


class UserRows(Cut):
    """One user, named by id, with everything that is theirs. Log entries, keys and the audit trail stay."""

    def __init__(self, user_id: str, files: Files, guard: Guard) -> None:
        self.user_id = user_id
        self._id, self._files, self._guard = user_id, files, guard
        self._seen = b""
        self._held: list[str] = []

    def keeping(self) -> AbstractContextManager[None]:
        """Let nobody remove a file meanwhile."""
        return self._files.keeping()

    def collect(self, tx: Tx) -> Iterator[Line]:
        """Return the rows. Raises UserNotFound and ProtectedUser."""
        self._admit(tx)
        self._seen = belongings.fingerprint(tx, self._id)
        self._held = [sha256 for _, sha256 in artifacts.keys_of(tx, self._id)]
        for kind, records in outgoing(tx, self._id, include_logs=False, files=self._files):
            for record in records:
                yield kind, record

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed | None:
        """Return the user, unless anything of theirs has changed since."""
        if belongings.fingerprint(tx, self._id) != self._seen:
            return None
        return Doomed(users=[self._id])

    def done(self) -> None:
        """Remove the files that no artifact has any more."""
        leave(self._files, self._held)

    def count(self, tx: Tx) -> dict[str, int]:
        """Return how many rows there are."""
        self._admit(tx)
        return _count(tx, self._id, self._files)

    def _admit(self, tx: Tx) -> None:
        user = users.get(tx, self._id)
        if user is None:
            raise UserNotFound(f"There is no user {self._id!r}. Nothing was deleted.", user_id=self._id)
        self.protected_by = self._guard.admit(user)


class _Place(NamedTuple):
    """How far the deletion of everything has come: the last of each kind, and how many users stay."""

    user: str = ""
    snapshot: str = ""
    artifact: str = ""
    left: int = 0


_BEGINNING = _Place()


class EverythingRows(Cut):
    """All users with everything that is theirs, and the snapshots and artifacts of nobody.

    They go some users at a time, each whole. What was written to since it was collected stays whole: `left` counts
    these users, and those who are new.
    """

    def __init__(self, files: Files, guard: Guard, *, only: Iterable[Line] | None = None) -> None:
        """`only` are the lines of a copy: then Conflict when there is a user, or a row of nobody, that it lacks."""
        self._files, self._guard = files, guard
        self._only = None if only is None else array("Q", sorted(_marks_of(only)))
        self._marks = array("Q")
        self._gone = self._going = _BEGINNING

    @property
    def left(self) -> int:
        """How many users came or were written to meanwhile, and stay."""
        return self._going.left

    @property
    def notes(self) -> tuple[str, ...]:
        """That some stay."""
        if not self.left:
            return ()
        return (
            f"{self.left} users came or were written to meanwhile, and stay; delete everything again to delete them.",
        )

    def keeping(self) -> AbstractContextManager[None]:
        """Let nobody remove a file meanwhile."""
        return self._files.keeping()

    def collect(self, tx: Tx) -> Iterator[Line]:
        """Return the rows. Raises ProtectedUser, which names the first of those who are protected, and Conflict."""
        self._admit(tx)
        self._marks, self._gone, self._going = array("Q"), _BEGINNING, _BEGINNING
        for kind, records in outgoing(tx, None, include_logs=False, files=self._files):
            if kind == "policy":
                continue
            for record in records:
                self._refuse_new(record)
                yield kind, record
        self._marks = array("Q", sorted(self._all_marks(tx)))

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed:
        """Return the first users."""
        return self.rest(tx) or Doomed()

    def rest(self, tx: Tx) -> Doomed | None:
        """Return the next users who are as they were collected, then the snapshots and artifacts of nobody."""
        found: list[str] = []
        messages = 0
        self._going = self._gone
        while some := rows.users_after(tx, self._going.user, USERS_AT_ONCE):
            for user_id in some:
                self._going = self._going._replace(user=user_id)
                if not self._knows(user_id, belongings.fingerprint(tx, user_id)):
                    self._going = self._going._replace(left=self._going.left + 1)
                    continue
                found.append(user_id)
                messages += belongings.messages(tx, user_id)
                if messages >= MESSAGES_IN_ONE_DELETE or len(found) == USERS_AT_ONCE:
                    return Doomed(users=found)
        if found:
            return Doomed(users=found)
        return self._unowned(tx)

    def went(self) -> None:
        """Go on behind the part that was named last."""
        self._gone = self._going

    def done(self) -> None:
        """Remove the files that no artifact has any more."""
        try:
            self._files.sweep()
        except StoreError as error:
            _log.warning("A file of an artifact stays for now: %s", error.message, extra={"category": "artifact"})

    def count(self, tx: Tx) -> dict[str, int]:
        """Return how many rows there are."""
        self._admit(tx)
        return _count(tx, None, self._files)

    def _unowned(self, tx: Tx) -> Doomed | None:
        """Return the next snapshots and artifacts of nobody that were collected."""
        while some := belongings.snapshots_after(tx, NOBODY, self._going.snapshot, UNOWNED_IN_ONE_DELETE):
            self._going = self._going._replace(snapshot=some[-1])
            known = [each for each in some if self._knows("snapshot", each.encode())]
            if known:
                return Doomed(snapshots=known)
        while some := belongings.artifacts_after(tx, NOBODY, self._going.artifact, UNOWNED_IN_ONE_DELETE):
            self._going = self._going._replace(artifact=some[-1])
            known = [each for each in some if self._knows("artifact", each.encode())]
            if known:
                return Doomed(artifacts=known)
        return None

    def _all_marks(self, tx: Tx) -> Iterator[int]:
        """Return a number for each user as they are now, and for each row of nobody."""
        after = ""
        while some := rows.users_after(tx, after, USERS_AT_ONCE):
            after = some[-1]
            yield from (_mark(user_id, belongings.fingerprint(tx, user_id)) for user_id in some)
        for kind, look in (("snapshot", belongings.snapshots_after), ("artifact", belongings.artifacts_after)):
            after = ""
            while some := look(tx, NOBODY, after, USERS_AT_ONCE):
                after = some[-1]
                yield from (_mark(kind, each.encode()) for each in some)

    def _knows(self, name: str, state: bytes) -> bool:
        return _has(self._marks, _mark(name, state))

    def _refuse_new(self, record: Record) -> None:
        """Raise Conflict for what came since, when only what a copy holds is to go."""
        own = None if self._only is None else _own_mark(record)
        if self._only is None or own is None or _has(self._only, own):
            return
        raise Conflict(
            "Others came since, who would be deleted with all that is theirs. Nothing was deleted; erase everything,"
            " or one after another who is to go."
        )

    def _admit(self, tx: Tx) -> None:
        found: list[str] = []
        number, after = 0, ""
        while some := users.guarded(tx, after, USERS_AT_ONCE):
            after = some[-1].user_id
            for user in some:
                reasons = self._guard.admit(user, "Something of everything")
                number += bool(reasons)
                if reasons and len(found) < MOST_NAMED:
                    found.append(f"{user.user_id}: {', '.join(reasons)}")
        more = (f"{number - len(found)} more",) if number > len(found) else ()
        self.protected_by = (*found, *more)


def _count(tx: Tx, user_id: str | None, files: Files) -> dict[str, int]:
    """Return how many lines of each kind there would be, without reading a file."""
    found, last = belongings.count(tx, user_id), ""
    pieces = 0
    while some := artifacts.files_after(tx, user_id, last, USERS_AT_ONCE):
        last = some[-1][0]
        pieces += sum(max(1, -(-size // PIECE_BYTES)) for sha256, size in some if files.has(sha256, size))
    return {**found, "file": pieces} if pieces else found


def _marks_of(lines: Iterable[Line]) -> Iterator[int]:
    return (mark for _, record in lines if (mark := _own_mark(record)) is not None)


def _own_mark(record: Record) -> int | None:
    """Return a number for a user, or a row of nobody; None for what goes with its user."""
    if isinstance(record, User):
        return _mark("user", record.user_id.encode())
    if isinstance(record, Snapshot | Artifact) and record.user_id is None:
        return _mark("row", record.id.encode())
    return None


def _has(marks: array[int], mark: int) -> bool:
    place = bisect_left(marks, mark)
    return place < len(marks) and marks[place] == mark


def _mark(name: str, state: bytes) -> int:
    """Return a number of 64 bits that tells a thing in a state from every other."""
    return int.from_bytes(hashlib.sha256(name.encode() + b"\0" + state).digest()[:8])
