"""What people see of operations: what was or would be deleted, and how to bring it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingat.cli.language import mark
from ingat.cli.run import Run, local_time
from ingat.core.reports import Operation

ROWS = {
    "user": (mark("{number} user"), mark("{number} users")),
    "session": (mark("{number} session"), mark("{number} sessions")),
    "message": (mark("{number} message"), mark("{number} messages")),
    "memory": (mark("{number} memory"), mark("{number} memories")),
    "snapshot": (mark("{number} snapshot"), mark("{number} snapshots")),
    "log": (mark("{number} log entry"), mark("{number} log entries")),
}
"""How many of which rows, in the order in which they are told; kinds that are not here are not told to people."""


def taken(run: Run, operation: Operation) -> str:
    """Return how many rows of each kind an operation takes away."""
    _, counts = run.translate, operation.counts
    told = [run.count(counts[kind], _(one), _(many)) for kind, (one, many) in ROWS.items() if counts.get(kind)]
    return ", ".join(told)


def state(run: Run, operation: Operation) -> str:
    """Return whether the operation can be undone, or when it was."""
    _ = run.translate
    if operation.undone_at is not None:
        return _("undone {time} by {actor}").format(time=local_time(operation.undone_at), actor=operation.undone_by)
    return ""


def show_operation(run: Run, operation: Operation, record: Callable[[Run, Any], None]) -> None:
    """Write what an operation did, or would do, and how to undo it; `record` writes the fields of one that was done."""
    _ = run.translate
    if not operation.counts:
        run.say(_("There is nothing to delete."))
    elif operation.dry_run:
        run.say(_("Would be deleted: {rows}. Nothing was deleted.").format(rows=taken(run, operation)))
    else:
        record(run, operation)
        if operation.undone_at is None:
            run.note(_("To bring it back: ingat undo {operation}").format(operation=operation.id))
