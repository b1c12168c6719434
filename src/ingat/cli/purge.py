"""`ingat purge user`: forget a person everywhere, after the id was typed once more, and print the certificate."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from ingat.cli.asking import typed
from ingat.cli.certificate import show_certificate, there_told
from ingat.cli.command import Command, Group, Option
from ingat.cli.failures import FAILED, Declined
from ingat.cli.generated import command_of
from ingat.cli.language import mark
from ingat.cli.progress import busy
from ingat.cli.run import Run, current_run, local_time
from ingat.core.backups import Certificate
from ingat.core.errors import BackupLocked, ProtectedUser, UserNotFound
from ingat.memory import Memory

YES = "YES"
"""What may be typed in place of the id."""


def _purging() -> Command:
    command = command_of("purge user")
    place = next(place for place, each in enumerate(command.params) if each.name == "reason")
    words = mark("why, without naming the person; kept in the ledger")
    command.params[place] = Option(["--reason"], required=True, metavar="TEXT", help=words)
    behind = next(place for place, each in enumerate(command.params, 1) if each.name == "dry_run")
    yes = Option(["--yes"], is_flag=True, default=False, help=mark("purge without being asked"))
    output = Option(["--output"], metavar="FILE", help=mark("write the certificate into this file too, as JSON"))
    command.params[behind:behind] = [yes, output]
    command.callback = _purge
    return command


def _purge(**values: Any) -> None:
    run = current_run()
    given = {name: value for name, value in values.items() if value is not None}
    sure, output = given.pop("yes") or given["dry_run"], given.pop("output", None)
    with run.memory() as memory:
        file = None if output is None else _reserve(run, Path(output))
        try:
            if not sure:
                _ask(run, memory, given)
            certificate = _purged(run, memory, given)
        except BaseException:
            if file is not None:
                file.unlink(missing_ok=True)
            raise
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(certificate), indent=2) + b"\n")
    if run.json:
        run.print_json(certificate)
    else:
        show_certificate(run, certificate)
    if not certificate.complete and not certificate.dry_run:
        click.get_current_context().exit(FAILED)


def _reserve(run: Run, path: Path) -> Path:
    """Make the file of the certificate, so that a purge that cannot be undone does not end without one."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        told = run.translate("The file {file} cannot be made ({error}). Nothing was purged; name another one.")
        raise click.ClickException(told.format(file=path, error=error.strerror)) from error
    return path


def _purged(run: Run, memory: Memory, given: dict[str, Any]) -> Certificate:
    try:
        with busy(run, run.translate("Looking through every place")):
            return memory.purge(**given)
    except (ProtectedUser, BackupLocked) as error:
        raise type(error)(_with_options(error.message), **error.details) from error


def _with_options(message: str) -> str:
    for said, option in (
        ("Nothing was deleted; `force` with a reason overrides it", "Nothing was purged; --force overrides it"),
        ("let `force` pass them over", "let --force pass them over"),
    ):
        message = message.replace(said, option)
    return message


def _ask(run: Run, memory: Memory, given: dict[str, Any]) -> None:
    """Show who would go and what of them, and have the id typed once more."""
    _ = run.translate
    if not sys.stdin.isatty():
        raise click.UsageError(
            _(
                "Nobody can be asked here, so nothing was purged. Give --yes to purge, or --dry-run to see what would"
                " go."
            )
        )
    plan = _purged(run, memory, {**given, "dry_run": True})
    for line in _who(run, memory, given["user_id"]):
        run.note(line)
    run.note(there_told(run, plan))
    run.note(_("This goes through restore points and backups too. There is no way back."))
    asked = _("Type the id to purge this person")
    if typed(asked, _("Nothing was purged.")) not in (given["user_id"], YES):
        raise Declined(_("Nothing was purged."))


def _who(run: Run, memory: Memory, user_id: str) -> list[str]:
    _ = run.translate
    try:
        user = memory.users.get(user_id)
    except UserNotFound:
        return [f"{_('user')}: {user_id} ({_('not in the store any more')})"]
    pairs = [
        (_("user"), user.user_id),
        (_("name"), user.name or "–"),
        (_("aliases"), ", ".join(user.aliases) or "–"),
        (_("created"), local_time(user.created_at)),
    ]
    return [f"{name}: {value}" for name, value in pairs]


purge = Group("purge", help=mark("Forget a person everywhere; there is no way back."), commands=[_purging()])
