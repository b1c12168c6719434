"""What people see of operations: what was or would be deleted, and how to bring it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

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
FILTERS = {
    "level": mark("level {value}"),
    "min_level": mark("level {value} or graver"),
    "category": mark("category {value}"),
    "source": mark("source {value}"),
    "since": mark("since {value}"),
    "until": mark("until {value}"),
    "search": mark('with "{value}"'),
    "user_id": mark("user {value}"),
    "session_id": mark("session {value}"),
}
_TIMES = frozenset({"since", "until"})
_REASONS = (mark("the retention policy"),)
SCOPES = {"session": mark("session"), "logs": mark("log entries"), "snapshot": mark("snapshot")}


def taken(run: Run, operation: Operation) -> str:
    """Return how many rows of each kind an operation takes away."""
    return rows_told(run, operation.counts, ROWS)


def rows_told(run: Run, counts: Mapping[str, int], forms: Mapping[str, tuple[str, str]]) -> str:
    """Return `1 session, 2 messages`: how many rows of each kind that has forms, and any of."""
    _ = run.translate
    return ", ".join(
        run.count(counts[kind], _(one), _(many)) for kind, (one, many) in forms.items() if counts.get(kind)
    )


def scope(run: Run, operation: Operation) -> str:
    """Return what sort of thing was deleted."""
    several = operation.scope == "snapshot" and operation.target is None
    return run.translate("snapshots" if several else SCOPES.get(operation.scope, operation.scope))


def why(run: Run, operation: Operation) -> str:
    """Return the reason that was given; that of retention in the reader's language."""
    return run.translate(operation.reason) if operation.reason in _REASONS else operation.reason


def filtered(run: Run, target: str | None) -> str:
    """Return the filters of log entries that were deleted: `level debug, until 2026-06-01 07:00:00 +07:00`."""
    try:
        given = msgspec.json.decode(target or "{}", type=dict[str, str | int])
    except msgspec.MsgspecError:
        return target or ""
    told = []
    for name, value in given.items():
        shown = local_time(value, seconds=True) if name in _TIMES and isinstance(value, int) else str(value)
        told.append(run.translate(FILTERS.get(name, name)).format(value=shown))
    return ", ".join(told)


def target_of(run: Run, operation: Operation) -> str:
    """Return what was deleted in words: `session 01a1…`, `log entries, level debug`."""
    if operation.scope != "logs":
        return f"{scope(run, operation)} {operation.target or ''}".strip()
    return ", ".join(part for part in (scope(run, operation), filtered(run, operation.target)) if part)


def operation_pairs(run: Run, operation: Operation) -> list[tuple[str, str]]:
    """Return one operation as names and values."""
    _ = run.translate
    undone = "" if operation.undone_at is None else f"{local_time(operation.undone_at)} · {operation.undone_by}"
    return [
        (_("operation"), operation.id),
        (_("time"), local_time(operation.created_at)),
        (_("what"), target_of(run, operation)),
        (_("deleted"), taken(run, operation)),
        (_("by way of"), _("retention") if operation.kind == "retain" else _("erasing")),
        (_("who"), operation.actor),
        (_("why"), why(run, operation)),
        (_("undone"), undone),
        (_("restore point"), operation.restore_point or ""),
    ]


def show_operation(run: Run, operation: Operation, write: Callable[[Run, Sequence[tuple[str, str]]], None]) -> None:
    """Write what an operation did, or would do, and how to undo it; `write` draws names and values."""
    _ = run.translate
    if not operation.counts:
        run.say(_("There is nothing to delete."))
    elif operation.dry_run:
        run.say(_("Would be deleted: {rows}. Nothing was deleted.").format(rows=taken(run, operation)))
    else:
        write(run, operation_pairs(run, operation))
        if operation.undone_at is None:
            run.note(_("To bring it back: ingat undo {operation}").format(operation=operation.id))
