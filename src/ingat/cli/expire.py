"""`ingat expire`: close idle sessions and remember a summary of each, and say what was done."""

from __future__ import annotations

from ingat.cli.command import Command
from ingat.cli.jobs import expired
from ingat.cli.language import mark
from ingat.cli.passes import dry_run_option, run_pass
from ingat.cli.run import Run
from ingat.cli.tables import show_pairs
from ingat.core.reports import ExpireReport


def _expire(dry_run: bool) -> None:
    run_pass(mark("Closing idle sessions and writing summaries"), lambda memory: memory.expire(dry_run=dry_run), _show)


def _show(run: Run, report: ExpireReport) -> None:
    show_pairs(run, expired(run, report))


expire = Command(
    "expire",
    callback=_expire,
    help=mark("Close idle sessions and remember a summary of each.")
    + "\n\n"
    + mark("Nothing is deleted. The exit code is 1 when some of it could not be done; a later pass tries again."),
    params=[dry_run_option()],
)
