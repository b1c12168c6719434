"""`ingat clear`: klar's menu for operators: delete one user or everything, after a backup, with the server stopped."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any, NamedTuple

import click

from ingat.cli.clearing import Clearing, Ended, Outcome, close, write
from ingat.cli.command import Argument, Command, Option
from ingat.cli.failures import INTERRUPTED, report
from ingat.cli.language import mark
from ingat.cli.paused import Pause
from ingat.cli.run import Run, current_run
from ingat.core.errors import IngatError, ProtectedUser
from ingat.core.limits import MAX_PAGE
from ingat.memory import Memory

BACKUPS = "data/storage/backups"
"""Where klar kept its backups, below the present folder."""
FAILED, PROTECTED = 1, 3


class _Asked(NamedTuple):
    """What the command line asks for."""

    user: str | None
    everything: bool
    yes: bool
    force: bool
    reason: str
    folder: Path


def _clear(
    user: str | None,
    everything: bool,
    yes: bool,
    force: bool,
    reason: str,
    backup_dir: str,
    stop_cmd: str,
    start_cmd: str,
    leave_server: bool,
    list_ids: bool,
) -> None:
    run, context = current_run(), click.get_current_context()
    _ = run.translate
    asked = _Asked(user, everything, yes, force, reason, Path(backup_dir))
    _check(run, asked, list_ids=list_ids)
    if list_ids:
        with run.memory() as memory:
            _list_ids(run, memory)
        return
    stop_words, start_words = _words(run, "--stop-cmd", stop_cmd), _words(run, "--start-cmd", start_cmd)
    if user is None and not everything:
        write("=" * 60 + "\n🗑️  MEMORY MANAGEMENT TOOL\n" + "=" * 60)
    if leave_server:
        outcome = _work(run, context, asked)
        problems: list[str] = []
    else:
        pause = Pause(run, (lambda text: None) if run.json else write, stop_words, start_words)
        outcome = Outcome(INTERRUPTED)
        try:
            with pause():
                outcome = _work(run, context, asked)
        except KeyboardInterrupt:
            outcome = outcome._replace(code=outcome.code or INTERRUPTED)
        problems = pause.problems
    if run.json and outcome.answer is not None:
        run.print_json({**outcome.answer, "server_problems": problems})
    context.exit(outcome.code or (FAILED if problems else 0))


def _check(run: Run, asked: _Asked, *, list_ids: bool) -> None:
    """Refuse what cannot be asked for, before anything is stopped."""
    _ = run.translate
    if sum((asked.user is not None, asked.everything, list_ids)) > 1:
        raise click.UsageError(_("Name one user, or give --all, or --list-ids: one of them."))
    if asked.user is None and not asked.everything and not list_ids and (run.json or asked.yes):
        raise click.UsageError(_("The menu asks its questions itself; name a user or give --all for --yes and --json."))
    if (run.json or not sys.stdin.isatty()) and not asked.yes and (asked.user is not None or asked.everything):
        raise click.UsageError(_("Nobody can be asked here, so nothing was deleted. Give --yes to delete."))


def _work(run: Run, context: click.Context, asked: _Asked) -> Outcome:
    """Do what is asked for; what goes wrong is told here, before the server is started again."""
    _ = run.translate
    try:
        with run.memory() as memory:
            clearing = Clearing(run, memory, asked.folder, asked.reason, force=asked.force, sure=asked.yes)
            if asked.everything:
                return clearing.everything()
            return clearing.menu() if asked.user is None else clearing.one(asked.user)
    except Ended as error:
        write(f"\n{error}")
        if error.code == 0:
            close(_)
        return Outcome(error.code)
    except (KeyboardInterrupt, click.Abort):
        write("\n\n⚠️  " + _("Cancelled. What was not deleted yet stays."))
        return Outcome(INTERRUPTED)
    except (IngatError, OSError) as error:
        if not run.json:
            write("\n❌ " + _("It did not work:"))
        code = report(error, context, as_json=run.json)
        return Outcome(PROTECTED if isinstance(error, ProtectedUser) else code)


def _list_ids(run: Run, memory: Memory) -> None:
    found, cursor = list[str](), None
    while True:
        page = memory.users.list(MAX_PAGE, cursor=cursor, sort="created_at")
        if run.json:
            found += [each.user_id for each in page]
        else:
            for each in page:
                write(each.user_id)
        cursor = page.next
        if cursor is None:
            break
    if run.json:
        run.print_json({"users": found})


def _words(run: Run, option: str, command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        message = run.translate("The command `{command}` cannot be read: {reason}.")
        raise click.BadParameter(message.format(command=command, reason=error), param_hint=option) from None


def _text(name: str, metavar: str, help: str, **more: Any) -> Option:
    return Option([name], metavar=metavar, help=help, **{"default": "", **more})


clear = Command(
    "clear",
    callback=_clear,
    help=mark("Delete one user or everything, asking step by step, with the server stopped.")
    + "\n\n"
    + mark(
        "Without a user and --all it shows a menu, as the tool of klar did. Before every deletion it makes a restore"
        " point, and a backup of everything in klar's JSON shape. The server is stopped before and restarted after,"
        " when it was running. The exit code is 3 when a protected user stands in the way."
    ),
    params=[
        Argument(["user"], required=False, metavar="[USER]", help=mark("id or alias of the user to delete")),
        Option(["--all", "everything"], is_flag=True, help=mark("delete everybody with everything")),
        Option(["--yes"], is_flag=True, help=mark("delete without being asked")),
        _text("--reason", "REASON", mark("why; kept with the operation")),
        Option(["--force"], is_flag=True, help=mark("delete protected users too; needs a reason")),
        _text("--backup-dir", "DIR", mark("where the backup in klar's shape goes"), default=BACKUPS, show_default=True),
        _text("--stop-cmd", "COMMAND", mark("run this to stop the server, in place of stopping it")),
        _text("--start-cmd", "COMMAND", mark("run this to start the server, in place of starting it")),
        Option(["--leave-server"], is_flag=True, help=mark("leave the server running")),
        Option(["--list-ids"], is_flag=True, help=mark("only list the ids of all users, one a line")),
    ],
)
