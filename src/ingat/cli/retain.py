"""`ingat retain`: apply the retention policy, and say what was done."""

from __future__ import annotations

import click

from ingat.cli.command import Command, Option
from ingat.cli.failures import FAILED
from ingat.cli.language import mark
from ingat.cli.run import Run, current_run, local_time
from ingat.cli.tables import show_pairs
from ingat.core.reports import RetainReport

_MIB = 1_048_576


def _retain(dry_run: bool) -> None:
    run = current_run()
    with run.memory() as memory:
        report = memory.retain(dry_run=dry_run)
    if run.json:
        run.print_json(report)
    else:
        show_retained(run, report)
    if report.failed:
        click.get_current_context().exit(FAILED)


def show_retained(run: Run, report: RetainReport) -> None:
    """Write what a pass of retention did, or would do."""
    _ = run.translate
    if report.dry_run:
        run.note(_("A dry run: nothing was changed. This is what a pass would do."))
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
    show_pairs(
        run,
        [
            (_("sessions archived"), archived),
            (_("transcripts compressed"), compressed),
            (_("log entries deleted"), f"{report.logs_deleted:,}"),
            (_("snapshots deleted"), f"{report.snapshots_deleted:,}"),
            (_("restore points deleted"), f"{report.restore_points_deleted:,}"),
            (_("space freed"), f"{report.space_freed_bytes / _MIB:,.1f} MiB"),
            (_("next pass"), "" if report.next_cleanup is None else local_time(report.next_cleanup)),
        ],
    )
    for operation in report.operations:
        run.note(_("What was deleted comes back with: ingat undo {operation}").format(operation=operation))
    for note in report.notes:
        run.note(note)
    for failure in report.failed:
        run.note(f"{failure.id}: {failure.message}")
    if report.failed:
        run.note(_("Some of it could not be done. The rest was; run it again when the causes are gone."))


retain = Command(
    "retain",
    callback=_retain,
    help=mark("Apply the retention policy: archive, compress, prune.")
    + "\n\n"
    + mark(
        "No session and no message is deleted, and what is deleted can be brought back. The exit code is 1 when some of"
        " it could not be done."
    ),
    params=[Option(["--dry-run"], is_flag=True, help=mark("only say what would be done"))],
)
