"""Retain: apply the retention policy: archive rather than delete, and a restore point before anything goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from ingat.core import clock
from ingat.core.actor import acting_as
from ingat.core.audit import AuditPruned
from ingat.core.dates import DAY_MS, HOUR_MS
from ingat.core.errors import StoreClosed, StoreConflict, StoreCorrupt, StoreError
from ingat.core.ids import new_id
from ingat.core.logs import LogLevel
from ingat.core.policy import RetentionPolicy
from ingat.core.reports import Failure, RetainReport
from ingat.lifecycle.compress import compress
from ingat.lifecycle.expire import (
    MOST_IN_A_ROW,
    MOST_REPORTED,
    OF_ONE_SESSION,
    failure_of,
    note_end,
    tell_of_end,
)
from ingat.lifecycle.keeping import thin
from ingat.lifecycle.prune import LogPruner, SnapshotPruner, drop_operations
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.store.contract import Store, Tx
from ingat.store.files import Files
from ingat.store.tables import archive, expiry, logs, retention, settings, trail, transcripts

LAST_CLEANUP = "last_cleanup"
"""The name of the setting that says when the last pass ran, in milliseconds UTC."""
ACTOR = "scheduler"
"""Who prunes the log between two passes."""
BATCH = 200
"""Sessions that one transaction archives."""


class Retainer:
    """Applies the retention policy of one store."""

    def __init__(
        self,
        store: Store,
        points: RestorePoints,
        now: clock.Clock,
        prune_audit: Callable[[int], AuditPruned],
        files: Files,
    ) -> None:
        self._store, self._points, self._now, self._prune_audit = store, points, now, prune_audit
        self._files = files

    def retain(self, *, dry_run: bool = False) -> RetainReport:
        """Apply the policy and return what was done; with `dry_run`, what would be done.

        In this order: sessions without a message for `session_retention_days` are archived, active ones after they
        were closed, so that their summary follows; beyond `max_sessions` so are the closed ones used longest ago,
        never one with a message within `session_timeout_hours`; transcripts archived for `compress_after_days` are
        compressed; automatic snapshots and log entries beyond the policy are deleted, each batch after a restore
        point; old restore points, the records of operations without one and old entries of the audit trail go, and
        files that no artifact has. No session and no message is deleted.

        Many small transactions: what is said meanwhile is safe, several processes may run it at once, a pass that was
        stopped is completed by the next, and one with nothing to do changes nothing. What goes wrong with one session
        or step is in `failed`, and the rest is done. Raises a StoreError when not even the policy can be read.
        """
        return _Pass(self._store, self._points, self._now, self._prune_audit, self._files, dry_run).run()

    def prune_logs(self) -> int:
        """Delete the log entries that the policy no longer keeps, after a restore point, and return how many.

        What a log that fills up fast needs between two passes. Raises what `erase_rows` names.
        """
        with acting_as(ACTOR):
            pruner = LogPruner(self._store, self._points, self._now, self._store.read(retention.current), self._now())
            return pruner.prune().rows


class _Pass:
    """One pass."""

    def __init__(
        self,
        store: Store,
        points: RestorePoints,
        now: clock.Clock,
        prune_audit: Callable[[int], AuditPruned],
        files: Files,
        dry_run: bool,
    ) -> None:
        self._store, self._points, self._now, self._dry = store, points, now, dry_run
        self._prune_audit, self._files = prune_audit, files
        self._at = now()
        self._policy: RetentionPolicy = store.read(retention.current)
        self._counts: dict[str, int] = dict.fromkeys(_COUNTS, 0)
        self._operations: list[str] = []
        self._failed: list[Failure] = []
        self._notes: list[str] = []
        self._estimate = self._foreseen = self._in_a_row = 0

    def run(self) -> RetainReport:
        """Do each step, whatever became of the one before."""
        used = self._store.used_bytes()
        self._step("archive by age", self._by_age)
        self._step("archive by number", self._by_number)
        self._step("compress", self._compress)
        self._step("snapshots", self._snapshots)
        self._step("logs", self._logs)
        self._step("restore points", self._restore_points)
        self._step("audit trail", self._audit)
        if not self._dry:
            self._step("files of artifacts", self._artifacts)
            self._step("record", self._record)
        freed = self._estimate if self._dry else max(0, used - self._store.used_bytes())
        counts = self._counts
        return RetainReport(
            **counts,
            sessions_archived=counts["sessions_archived_by_age"] + counts["sessions_archived_by_number"],
            sessions_deleted=0,
            space_freed_bytes=freed,
            last_cleanup=self._at,
            next_cleanup=self._at + self._policy.cleanup_frequency_hours * HOUR_MS,
            operations=tuple(self._operations),
            failed=tuple(self._failed),
            notes=tuple(self._notes),
            dry_run=self._dry,
        )

    def _step(self, name: str, work: Callable[[], None]) -> None:
        self._in_a_row = 0
        self._try(name, work)

    def _try(self, what: str, work: Callable[[], None]) -> None:
        """Do one thing; when it fails, note that and go on."""
        try:
            work()
        except StoreClosed:
            raise
        except OF_ONE_SESSION as error:
            self._in_a_row += isinstance(error, StoreError) and not isinstance(error, StoreCorrupt | StoreConflict)
            if len(self._failed) < MOST_REPORTED:
                self._failed.append(failure_of(what, error))
        else:
            self._in_a_row = 0

    @property
    def _hopeless(self) -> bool:
        """Whether the store takes nothing, so that going on with this step is of no use."""
        return self._in_a_row >= MOST_IN_A_ROW

    # -- sessions --------------------------------------------------------------------------------------------------

    def _aged(self) -> int:
        """Return the time before which the last message of a session that is to be archived came."""
        policy = self._policy
        days, hours = policy.session_retention_days, policy.session_timeout_hours
        return self._at - max(days * DAY_MS, hours * HOUR_MS)

    def _by_age(self) -> None:
        if not self._policy.auto_archive_sessions:
            return
        before, name = self._aged(), "sessions_archived_by_age"
        for state in archive.STATES:
            if self._dry:
                self._counts[name] += self._store.read(partial(archive.count_idle, state=state, before=before))
                continue

            def due(tx: Tx, after: archive.Place, state: archive.State = state) -> list[archive.Candidate]:
                return archive.idle(tx, state, before, BATCH, after=after)

            self._archive(due, before, name)

    def _by_number(self) -> None:
        policy, name = self._policy, "sessions_archived_by_number"
        if not policy.auto_archive_sessions:
            return
        before, since = self._at - policy.session_timeout_hours * HOUR_MS, self._aged()

        def excess(tx: Tx) -> int:
            return archive.count_open(tx) - policy.max_sessions

        def due(tx: Tx, after: archive.Place) -> list[archive.Candidate]:
            beyond = excess(tx)
            if beyond <= 0:
                return []
            return archive.idle(tx, "closed", before, min(beyond, BATCH), since=since, after=after)

        if self._dry:
            beyond = self._store.read(excess) - self._counts["sessions_archived_by_age"]
            able = self._store.read(partial(archive.count_idle, state="closed", before=before, since=since))
            self._counts[name] = max(0, min(beyond, able))
            left = beyond - self._counts[name]
        else:
            self._archive(due, before, name)
            left = self._store.read(excess)
        if left > 0:
            self._notes.append(
                f"{left} more than max_sessions ({policy.max_sessions}) are not archived, because they are active or"
                f" had a message within {policy.session_timeout_hours} hours."
            )

    def _archive(self, due: Callable[[Tx, archive.Place], list[archive.Candidate]], before: int, name: str) -> None:
        """Archive what `due` finds, batch by batch; one session that cannot be archived leaves the others to it."""
        after = archive.START

        def page(tx: Tx) -> list[archive.Candidate]:
            return due(tx, after)

        while rows := self._store.read(page):
            after = rows[-1][:2]
            try:
                self._archive_rows(rows, before, name)
            except StoreClosed:
                raise
            except OF_ONE_SESSION:
                for row in rows:  # one of them is the reason: the others are archived one by one
                    self._try(row.session_id, partial(self._archive_rows, [row], before, name))
                    if self._hopeless:
                        return

    def _archive_rows(self, rows: Sequence[archive.Candidate], before: int, name: str) -> None:
        archived, ended = self._store.write(partial(_archived, rows=rows, before=before, now=self._at))
        self._counts[name] += archived
        for row in ended:
            tell_of_end(self._store.url, row.session_id, row.user_id, "expired")

    def _compress(self) -> None:
        before = self._at - self._policy.compress_after_days * DAY_MS
        after: tuple[int, str] | None = None
        while rows := self._store.read(partial(transcripts.due, before=before, after=after, limit=BATCH)):
            after = rows[-1]
            for _, session_id in rows:
                self._try(session_id, partial(self._compress_one, session_id, before))
                if self._hopeless:
                    return

    def _compress_one(self, session_id: str, before: int) -> None:
        done = compress(self._store, session_id, before=before, now=self._at, dry_run=self._dry)
        self._counts["transcripts_compressed"] += done.from_bytes > 0
        self._counts["compressed_from_bytes"] += done.from_bytes
        self._counts["compressed_to_bytes"] += done.to_bytes
        self._estimate += done.from_bytes - done.to_bytes

    # -- what is deleted -------------------------------------------------------------------------------------------

    def _snapshots(self) -> None:
        self._prune(SnapshotPruner(self._store, self._points, self._now, self._policy), "snapshots_deleted")

    def _logs(self) -> None:
        self._prune(LogPruner(self._store, self._points, self._now, self._policy, self._at), "logs_deleted")

    def _prune(self, pruner: SnapshotPruner | LogPruner, name: str) -> None:
        if self._dry:
            due = pruner.measure()
            self._counts[name] = due.rows
            self._estimate += due.size_bytes
            self._foreseen += due.restore_points
            return
        try:
            pruner.prune()
        finally:
            self._counts[name] += pruner.pruned.rows
            self._operations += pruner.pruned.operations

    def _restore_points(self) -> None:
        policy = self._policy
        gone = thin(self._store, self._points, self._at, policy, foreseen=self._foreseen, dry_run=self._dry)
        self._counts["restore_points_deleted"] = len(gone.deleted)
        self._failed += gone.failed
        self._notes += gone.notes
        before = self._at - policy.audit_retention_days * DAY_MS
        self._counts["operations_dropped"] = drop_operations(
            self._store, self._points, before, without=gone.deleted, dry_run=self._dry
        )

    def _artifacts(self) -> None:
        """Remove files that a process which died left without a row."""
        removed = self._files.sweep()
        if removed:
            told = "1 file that no artifact has was" if removed == 1 else f"{removed} files that no artifact has were"
            self._notes.append(f"{told} removed.")

    def _audit(self) -> None:
        before = self._at - self._policy.audit_retention_days * DAY_MS
        if self._dry:
            self._counts["audit_entries_pruned"] = self._store.read(
                lambda tx: trail.count_before(tx, before, behind=self._foreseen > 0)
            )
        else:
            self._counts["audit_entries_pruned"] = self._prune_audit(before).entries

    def _record(self) -> None:
        """Note when the pass ran; when it did something, also in the log, with counts only."""
        done = {name: number for name, number in self._counts.items() if number}
        said = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in done.items())
        level: LogLevel = "warn" if self._failed else "info"
        data = msgspec.json.encode({**done, "failed": len(self._failed)}).decode()
        entry = logs.NewRow(
            new_id(), self._at, level, "cleanup", "retain", f"Retention: {said or 'nothing done'}", data, None, None
        )

        def work(tx: Tx) -> None:
            settings.put(tx, LAST_CLEANUP, str(self._at))
            if done or self._failed:
                logs.insert(tx, entry)

        self._store.write(work)


_COUNTS = (
    "sessions_archived_by_age",
    "sessions_archived_by_number",
    "transcripts_compressed",
    "compressed_from_bytes",
    "compressed_to_bytes",
    "snapshots_deleted",
    "logs_deleted",
    "restore_points_deleted",
    "operations_dropped",
    "audit_entries_pruned",
)


def _archived(tx: Tx, rows: Sequence[archive.Candidate], before: int, now: int) -> tuple[int, list[archive.Candidate]]:
    """Archive those that are still idle; return how many, and those that were active and so are to be summarised."""
    done, ended = 0, []
    for row in rows:
        messages = expiry.close(tx, row.user_id, row.session_id, before, now)
        if messages is not None:
            note_end(tx, row.user_id, row.session_id, messages, "expired", now)
            ended.append(row)
        done += archive.archive(tx, row.user_id, row.session_id, before, now)
    return done, ended
