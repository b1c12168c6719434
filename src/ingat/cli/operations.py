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
    "artifact": (mark("{number} artifact"), mark("{number} artifacts")),
    "log": (mark("{number} log entry"), mark("{number} log entries")),
}
"""How many of which rows, in the order in which they are told; kinds that are not here are not told to people."""
EVERY_ROW = {
    **ROWS,
    "expiry": (mark("{number} note that a session ended"), mark("{number} notes that a session ended")),
    "policy": (mark("{number} retention policy"), mark("{number} retention policies")),
}
"""The same with the kinds that only restoring and undoing tell of."""
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
_REASONS = (
    mark("the retention policy"),
    mark("the daily backup"),
    mark("scheduled cleanup of test users"),
    mark("cleared by hand with `ingat clear`"),
    mark("done again"),
)
"""Reasons that the program gives itself."""
SCOPES = {
    "user": mark("user"),
    "session": mark("session"),
    "messages": mark("messages of session"),
    "memory": mark("memory"),
    "logs": mark("log entries"),
    "snapshot": mark("snapshot"),
    "artifact": mark("artifact"),
    "everything": mark("everything"),
    "restore": mark("restoring"),
}
_WAYS = {
    "erase": mark("erasing"),
    "retain": mark("retention"),
    "restore": mark("restoring"),
    "undo": mark("undoing"),
}


def taken(run: Run, operation: Operation) -> str:
    """Return how many rows of each kind an operation takes away, or of a restore, adds, replaces or takes away."""
    return rows_told(run, operation.counts, ROWS)


def rows_told(run: Run, counts: Mapping[str, int], forms: Mapping[str, tuple[str, str]]) -> str:
    """Return `1 session, 2 messages`: how many rows of each kind that has forms, and any of."""
    _ = run.translate
    return ", ".join(
        run.count(counts[kind], _(one), _(many)) for kind, (one, many) in forms.items() if counts.get(kind)
    )


def scope(run: Run, operation: Operation) -> str:
    """Return what sort of thing was deleted, or that it was restored or undone."""
    if operation.kind == "undo":
        return run.translate(_WAYS["undo"])
    several = operation.scope == "snapshot" and operation.target is None
    return run.translate("snapshots" if several else SCOPES.get(operation.scope, operation.scope))


def why(run: Run, operation: Operation) -> str:
    """Return why it was done, as `reason_told` says it."""
    return reason_told(run, operation.reason)


def reason_told(run: Run, reason: str) -> str:
    """Return a reason as it was given; one that the program gives itself in the reader's language."""
    return run.translate(reason) if reason in _REASONS else reason


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
    way = _(_WAYS[operation.kind]) if operation.kind in ("erase", "retain") else ""
    undone = "" if operation.undone_at is None else f"{local_time(operation.undone_at)} · {operation.undone_by}"
    return [
        (_("operation"), operation.id),
        (_("time"), local_time(operation.created_at)),
        (_("what"), target_of(run, operation)),
        (_("changed") if operation.kind in ("restore", "undo") else _("deleted"), taken(run, operation)),
        (_("by way of"), way),
        (_("who"), operation.actor),
        (_("why"), why(run, operation)),
        (_("undone"), undone),
        (_("restore point"), operation.restore_point or ""),
    ]


def moved(run: Run, operation: Operation) -> list[str]:
    """Return what undoing or doing again took away and put back, a line each."""
    _ = run.translate
    sides = ((_("Taken away: {rows}"), operation.taken_away), (_("Put back: {rows}"), operation.put_back))
    told = ((line, rows_told(run, counts, EVERY_ROW)) for line, counts in sides)
    return [line.format(rows=rows) for line, rows in told if rows]


def show_operation(run: Run, operation: Operation, write: Callable[[Run, Sequence[tuple[str, str]]], None]) -> None:
    """Write what an operation did, or would do, and how to undo it; `write` draws names and values."""
    _ = run.translate
    if not operation.counts:
        run.say(_("There is nothing to delete."))
    elif operation.dry_run:
        run.say(_("Would be deleted: {rows}. Nothing was deleted.").format(rows=taken(run, operation)))
        if operation.protected_by:
            told = _("Protected ({reasons}): it needs --force and --reason.")
            run.note(told.format(reasons=", ".join(operation.protected_by)))
    else:
        for line in moved(run, operation):
            run.say(line)
        write(run, operation_pairs(run, operation))
        for note in operation.notes:
            run.note(note)
        _tell_way(run, operation)


def _tell_way(run: Run, operation: Operation) -> None:
    """Say how to go back from here."""
    _ = run.translate
    if operation.undone_at is not None:
        if operation.kind != "undo":
            run.note(_("To do it again: {command}").format(command=run.command("redo", operation.id)))
    elif operation.kind == "undo":
        run.note(_("To do it again: {command}").format(command=run.command("redo", operation.reverts or "")))
    elif operation.kind == "restore":
        run.note(_("To take it back: {command}").format(command=run.command("undo", operation.id)))
    else:
        run.note(_("To bring it back: {command}").format(command=run.command("undo", operation.id)))
