"""`ingat retain`: apply the retention policy, and say what was done."""

from __future__ import annotations

from ingat.cli.command import Command
from ingat.cli.jobs import retained
from ingat.cli.language import mark
from ingat.cli.passes import dry_run_option, run_pass
from ingat.cli.run import Run
from ingat.cli.tables import show_pairs
from ingat.core.reports import RetainReport


def _retain(dry_run: bool) -> None:
    run_pass(mark("Applying the retention policy"), lambda memory: memory.retain(dry_run=dry_run), _show)


def _show(run: Run, report: RetainReport) -> None:
    _ = run.translate
    show_pairs(run, retained(run, report))
    for operation in report.operations:
        run.note(_("What was deleted comes back with: {command}").format(command=run.command("undo", operation)))
    for note in report.notes:
        run.note(note)


retain = Command(
    "retain",
    callback=_retain,
    help=mark("Apply the retention policy: archive, compress, prune.")
    + "\n\n"
    + mark(
        "No session and no message is deleted, and what is deleted can be brought back. The exit code is 1 when some of"
        " it could not be done."
    ),
    params=[dry_run_option()],
)
