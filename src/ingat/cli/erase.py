"""`ingat erase`, `ingat operations` and `ingat undo`: deleting with a way back."""

from __future__ import annotations

import sys
from typing import Any

import click

from ingat.cli.command import Command, Group, Option
from ingat.cli.generated import Performer, bound, command_of, group_of
from ingat.cli.language import mark
from ingat.cli.operations import taken
from ingat.cli.run import Run
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
        method, sure = bound(memory, action), given.pop("yes") or given["dry_run"]
        if not sure:
            plan: Operation = method(**{**given, "dry_run": True})
            if not plan.counts:
                return plan
            _ask(run, f"{_named(memory, plan)}: {taken(run, plan)}")
        operation: Operation = method(**given)
        return operation

    return perform


def _ask(run: Run, what: str) -> None:
    _ = run.translate
    if not sys.stdin.isatty():
        raise click.UsageError(
            _(
                "Nobody can be asked here, so nothing was deleted. Give --yes to delete, or --dry-run to see what would"
                " go."
            )
        )
    run.note(what)
    if not click.confirm(_("Delete it? A restore point is made first."), default=False, err=True):
        raise click.ClickException(_("Nothing was deleted."))


def _named(memory: Memory, plan: Operation) -> str:
    """Return what people call the thing that would go."""
    target = plan.target or ""
    if plan.scope == "session":
        session = memory.sessions.get(target)
        return " · ".join(part for part in (session.name, session.user_id, target) if part)
    if plan.scope == "snapshot":
        snapshot = memory.snapshots.get(target)
        return f"{snapshot.name} {snapshot.version} · {target}"
    return f"{plan.scope} {target}".strip()


erase = Group(
    "erase",
    help=mark("Delete, after a restore point that brings it back."),
    commands=[_erasing("erase session"), _erasing("erase logs"), _erasing("erase snapshot")],
)
operations = group_of("operations", mark("What was deleted, by whom and why."))
undo = command_of("undo")
