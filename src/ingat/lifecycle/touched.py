"""Touched: the people whose rows an operation takes away, puts back or replaces, for the audit trail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ingat.core.artifacts import Artifact
from ingat.core.records import MemoryItem, Message, User
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.lines import Added, Record, StoredSession
from ingat.lifecycle.restorepoints import Line


def owner_of(record: Record) -> str | None:
    """Return whose a row is; None when it is nobody's, and of log entries, which are about people and not theirs."""
    if isinstance(record, User | StoredSession | Message | MemoryItem | Snapshot | Artifact):
        return record.user_id
    if isinstance(record, Added) and record.of != "log":
        return record.user_id
    return None


def noting(lines: Iterable[Line], people: set[str]) -> Iterator[Line]:
    """Return the lines one by one, and note whose each of them is."""
    for line in lines:
        owner = owner_of(line[1])
        if owner:
            people.add(owner)
        yield line
