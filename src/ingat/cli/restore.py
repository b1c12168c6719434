"""`ingat restore`: bring back what a backup, a restore point or a file holds."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast, get_args

import click

from ingat.cli.asking import agree
from ingat.cli.command import Argument, Command, Option
from ingat.cli.generated import action_of, deliver
from ingat.cli.language import mark
from ingat.cli.progress import busy
from ingat.cli.restored import show_restored
from ingat.cli.run import Run, current_run
from ingat.cli.values import OneOf
from ingat.core.backups import Prefer, RestoreReport
from ingat.core.errors import BackupNotFound, InvalidFile
from ingat.memory import Memory

STANDARD = "-"
"""Stands for standard input."""
RESTORING, _COMPARING = mark("Restoring"), mark("Comparing the copy with the store")
_HELD_BYTES = 16 << 20
Restore = Callable[..., RestoreReport]


def _restore(
    source: str,
    users: tuple[str, ...],
    sessions: tuple[str, ...],
    prefer: Prefer,
    dry_run: bool,
    yes: bool,
    reason: str,
) -> None:
    run = current_run()
    wanted: dict[str, Any] = {"users": users, "sessions": sessions, "prefer": prefer, "reason": reason}
    with run.memory() as memory, ExitStack() as opened:
        restore = _opened(memory, source, opened)
        if not dry_run and not yes:
            ask(run, restore, wanted)
        with busy(run, run.translate(RESTORING)):
            report = restore(**wanted, dry_run=dry_run)
    deliver(run, action_of("restore"), report)


def _opened(memory: Memory, source: str, opened: ExitStack) -> Restore:
    """Return what restores from a file that is there, or else from the copy that has this name."""
    if source == STANDARD:
        kept = opened.enter_context(SpooledTemporaryFile(_HELD_BYTES, mode="w+b"))  # noqa: SIM115  # closed by the stack
        shutil.copyfileobj(sys.stdin.buffer, kept)
        return _from(memory, cast(BinaryIO, kept))
    path = Path(source)
    if not os.path.exists(source) and path.name == source:
        return lambda **given: _named(memory, source, given)
    try:
        file = cast(BinaryIO, opened.enter_context(open(path, "rb")))  # noqa: SIM115  # closed by the stack
    except OSError as error:
        raise InvalidFile(
            f"The file {source} cannot be read: {error.strerror or error}. Nothing was restored."
        ) from error

    return _from(memory, file)


def _from(memory: Memory, file: BinaryIO) -> Restore:
    def restore(**given: Any) -> RestoreReport:
        file.seek(0)
        return memory.restore(file, **given)

    return restore


def _named(memory: Memory, name: str, given: dict[str, Any]) -> RestoreReport:
    try:
        return memory.backups.restore(name, **given)
    except BackupNotFound as error:
        raise BackupNotFound(
            f"There is no file {name}, and no backup or restore point of this name; `ingat backup list` shows them."
            " Nothing was restored.",
            **error.details,
        ) from error


def ask(run: Run, restore: Restore, wanted: dict[str, Any]) -> None:
    """Show what would be done where rows have other versions by now, and ask; ends the run when the answer is no."""
    _ = run.translate
    with busy(run, _(_COMPARING)):
        plan = restore(**wanted, dry_run=True)
    if not plan.conflicts:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(
            _(
                "Rows have other versions by now, and nobody can be asked here, so nothing was restored. Give --yes to"
                " restore, or --dry-run to see them."
            )
        )
    show_restored(run, plan, asking=True)
    agree(run, _("Restore it so? A restore point is made first."), _("Nothing was restored."))


def yes_option() -> Option:
    """Return the option that spares the question."""
    return Option(["--yes"], is_flag=True, default=False, help=mark("restore without being asked"))


restore = Command(
    "restore",
    callback=_restore,
    help=mark("Bring back what a file holds: a backup, a restore point, or a backup of klar."),
    params=[
        Argument(["source"], metavar="FILE_OR_NAME", help=mark("a file, or the name of a backup or restore point")),
        Option(["--user", "users"], multiple=True, metavar="USER", help=mark("only this user; may be repeated")),
        Option(
            ["--session", "sessions"], multiple=True, metavar="SESSION", help=mark("only this session; may be repeated")
        ),
        Option(
            ["--prefer"],
            type=OneOf(get_args(Prefer)),
            default="current",
            show_default=True,
            help=mark("which version stays where both have one"),
        ),
        Option(["--dry-run"], is_flag=True, default=False, help=mark("only say what would be done")),
        yes_option(),
        Option(["--reason"], default="", metavar="REASON", help=mark("why; kept with the operation")),
    ],
)
