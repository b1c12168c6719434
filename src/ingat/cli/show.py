"""What people see of what an action returned."""

from __future__ import annotations

from typing import Any

from ingat.cli.artifact_pairs import show_artifact
from ingat.cli.copies import backup_pairs, show_difference, show_mirrored, show_pruned
from ingat.cli.health import show_checks, show_stats
from ingat.cli.jobs import show_job
from ingat.cli.log_lines import show_log_lines
from ingat.cli.log_stats import show_log_stats
from ingat.cli.operations import show_operation
from ingat.cli.recalled import show_context, show_hits, show_turn
from ingat.cli.restored import show_restored
from ingat.cli.run import Run
from ingat.cli.snapshots import show_comparison, show_loaded, show_snapshot
from ingat.cli.tables import show_pairs, show_record, show_rows
from ingat.core.artifacts import Artifact
from ingat.core.backups import Backup, BackupDifference, MirrorReport, PruneReport, RestoreReport
from ingat.core.context import Context
from ingat.core.logs import LogEntry, LogStats
from ingat.core.records import Check, Page, Recall, Turn
from ingat.core.reports import Job, Operation
from ingat.core.snapshots import Comparison, Loaded, SnapshotHead
from ingat.core.stats import Stats


def show(run: Run, value: Any, what: str | None) -> None:
    """Write a record, a list or a page of them for people; `what` names the list."""
    if isinstance(value, Recall):
        show_hits(run, value)
    elif isinstance(value, Context):
        show_context(run, value)
    elif isinstance(value, Turn):
        show_turn(run, value)
    elif isinstance(value, LogStats):
        show_log_stats(run, value)
    elif isinstance(value, Stats):
        show_stats(run, value)
    elif isinstance(value, Loaded):
        show_loaded(run, value)
    elif isinstance(value, Comparison):
        show_comparison(run, value)
    elif isinstance(value, dict):
        run.print_json(value)
    elif isinstance(value, Operation):
        show_operation(run, value, show_pairs)
    elif isinstance(value, Job):
        show_job(run, value)
    elif isinstance(value, LogEntry):
        show_log_lines(run, (value,), None)
    elif isinstance(value, SnapshotHead):
        show_snapshot(run, value)
    elif isinstance(value, Artifact):
        show_artifact(run, value)
    elif isinstance(value, Backup):
        show_pairs(run, backup_pairs(run, value))
    elif isinstance(value, BackupDifference):
        show_difference(run, value)
    elif isinstance(value, PruneReport):
        show_pruned(run, value)
    elif isinstance(value, RestoreReport):
        show_restored(run, value)
    elif isinstance(value, MirrorReport):
        show_mirrored(run, value)
    elif isinstance(value, Page):
        if value.items and isinstance(value.items[0], LogEntry):
            show_log_lines(run, value.items)
        else:
            show_rows(run, value.items, what or "")
        if value.next is not None:
            _ = run.translate
            run.note(_("There are more; the next page: --cursor {cursor}").format(cursor=value.next))
    elif isinstance(value, list) and value and isinstance(value[0], Check):
        show_checks(run, value)
    elif isinstance(value, list):
        show_rows(run, value, what or "")
    else:
        show_record(run, value)
