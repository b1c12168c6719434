"""`ingat erase`, `ingat operations` and `ingat undo`: deleting with a way back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from ingat.cli.command import Command, Group, Option
from ingat.cli.generated import Performer, bound, command_of, group_of
from ingat.cli.language import mark
from ingat.cli.operations import filtered, taken
from ingat.cli.run import Run
from ingat.core.errors import OperationNotFound, ProtectedUser
from ingat.core.limits import MAX_PAGE
from ingat.core.reports import Operation
from ingat.memory import Memory


def _erasing(words: str) -> Command:
    """Return a command that shows what would go and asks before it goes."""
    command = command_of(words, perform=_asking(words.replace(" ", ".")))
    behind = next(place for place, each in enumerate(command.params, 1) if each.name == "dry_run")
    yes = Option(["--yes"], is_flag=True, default=False, help=mark("delete without being asked"))
    command.params.insert(behind, yes)
    return command


def _asking(action: str) -> Performer:
    def perform(run: Run, memory: Memory, given: dict[str, Any]) -> Operation:
        method, sure = _forcing(bound(memory, action)), given.pop("yes") or given["dry_run"]
        if not sure:
            plan: Operation = method(**{**given, "dry_run": True})
            if not plan.counts:
                return plan
            one = plan.scope != "logs" or sum(plan.counts.values()) == 1
            _ask(run, f"{_named(run, memory, plan)}: {taken(run, plan)}", one=one)
        operation: Operation = method(**given)
        return operation

    return perform


def _forcing(method: Callable[..., Operation]) -> Callable[..., Operation]:
    """Return the method with an error that names the option where a user is protected."""

    def call(**given: Any) -> Operation:
        try:
            return method(**given)
        except ProtectedUser as error:
            message = error.message.replace("`force` overrides it", "--force deletes it all the same")
            raise ProtectedUser(message, **error.details) from error

    return call


def _ask(run: Run, what: str, *, one: bool) -> None:
    _ = run.translate
    if not sys.stdin.isatty():
        raise click.UsageError(
            _(
                "Nobody can be asked here, so nothing was deleted. Give --yes to delete, or --dry-run to see what would"
                " go."
            )
        )
    run.note(what)
    it, them = _("Delete it? A restore point is made first."), _("Delete them? A restore point is made first.")
    if not click.confirm(it if one else them, default=False, err=True):
        raise click.ClickException(_("Nothing was deleted."))


def _named(run: Run, memory: Memory, plan: Operation) -> str:
    """Return what people call the thing that would go."""
    target = plan.target or ""
    if plan.scope == "session":
        session = memory.sessions.get(target)
        return " · ".join(part for part in (session.name, session.user_id, target) if part)
    if plan.scope == "snapshot":
        snapshot = memory.snapshots.get(target)
        return f"{snapshot.name} {snapshot.version} · {target}"
    return filtered(run, plan.target) or run.translate("all log entries")


def _undoing() -> Command:
    """Return a command that undoes an operation: the last erasure when none is named."""
    command = command_of("undo", perform=_undo)
    (operation,) = (each for each in command.params if each.name == "operation_id")
    operation.required, operation.metavar = False, "[OPERATION]"
    return command


def _undo(run: Run, memory: Memory, given: dict[str, Any]) -> Operation:
    return memory.undo(given.get("operation_id") or _last(memory).id)


def _last(memory: Memory) -> Operation:
    """Return what was erased last and is still gone; what retention took goes by its id alone."""
    cursor = None
    while True:
        page = memory.operations.list(MAX_PAGE, cursor)
        found = next((each for each in page.items if each.kind == "erase" and each.undone_at is None), None)
        if found is not None:
            return found
        cursor = page.next
        if cursor is None:
            raise OperationNotFound("Nothing that was erased is left to bring back; `ingat operations list` shows all.")


erase = Group(
    "erase",
    help=mark("Delete, after a restore point that brings it back."),
    commands=[_erasing("erase session"), _erasing("erase logs"), _erasing("erase snapshot")],
)
operations = group_of("operations", mark("What was deleted, by whom and why."))
undo = _undoing()
