"""`ingat expire`: close idle sessions and remember a summary of each, and say what was done."""

from __future__ import annotations

import click

from ingat.cli.command import Command, Option
from ingat.cli.failures import FAILED
from ingat.cli.language import mark
from ingat.cli.run import Run, current_run
from ingat.cli.tables import show_pairs
from ingat.core.reports import ExpireReport


def _expire(dry_run: bool) -> None:
    run = current_run()
    with run.memory() as memory:
        report = memory.expire(dry_run=dry_run)
    if run.json:
        run.print_json(report)
    else:
        show_expired(run, report)
    if report.failed:
        click.get_current_context().exit(FAILED)


def show_expired(run: Run, report: ExpireReport) -> None:
    """Write what a pass of expiry did, or would do."""
    _ = run.translate
    if report.dry_run:
        run.note(_("A dry run: nothing was changed. This is what a pass would do."))
    show_pairs(
        run,
        [
            (_("sessions closed"), f"{report.expired:,}"),
            (_("of these with nothing to remember"), f"{report.empty:,}"),
            (_("summaries written"), f"{report.summarised:,}"),
            (_("summaries missing"), f"{report.pending:,}"),
        ],
    )
    for failure in report.failed:
        run.note(f"{failure.id}: {failure.message}")
    if report.failed:
        run.note(_("Some of it could not be done. The rest was; run it again when the causes are gone."))


expire = Command(
    "expire",
    callback=_expire,
    help=mark("Close idle sessions and remember a summary of each.")
    + "\n\n"
    + mark("Nothing is deleted. The exit code is 1 when some of it could not be done; a later pass tries again."),
    params=[Option(["--dry-run"], is_flag=True, help=mark("only say what would be done"))],
)
