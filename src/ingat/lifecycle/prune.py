"""Prune: log entries, automatic snapshots and operations that the retention policy lets go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from ingat.core import clock
from ingat.core.dates import DAY_MS
from ingat.core.errors import Conflict, IngatError
from ingat.core.policy import RetentionPolicy
from ingat.core.reports import Operation
from ingat.lifecycle.cut import Cut
from ingat.lifecycle.erase import erase_rows
from ingat.lifecycle.restorepoints import Line, RestorePoints
from ingat.store.contract import Store, Tx
from ingat.store.tables import logs, operations, snapshots
from ingat.store.tables.removal import Doomed

REASON = "the retention policy"
LOGS_A_POINT = 20_000
"""Log entries that one restore point holds."""
LOGS_AT_ONCE = 500
"""Log entries that are held at a time: each may have a few hundred KiB."""
LOGS_A_WRITE = 1_000
"""Log entries that one transaction deletes."""
SNAPSHOTS_A_POINT = 200
MOST_CONFLICTS = 100
"""How often other passes may be in the way of one restore point."""
OPERATIONS_A_WRITE = 1_000

_SAMPLE = 200


class Due(NamedTuple):
    """What is to be deleted: how many rows, about how many bytes they take, and how many restore points that makes."""

    rows: int
    size_bytes: int
    restore_points: int


class Pruned:
    """What was deleted so far, also when an error came in between: how many rows, by which operations."""

    def __init__(self) -> None:
        self.rows = 0
        self.operations: list[str] = []

    def add(self, operation: Operation, rows: int) -> None:
        """Count the rows of an operation."""
        self.rows += rows
        if operation.restore_point is not None:
            self.operations.append(operation.id)


class LogPruner:
    """Deletes log entries older than the policy keeps them, and those beyond the newest that it keeps.

    What is due is settled when the pruner is made: entries that come later stay.
    """

    def __init__(self, store: Store, points: RestorePoints, now: clock.Clock, policy: RetentionPolicy, at: int) -> None:
        self._store, self._points, self._now = store, points, now
        self.pruned = Pruned()
        self._before: int | None = at - policy.log_retention_days * DAY_MS
        self._through = store.read(lambda tx: _beyond(tx, policy.max_log_entries))
        if self._through is not None and self._through.at >= self._before:
            self._before = None
        else:
            self._through = None

    def measure(self) -> Due:
        """Return what is due."""

        def look(tx: Tx) -> Due:
            number = logs.count_oldest(tx, before=self._before, through=self._through)
            sample = logs.oldest(tx, _SAMPLE, before=self._before, through=self._through)
            size = sum(len(msgspec.json.encode(entry)) for entry in sample)
            return Due(number, number * size // max(1, len(sample)), -(-number // LOGS_A_POINT))

        return self._store.read(look)

    def prune(self) -> Pruned:
        """Delete what is due, 20,000 entries a restore point; raises what `erase_rows` names."""
        while True:
            batch = _LogBatch(self._before, self._through)
            try:
                operation = _erased(self._store, self._points, self._now, "logs", batch)
            except IngatError:
                self.pruned.rows += batch.deleted
                raise
            self.pruned.add(operation, batch.deleted)
            if len(batch.seqs) < LOGS_A_POINT:
                return self.pruned


class _LogBatch(Cut):
    """One restore point's entries, of which `deleted` are gone."""

    def __init__(self, before: int | None, through: logs.Position | None) -> None:
        self._before, self._through = before, through
        self.seqs: list[int] = []
        self.deleted = self._place = self._passed = self._there = 0

    def collect(self, tx: Tx) -> Iterator[Line]:
        """Return the entries."""
        self.seqs = []
        self.deleted = self._place = self._passed = self._there = 0
        after: logs.Position | None = None
        while len(self.seqs) < LOGS_A_POINT:
            most = min(LOGS_AT_ONCE, LOGS_A_POINT - len(self.seqs))
            entries = logs.oldest(tx, most, before=self._before, through=self._through, after=after)
            for entry in entries:
                self.seqs.append(entry.seq)
                yield "log", entry
            if len(entries) < most:
                return
            after = logs.Position(entries[-1].at, entries[-1].seq)

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed:
        """Return the first of them: when another process deleted one, they have changed."""
        self._passed = self._there = min(len(self.seqs), LOGS_A_WRITE)
        return Doomed(logs=self.seqs[:LOGS_A_WRITE])

    def rest(self, tx: Tx) -> Doomed | None:
        """Return the next of them that are still there."""
        some = self.seqs[self._place : self._place + LOGS_A_WRITE]
        there = [each for each in some if logs.get(tx, each) is not None]
        self._passed, self._there = len(some), len(there)
        return Doomed(logs=there) if some else None

    def went(self) -> None:
        """Count the part that is gone."""
        self._place += self._passed
        self.deleted += self._there
        self._passed = self._there = 0


