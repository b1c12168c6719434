"""What a restore did or would do, for people."""

from __future__ import annotations

from collections.abc import Sequence

from ingat.cli.harmless import printable
from ingat.cli.language import mark
from ingat.cli.operations import EVERY_ROW, rows_told
from ingat.cli.run import Run
from ingat.core.backups import RestoreReport

MOST_SHOWN = 20
_SAID = (
    mark("The id has something else by now."),
    mark("Its session is not there, or somebody else's."),
    mark("It says something else."),
    mark("It said something else."),
    mark("It says something else, or holds at other times."),
    mark("It said something else, or held at other times."),
    mark("It has other values."),
    mark("The session went on since."),
    mark("It is somebody else's by now."),
    mark("The copy does not hold its file."),
)
"""What a restore says of rows that have another version."""
_BEFORE_NAMES = (mark("Other values:"), mark("Filled in:"))
_SIDES = {"current": mark("stays as it is"), "backup": mark("as in the copy")}


def show_restored(run: Run, report: RestoreReport, *, asking: bool = False) -> None:
    """Write how many rows of each kind were added, replaced, left and kept away, and how to undo it.

    Before a question (`asking`) all of it goes to standard error, as the question does.
    """
    _, say = run.translate, run.note if asking else run.explain
    if report.dry_run:
        say(_("Nothing was restored: this is what a restore would do."))
    sections = (
        (_("Added"), report.added),
        (_("Replaced"), report.replaced),
        (_("There already"), report.unchanged),
        (_("Another version stays"), report.kept),
        (_("Purged, stays away"), report.purged),
    )
    for name, counts in sections:
        told = rows_told(run, counts, EVERY_ROW)
        if told:
            say(f"{name}: {told}")
    if not report.added and not report.replaced:
        say(_("There is nothing to restore."))
    conflicts = [
        f"{_(each.kind)} {each.id}: {_said(run, each.message)} ({_(_SIDES[each.kept])})".replace("  ", " ")
        for each in report.conflicts
    ]
    for line in (*_first(run, conflicts), *_first(run, report.notes)):
        run.note(printable(line))
    if report.operation is not None:
        run.note(_("To take it back: {command}").format(command=run.command("undo", report.operation.id)))


def _said(run: Run, message: str) -> str:
    """Return what is said of a row in the reader's language; names of fields stay as programs know them."""
    if message in _SAID:
        return run.translate(message)
    for words in _BEFORE_NAMES:
        message = message.replace(words, run.translate(words))
    return message


def _first(run: Run, lines: Sequence[str]) -> list[str]:
    """Return the first lines, and how many more there are."""
    shown = list(lines[:MOST_SHOWN])
    if len(lines) > MOST_SHOWN:
        shown.append(run.translate("{number} more; --json shows them.").format(number=f"{len(lines) - MOST_SHOWN:,}"))
    return shown
