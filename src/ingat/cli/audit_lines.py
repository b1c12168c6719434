"""What people see of the audit trail: when, who, what, whom, why, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ingat.cli.language import mark
from ingat.cli.operations import ROWS, SCOPES, filtered, reason_told, rows_told
from ingat.cli.run import Run, local_time
from ingat.core.audit import AuditEntry
from ingat.core.errors import OperationNotFound
from ingat.core.reports import Operation
from ingat.memory import Memory

DID = {
    "erase": mark("{scope} deleted"),
    "retain": mark("{scope} deleted by retention"),
    "restore": mark("copy restored"),
    "undo": mark("undone: {scope}"),
    "purge": mark("{scope} purged"),
    "users.protect": mark("user protected"),
    "users.unprotect": mark("user no longer protected"),
    "users.role": mark("role changed"),
    "users.merge": mark("users merged"),
    "keys.create": mark("key made"),
    "keys.revoke": mark("key revoked"),
    "retention.set": mark("retention policy changed"),
    "jobs.start": mark("job started"),
    "jobs.stop": mark("job stopped"),
    "import": mark("imported"),
    "export": mark("exported"),
    "audit.prune": mark("audit trail pruned"),
    "backup.create": mark("backup made"),
    "backup.prune": mark("old copies deleted"),
}
"""What was done in words; an action that is not here stands for itself."""
OTHER_SCOPES = {"everything": mark("everything"), "store": mark("store")}
_UNDOABLE = ("erase", "retain", "restore")


class AuditLine(NamedTuple):
    """One entry in words."""

    at: int
    who: str
    what: str
    whom: str
    why: str
    way: str


def line_of(run: Run, entry: AuditEntry, operation: Operation | None, keys: Mapping[str, str | None]) -> AuditLine:
    """Return an entry in words, given its operation where that is still recorded, and the names of keys by id."""
    return AuditLine(
        at=entry.at,
        who=_who(run, entry.actor, keys),
        what=_what(run, entry),
        whom=_whom(run, entry),
        why=run.translate("(removed by a purge)") if entry.reason is None else reason_told(run, entry.reason),
        way=_way(run, entry, operation),
    )


def operations_of(memory: Memory, entries: tuple[AuditEntry, ...]) -> dict[str, Operation]:
    """Return the operations of these entries that are still recorded."""
    found: dict[str, Operation] = {}
    for operation_id in {each.operation_id for each in entries if each.operation_id is not None}:
        try:
            found[operation_id] = memory.operations.get(operation_id)
        except OperationNotFound:
            continue
    return found


def _who(run: Run, actor: str, keys: Mapping[str, str | None]) -> str:
    name = keys.get(actor.removeprefix("key:")) if actor.startswith("key:") else None
    return run.translate("key {name}").format(name=f'"{name}"') if name else actor


def _what(run: Run, entry: AuditEntry) -> str:
    _ = run.translate
    known = {**SCOPES, **OTHER_SCOPES}
    scope = _(known[entry.scope]) if entry.scope in known else entry.scope
    return _(DID[entry.action]).format(scope=scope) if entry.action in DID else entry.action


def _whom(run: Run, entry: AuditEntry) -> str:
    _ = run.translate
    if entry.user_id is not None:
        return entry.user_id
    if entry.subject is not None:
        return _("{pseudonym} (purged)").format(pseudonym=entry.subject)
    if entry.people_sha256 is not None:
        return run.count(entry.people, _("{number} person"), _("{number} people"))
    if entry.scope == "everything":
        return _("everybody")
    return _target(run, entry)


def _target(run: Run, entry: AuditEntry) -> str:
    return filtered(run, entry.target) if entry.scope == "logs" else entry.target or ""


def _way(run: Run, entry: AuditEntry, operation: Operation | None) -> str:
    """Return what else there is to say: what exactly, how many rows, and how to bring them back."""
    _ = run.translate
    named = entry.subject is not None or entry.people_sha256 is not None
    about = entry.target or "" if named and entry.target != entry.user_id else ""
    told = " · ".join(part for part in (about, rows_told(run, entry.counts, ROWS)) if part)
    undoing = _undoing(run, entry, operation)
    return ("\n" if about else " · ").join(part for part in (told, undoing) if part)


def _undoing(run: Run, entry: AuditEntry, operation: Operation | None) -> str:
    _ = run.translate
    purged = entry.subject is not None and entry.user_id is None
    if operation is None or purged or entry.action == "undo":
        return entry.operation_id or ""
    if operation.undone_at is not None:
        by = operation.undone_by or ""
        return _("{operation}, undone {time} by {who}").format(
            operation=operation.id, time=local_time(operation.undone_at), who=by
        )
    if operation.kind in _UNDOABLE and operation.restore_point is not None:
        return _("to bring it back: {command}").format(command=run.command("undo", operation.id))
    return operation.id