class SnapshotPruner:
    """Deletes automatic snapshots beyond the newest that the policy keeps of each user."""

    def __init__(self, store: Store, points: RestorePoints, now: clock.Clock, policy: RetentionPolicy) -> None:
        self._store, self._points, self._now, self._keep = store, points, now, policy.max_auto_snapshots
        self.pruned = Pruned()

    def measure(self) -> Due:
        """Return what is due."""
        number, size_bytes = self._store.read(lambda tx: snapshots.auto_beyond_sums(tx, self._keep))
        return Due(number, size_bytes, -(-number // SNAPSHOTS_A_POINT))

    def prune(self) -> Pruned:
        """Delete what is due, 200 snapshots a restore point; raises what `erase_rows` names."""
        while True:
            batch = _SnapshotBatch(self._keep)
            operation = _erased(self._store, self._points, self._now, "snapshot", batch)
            self.pruned.add(operation, len(batch.ids))
            if len(batch.ids) < SNAPSHOTS_A_POINT:
                return self.pruned


class _SnapshotBatch(Cut):
    """One restore point's snapshots."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self.ids: list[str] = []

    def collect(self, tx: Tx) -> Iterator[Line]:
        """Return the snapshots."""
        self.ids = [head.id for head in snapshots.auto_beyond(tx, self._keep, SNAPSHOTS_A_POINT)]
        for each in self.ids:
            snapshot = snapshots.get(tx, each)
            if snapshot is not None:
                yield "snapshot", snapshot

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed:
        """Return the snapshots; they never change."""
        return Doomed(snapshots=self.ids)


def _erased(
    store: Store,
    points: RestorePoints,
    now: clock.Clock,
    scope: str,
    cut: Cut,
) -> Operation:
    """Take rows away as `erase_rows` does.

    A conflict means that another pass deletes the same rows, so that fewer are left each time: this one goes on with
    them. Conflict when that never ends.
    """
    act = partial(
        erase_rows,
        store,
        points,
        now,
        kind="retain",
        scope=scope,
        target=None,
        reason=REASON,
        cut=cut,
    )
    for _ in range(MOST_CONFLICTS - 1):
        try:
            return act()
        except Conflict:
            continue
    return act()


def drop_operations(store: Store, points: RestorePoints, before: int, *, without: Sequence[str], dry_run: bool) -> int:
    """Forget operations recorded before a time whose restore point is gone, and return how many.

    `without` names restore points that count as gone.
    """
    there = {point.name for point in points.list()}.difference(without)
    dropped, after = 0, (-1, "")
    while rows := store.read(partial(operations.older, before=before, after=after, limit=OPERATIONS_A_WRITE)):
        ids = [operation_id for _, operation_id, point in rows if point not in there]
        if ids and not dry_run:
            store.write(partial(operations.delete_many, ids=ids))
        dropped += len(ids)
        after = rows[-1][:2]
    return dropped


def _beyond(tx: Tx, keep: int) -> logs.Position | None:
    """Return the newest entry that goes when there are more than `keep`, with room for the entry that tells of it."""
    return logs.beyond(tx, max(0, keep - 1)) if logs.beyond(tx, keep) is not None else None
