"""`ingat audit`: who did what to whom, and why; whether the trail is whole; and pruning it."""

from __future__ import annotations

import sys
from typing import Any

import click

from ingat.cli.asking import agree
from ingat.cli.audit_lines import line_of, operations_of
from ingat.cli.command import Argument, Command, Group, Option
from ingat.cli.failures import FAILED
from ingat.cli.generated import action_of, command_of, deliver
from ingat.cli.language import mark
from ingat.cli.progress import busy
from ingat.cli.run import Run, current_run, local_time
from ingat.core.audit import AuditCheck, AuditPruned
from ingat.core.records import Page
from ingat.memory import Memory


def _list(run: Run, memory: Memory, given: dict[str, Any]) -> Page[Any]:
    page = memory.audit.list(**given)
    person = given.get("user_id")
    if person is not None and not memory.audit.knows(person):
        told = run.translate("Nobody of the id {user} is known, neither here nor in the audit trail.")
        run.note(told.format(user=person))
    if run.json:
        return page
    operations = operations_of(memory, page.items)
    acting = any(each.actor.startswith("key:") for each in page.items)
    keys = {key.id: key.name for key in memory.keys.list()} if acting else {}
    lines = [line_of(run, each, operations.get(each.operation_id or ""), keys) for each in page.items]
    return Page(items=tuple(lines), next=page.next)


def _verify() -> None:
    run = current_run()
    with run.memory() as memory, busy(run, run.translate("Going through the audit trail")):
        check = memory.audit.verify()
    if run.json:
        deliver(run, action_of("audit verify"), check)
    else:
        _tell(run, check)
    if not check.whole:
        click.get_current_context().exit(FAILED)


def _tell(run: Run, check: AuditCheck) -> None:
    _ = run.translate
    for problem in check.problems:
        run.say(problem)
    entries = run.count(check.entries, _("{number} entry"), _("{number} entries"))
    pruned = _(", {number} before them pruned").format(number=f"{check.pruned:,}") if check.pruned else ""
    if check.whole:
        run.say(_("The audit trail is whole: {entries}{pruned}.").format(entries=entries, pruned=pruned))
        return
    run.say(_("The audit trail is not whole: {entries}{pruned}.").format(entries=entries, pruned=pruned))
    run.note(
        _(
            "Nothing was changed. Copy the store and its data directory before anything else; docs/audit.md says what"
            " each finding means."
        )
    )


def _prune(run: Run, memory: Memory, given: dict[str, Any]) -> AuditPruned:
    _ = run.translate
    sure = given.pop("yes")
    if not sure:
        if not sys.stdin.isatty():
            raise click.UsageError(
                _("Nobody can be asked here, so nothing was deleted. Give --yes to delete the old entries.")
            )
        asked = _("Delete the entries of the audit trail made before {time}? There is no way back.")
        agree(run, asked.format(time=local_time(given["before"])), _("Nothing was deleted."))
    return memory.audit.prune(**given)


def _pruning() -> Command:
    command = command_of("audit prune", perform=_prune)
    (before,) = (each for each in command.params if isinstance(each, Argument))
    before.help = mark("entries made before this time: a date, a date and time, or milliseconds UTC")
    command.params.insert(1, Option(["--yes"], is_flag=True, default=False, help=mark("delete without being asked")))
    return command


def _listing() -> Group:
    """Return the group, which lists when no command of it is named."""
    command = command_of("audit list", perform=_list)
    shared = {"store", "json", "lang"}
    own = [each for each in command.params if each.name not in shared]
    callback = command.callback
    assert callback is not None

    def alone(**values: Any) -> None:
        context = click.get_current_context()
        if context.invoked_subcommand is None:
            callback(**values)
            return
        given = next((each for each in own if _is_given(context, each)), None)
        if given is not None:
            text = current_run().translate("{option} belongs behind the word {command}, or nowhere.")
            raise click.UsageError(text.format(option=given.opts[0], command=context.invoked_subcommand))

    return Group(
        "audit",
        callback=alone,
        invoke_without_command=True,
        params=own,
        commands=[command, verify, _pruning()],
        help=mark("Who did what to whom, and why.")
        + "\n\n"
        + mark("Without a command it lists the entries, newest first: `ingat audit --user 628111`."),
    )


def _is_given(context: click.Context, parameter: click.Parameter) -> bool:
    source = context.get_parameter_source(parameter.name or "")
    return source is click.core.ParameterSource.COMMANDLINE


verify = Command(
    "verify",
    callback=_verify,
    help=mark("Check the chain of the audit trail.")
    + "\n\n"
    + mark("Reads only. The exit code is 1 when an entry was changed or is missing."),
)
audit = _listing()
