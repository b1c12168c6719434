"""`ingat erase`: deleting with a way back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click
from rich.markup import escape

from ingat.cli.asking import agree, typed
from ingat.cli.command import Command, Group, Option
from ingat.cli.failures import Declined
from ingat.cli.generated import Performer, bound, command_of
from ingat.cli.harmless import printable
from ingat.cli.language import mark
from ingat.cli.operations import filtered, taken
from ingat.cli.run import Run, local_time
from ingat.core.errors import InvalidInput, ProtectedUser
from ingat.core.protection import check_force
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
            plan = method(**{**given, "dry_run": True})
            if not plan.counts:
                return plan
            _refuse(plan, given)
            _ask(run, memory, plan)
        return method(**given)

    return perform


def _forcing(method: Callable[..., Operation]) -> Callable[..., Operation]:
    """Return the method with errors that name the options."""

    def call(**given: Any) -> Operation:
        try:
            return method(**given)
        except (InvalidInput, ProtectedUser) as error:
            raise type(error)(_with_options(error.message), **error.details) from error

    return call


def _with_options(message: str) -> str:
    for said, option in (
        ("`force` with a reason overrides it", "--force with --reason deletes it all the same"),
        ("`force` needs", "--force needs"),
        ("say why in `reason`", "say why with --reason"),
        ("by `message_ids`, or by `since` and `until`", "by --message, or by --since and --until"),
        ("`erase.session` deletes", "`ingat erase session` deletes"),
    ):
        message = message.replace(said, option)
    return message


def _refuse(plan: Operation, given: dict[str, Any]) -> None:
    """Refuse what would be refused after the question, before anybody is asked."""
    if plan.protected_by and not given.get("force"):
        raise ProtectedUser(
            f"Protected ({', '.join(plan.protected_by)}). Nothing was deleted; --force with --reason deletes it all the"
            " same.",
            protected_by=list(plan.protected_by),
        )
    try:
        check_force(bool(given.get("force")), given.get("reason", ""))
    except InvalidInput as error:
        raise InvalidInput(_with_options(error.message)) from error


def _ask(run: Run, memory: Memory, plan: Operation) -> None:
    _ = run.translate
    if not sys.stdin.isatty():
        raise click.UsageError(
            _(
                "Nobody can be asked here, so nothing was deleted. Give --yes to delete, or --dry-run to see what would"
                " go."
            )
        )
    for line in _named(run, memory, plan):
        run.note(line)
    if plan.protected_by:
        told = _("Protected: {reasons}.").format(reasons=", ".join(plan.protected_by))
        run.err.print(escape(printable(told)), highlight=False, soft_wrap=True, style="bold red")
    _have_agreed(run, plan)


def _have_agreed(run: Run, plan: Operation) -> None:
    _ = run.translate
    nothing = _("Nothing was deleted.")
    if plan.scope == "everything":
        asked = _("This deletes every user with everything that is theirs. A copy is made first. Type YES to go on")
        if typed(asked, nothing) != "YES":
            raise Declined(nothing)
        return
    if plan.scope == "user":
        asked = _("Delete this user with everything that is theirs? A restore point is made first.")
    elif plan.scope in ("logs", "messages") and sum(plan.counts.values()) > 1:
        asked = _("Delete them? A restore point is made first.")
    else:
        asked = _("Delete it? A restore point is made first.")
    agree(run, asked, nothing)


def _named(run: Run, memory: Memory, plan: Operation) -> list[str]:
    """Return what people call the thing that would go, and how much of it there is."""
    _, target, rows = run.translate, plan.target or "", taken(run, plan)
    if plan.scope == "user":
        user = memory.users.get(target)
        pairs = [
            (_("user"), user.user_id),
            (_("name"), user.name or "–"),
            (_("product"), user.product or "–"),
            (_("created"), local_time(user.created_at)),
        ]
        return [*(f"{name}: {value}" for name, value in pairs), rows]
    if plan.scope == "everything":
        return [f"{_('everything')}: {rows}"]
    return [f"{_called(run, memory, plan.scope, target)}: {rows}"]


def _called(run: Run, memory: Memory, scope: str, target: str) -> str:
    if scope in ("session", "messages"):
        session = memory.sessions.get(target)
        return " · ".join(part for part in (session.name, session.user_id, target) if part)
    if scope == "snapshot":
        snapshot = memory.snapshots.get(target)
        return f"{snapshot.name} {snapshot.version} · {target}"
    if scope == "artifact":
        artifact = memory.artifacts.get(target)
        return " · ".join(part for part in (artifact.name, artifact.user_id, target) if part)
    if scope == "logs":
        return filtered(run, target or None) or run.translate("all log entries")
    return target


erase = Group(
    "erase",
    help=mark("Delete, after a restore point that brings it back."),
    commands=[
        _erasing(f"erase {what}")
        for what in ("user", "session", "messages", "memory", "snapshot", "artifact", "logs", "everything")
    ],
)
