"""Again: what takes away once more what an erasure took away, after it was undone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ingat.core.errors import MemoryNotFound
from ingat.core.logs import LogEntry
from ingat.core.protection import Guard
from ingat.core.records import MemoryItem, Message
from ingat.core.reports import Operation
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.copyfile import Line
from ingat.lifecycle.cut import Cut
from ingat.lifecycle.scope_artifacts import ArtifactRows
from ingat.lifecycle.scope_parts import Choice, MemoryRows, MessageRows
from ingat.lifecycle.scope_people import EverythingRows, UserRows
from ingat.lifecycle.scopes import SessionRows, SnapshotRows
from ingat.store.contract import Store, Tx
from ingat.store.files import Files
from ingat.store.tables import logs, messages, rows, snapshots, users
from ingat.store.tables.removal import Doomed

LOGS_A_WRITE = 1_000
"""Log entries that one transaction takes away."""


def cut_of(store: Store, operation: Operation, lines: Iterable[Line], files: Files, guard: Guard) -> Cut:
    """Return what takes away again what an operation took away; `lines` are those of its restore point.

    The user, session, memory or artifact goes with all that is theirs by now, and so does everybody, unless others
    came since; of messages, log entries and several snapshots exactly those that went, as far as they are there.
    """
    scope, target = operation.scope, operation.target or ""
    if scope == "user":
        return UserRows(target, files, guard)
    if scope == "everything":
        return EverythingRows(files, guard, only=lines)
    if scope == "session":
        return SessionRows(target, guard)
    if scope == "artifact":
        return ArtifactRows(target, None, guard, files)
    if scope == "memory":
        item = next((each for _, each in lines if isinstance(each, MemoryItem)), None)
        if item is None:
            raise MemoryNotFound(f"There is no memory {target!r} any more. Nothing was deleted.", memory_id=target)
        return MemoryRows(item.user_id, item.id, guard)
    if scope == "messages":
        return MessageRows(target, Choice(_still_there(store, lines), None, None), guard)
    if scope == "snapshot" and operation.target is not None:
        return SnapshotRows(target, None)
    return _Named(lines)


def _still_there(store: Store, lines: Iterable[Line]) -> list[str]:
    """Return the ids of the messages among the lines that are there still."""
    said = [(each.user_id, each.id) for _, each in lines if isinstance(each, Message)]

    def look(tx: Tx) -> list[str]:
        owner = users.resolve(tx, said[0][0]) if said else None
        return [] if owner is None else [each for _, each in said if messages.get(tx, owner, each) is not None]

    return store.read(look)


class _Named(Cut):
    """The log entries and snapshots that a restore point names, as far as they are there."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._logs, self._snapshots = list[str](), list[str]()
        for _, record in lines:
            if isinstance(record, LogEntry):
                self._logs.append(record.id)
            elif isinstance(record, Snapshot):
                self._snapshots.append(record.id)
        self._seqs: list[int] = []
        self._gone = 0
        self._there: list[str] = []

    def collect(self, tx: Tx) -> Iterator[Line]:
        self._seqs, self._there, self._gone = [], [], 0
        for each in self._snapshots:
            snapshot = snapshots.get(tx, each)
            if snapshot is not None:
                self._there.append(each)
                yield "snapshot", snapshot
        for each in self._logs:
            seq = rows.log_seq(tx, each)
            entry = None if seq is None else logs.get(tx, seq)
            if entry is not None:
                self._seqs.append(entry.seq)
                yield "log", entry

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed | None:
        return Doomed(logs=self._seqs[:LOGS_A_WRITE], snapshots=self._there)

    def rest(self, tx: Tx) -> Doomed | None:
        some = self._seqs[self._gone : self._gone + LOGS_A_WRITE]
        return Doomed(logs=some) if some else None

    def went(self) -> None:
        self._gone += LOGS_A_WRITE
