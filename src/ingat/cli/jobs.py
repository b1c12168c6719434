"""Jobs and reports of passes for people: what they did, when, and whether they go on."""

from __future__ import annotations

from typing import Any

import msgspec

from ingat.cli.copies import MORE_ROWS, size_told
from ingat.cli.language import mark
from ingat.cli.operations import rows_told
from ingat.cli.run import Run, local_time
from ingat.cli.tables import show_pairs
from ingat.core.backups import BackupPass
from ingat.core.dates import HOUR_MS
from ingat.core.i18n import Translate
from ingat.core.reports import ExpireReport, Job, RetainReport

Pairs = list[tuple[str, str]]
_MIB = 1_048_576
_REPORTS: dict[str, type[ExpireReport | RetainReport | BackupPass]] = {
    "expire": ExpireReport,
    "retain": RetainReport,
    "backup": BackupPass,
}
_NUMBERS = (
    mark("users"),
    mark("sessions"),
    mark("total"),
    mark("active"),
    mark("closed"),
    mark("archived"),
    mark("messages"),
    mark("memories"),
    mark("logs"),
    mark("snapshots"),
    mark("entries"),
    mark("vectors missing"),
    mark("counted at"),
    mark("seconds"),
)
"""What the job of the measures counts."""


def expired(run: Run, report: ExpireReport) -> Pairs:
    """Return what a pass of expiry did, or would do."""
    _ = run.translate
    if report.dry_run:
        names = (_("sessions that would be closed"), _("summaries that would be written"), _("summaries missing now"))
    else:
        names = (_("sessions closed"), _("summaries written"), _("summaries missing"))
    return [
        (names[0], f"{report.expired:,}"),
        (_("of these with nothing to remember"), f"{report.empty:,}"),
        (names[1], f"{report.summarised:,}"),
        (names[2], f"{report.pending:,}"),
    ]


def retained(run: Run, report: RetainReport) -> Pairs:
    """Return what a pass of retention did, or would do."""
    _ = run.translate
    archived = f"{report.sessions_archived:,}"
    if report.sessions_archived:
        archived += " " + _("({aged} by age, {number} by number)").format(
            aged=f"{report.sessions_archived_by_age:,}", number=f"{report.sessions_archived_by_number:,}"
        )
    compressed = f"{report.transcripts_compressed:,}"
    if report.transcripts_compressed:
        compressed += " " + _("(text of {before} MiB takes {after} MiB)").format(
            before=f"{report.compressed_from_bytes / _MIB:,.1f}", after=f"{report.compressed_to_bytes / _MIB:,.1f}"
        )
    return [
        (_("sessions archived"), archived),
        (_("transcripts compressed"), compressed),
        (_("log entries deleted"), f"{report.logs_deleted:,}"),
        (_("snapshots deleted"), f"{report.snapshots_deleted:,}"),
        (_("restore points deleted"), f"{report.restore_points_deleted:,}"),
        (_("records of operations dropped"), f"{report.operations_dropped:,}"),
        (_("entries of the audit trail pruned"), f"{report.audit_entries_pruned:,}"),
        (_("space freed"), f"{report.space_freed_bytes / _MIB:,.1f} MiB"),
        (_("next pass"), "" if report.next_cleanup is None else local_time(report.next_cleanup)),
    ]


def show_job(run: Run, job: Job) -> None:
    """Write one job: what it does, whether it goes on, its last run and what came of it."""
    _ = run.translate
    pairs = [
        (_("job"), job.name),
        (_("what it does"), _(job.summary)),
        (_("state"), _state(run, job)),
        (_("how often"), often(_, job.every_ms / HOUR_MS)),
        (_("last run"), _last_run(run, job)),
        (_("next run"), "" if job.next_at is None else local_time(job.next_at)),
        (_("runs"), f"{job.runs:,}"),
        (_("failed"), f"{job.failures:,}"),
        (_("last error"), job.last_error or ""),
    ]
    if job.last_result:
        result = [(name, value) for name, value in _result(run, job) if value]
        pairs.append((_("last result"), " " if result else _("nothing was to be done")))
        pairs += [(f"  {name}", value) for name, value in result]
    show_pairs(run, pairs)


def backed_up(run: Run, report: BackupPass) -> Pairs:
    """Return what the job of the backups did."""
    _ = run.translate
    return [
        (
            _("backup"),
            _("nothing has changed since {name}").format(name=report.backup) if report.unchanged else report.backup,
        ),
        (_("size"), size_told(run, report.size_bytes)),
        (_("holds"), rows_told(run, report.counts, MORE_ROWS)),
        (_("old copies deleted"), f"{len(report.deleted):,}"),
        (_("copied to the second place"), f"{len(report.copied):,}"),
    ]


def often(translate: Translate, hours: float) -> str:
    """Return how often something is done: `every 24 h`, `every 15 min`."""
    if hours < 1:
        return translate("every {number} min").format(number=f"{hours * 60:g}")
    return translate("every {number} h").format(number=f"{hours:g}")


def _state(run: Run, job: Job) -> str:
    _ = run.translate
    if job.running:
        return _("running")
    if not job.enabled:
        return _("stopped: no server runs it until `ingat jobs start {job}`").format(job=job.name)
    return _("waiting: no server runs it now") if job.next_at is None else _("waiting")


def _last_run(run: Run, job: Job) -> str:
    if job.last_started_at is None:
        return ""
    began, ended = local_time(job.last_started_at), job.last_finished_at
    if ended is None or ended < job.last_started_at:
        return began
    seconds = (ended - job.last_started_at) / 1000
    taken = f"{seconds:,.3g}" if seconds < 100 else f"{seconds:,.0f}"
    return run.translate("{time}, it took {seconds} s").format(time=began, seconds=taken)


def _result(run: Run, job: Job) -> Pairs:
    """Return what came of the last run that went well; what is nothing is left out."""
    report: ExpireReport | RetainReport | BackupPass | None = None
    if job.name in _REPORTS:
        try:
            report = msgspec.convert(job.last_result, _REPORTS[job.name])
        except msgspec.ValidationError:
            report = None  # of another version
    if report is None:
        return [(_named(run, name), _plain(run, name, value)) for name, value in job.last_result.items()]
    pairs = _reported(run, report)
    skipped = run.translate("next pass")  # the job has a time of its own for it
    told = [(name, value) for name, value in pairs if value not in ("0", "0.0 MiB") and name != skipped]
    failed = [(run.translate("failed"), f"{each.id}: {each.message}") for each in report.failed]
    return told + failed


def _reported(run: Run, report: ExpireReport | RetainReport | BackupPass) -> Pairs:
    if isinstance(report, ExpireReport):
        return expired(run, report)
    return retained(run, report) if isinstance(report, RetainReport) else backed_up(run, report)


def _named(run: Run, name: str) -> str:
    return run.translate(name.replace("_", " "))


def _plain(run: Run, name: str, value: Any) -> str:
    """Return a number, a text or a few of them as people read them."""
    if isinstance(value, dict):
        return ", ".join(f"{_named(run, key)} {_plain(run, key, inside)}" for key, inside in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(run, name, each) for each in value)
    if isinstance(value, bool):
        return run.translate("yes" if value else "no")
    if isinstance(value, int) and name.endswith("_at"):
        return local_time(value)
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value or "")
