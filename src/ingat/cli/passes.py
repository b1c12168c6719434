"""Passes over a store from the command line: run one, say what it did, and end with 1 when some of it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from ingat.cli.command import Option
from ingat.cli.failures import FAILED
from ingat.cli.language import mark
from ingat.cli.progress import busy
from ingat.cli.run import Run, current_run
from ingat.core.reports import ExpireReport, RetainReport
from ingat.memory import Memory

Report = TypeVar("Report", ExpireReport, RetainReport)


def run_pass(title: str, work: Callable[[Memory], Report], show: Callable[[Run, Report], None]) -> None:
    """Do the work on the memory and tell its report: as JSON, or with `show`, which writes what was done.

    `title` says what is under way meanwhile.
    """
    run = current_run()
    _ = run.translate
    with run.memory() as memory, busy(run, _(title)):
        report = work(memory)
    if run.json:
        run.print_json(report)
    else:
        if report.dry_run:
            run.note(_("A dry run: nothing was changed. This is what a pass would do."))
        show(run, report)
        for failure in report.failed:
            run.note(f"{failure.id}: {failure.message}")
        if report.failed:
            run.note(_("Some of it could not be done. The rest was; run it again when the causes are gone."))
    if report.failed:
        click.get_current_context().exit(FAILED)


def dry_run_option() -> Option:
    """Return the option that every pass has."""
    return Option(["--dry-run"], is_flag=True, help=mark("only say what would be done"))
