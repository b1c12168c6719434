"""Difference: how a copy and the store stand to each other, row by row, and few of them at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from ingat.core.artifacts import Artifact
from ingat.core.backups import BackupDifference
from ingat.core.records import MemoryItem, User
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.copyfile import WHOLE, Line, Manifest
from ingat.lifecycle.lines import Added, FilePiece, Record, StoredSession
from ingat.lifecycle.outgoing import outgoing
from ingat.lifecycle.plan import key_of, present
from ingat.store.contract import Tx
from ingat.store.files import Files

MOST_EXAMPLES = 5
"""Examples of each sort of difference and kind of row."""


class _Examples:
    """A few rows of each sort, as `only in backup: message 01a1…`."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[str]] = {}

    def add(self, sort: str, record: Record) -> None:
        """Note a row, unless there are enough of its sort and kind."""
        key = key_of(record)
        some = self._found.setdefault((sort, key.kind), [])
        if len(some) < MOST_EXAMPLES:
            some.append(f"{sort}: {key.kind} {key.id}")

    def all(self) -> tuple[str, ...]:
        """Return all of them, by sort."""
        return tuple(each for _, some in sorted(self._found.items()) for each in some)


class _Counts(NamedTuple):
    same: Counter[str]
    only_in_backup: Counter[str]
    only_in_store: Counter[str]
    different: Counter[str]


def difference(tx: Tx, name: str, manifest: Manifest, lines: Iterable[Line], files: Files) -> BackupDifference:
    """Compare the rows of a copy with those that the store has now.

    A copy of the whole store is also asked what it lacks; the examples of that are rows that were made since. The bytes
    of artifacts' files are not compared: an artifact names their checksum.
    """
    counts, examples = _Counts(Counter(), Counter(), Counter(), Counter()), _Examples()
    for kind, record in lines:
        if isinstance(record, FilePiece | Added):
            continue
        there = present(tx, key_of(record))
        if there == record:
            counts.same[kind] += 1
        elif there is None:
            counts.only_in_backup[kind] += 1
            examples.add("only in backup", record)
        else:
            counts.different[kind] += 1
            examples.add("different", record)
    if manifest.scope == WHOLE:
        _count_store(tx, manifest.created_at, files, counts, examples)
    return BackupDifference(
        name=name,
        same=dict(counts.same),
        only_in_backup=dict(counts.only_in_backup),
        only_in_store=dict(counts.only_in_store),
        different=dict(counts.different),
        examples=examples.all(),
    )


def _count_store(tx: Tx, since: int, files: Files, counts: _Counts, examples: _Examples) -> None:
    for kind, records in outgoing(tx, None, include_logs=True, files=files):
        if kind == "file":
            continue
        number = 0
        for record in records:
            number += 1
            if (
                isinstance(record, User | StoredSession | MemoryItem | Snapshot | Artifact)
                and record.created_at > since
            ):
                examples.add("only in store", record)
        alone = number - counts.same[kind] - counts.different[kind]
        if alone > 0:
            counts.only_in_store[kind] = alone
