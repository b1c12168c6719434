"""`ingat backup`: copies of the whole store and restore points: make, list, check, compare, bring back, thin out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from ingat.cli.command import Command, Group
from ingat.cli.failures import FAILED
from ingat.cli.generated import Performer, action_of, bound, command_of, deliver
from ingat.cli.language import mark
from ingat.cli.progress import busy
from ingat.cli.restore import RESTORING, ask, yes_option
from ingat.cli.run import Run, current_run
from ingat.core.backups import RestoreReport
from ingat.memory import Memory


def _slowly(words: str, telling: str) -> Command:
    """Return the command of an action that takes a while, and says so meanwhile."""
    return command_of(words, perform=_telling(words.replace("backup ", "backups."), telling))


def _telling(name: str, telling: str) -> Performer:
    def perform(run: Run, memory: Memory, given: dict[str, Any]) -> Any:
        with busy(run, run.translate(telling)):
            return bound(memory, name)(**given)

    return perform


def _asking() -> Command:
    """Return the command that restores, which asks as `ingat restore` does."""
    command = command_of("backup restore", perform=_restored)
    behind = next(place for place, each in enumerate(command.params, 1) if each.name == "dry_run")
    command.params.insert(behind, yes_option())
    return command


def _restored(run: Run, memory: Memory, given: dict[str, Any]) -> RestoreReport:
    act = partial(memory.backups.restore, given.pop("name"))
    yes, dry_run = given.pop("yes"), given.pop("dry_run")
    if not yes and not dry_run:
        ask(run, act, given)
    with busy(run, run.translate(RESTORING)):
        return act(**given, dry_run=dry_run)


def _failing(words: str, telling: str, failed: Callable[[Any], bool], well: str = "") -> Command:
    """Return the command of an action whose answer may say that something is wrong; then the run fails.

    `well` is what people are told where nothing is wrong.
    """
    command = command_of(words)
    name, action = words.replace("backup ", "backups."), action_of(words)

    def run_it(**values: Any) -> None:
        run, given = current_run(), {key: value for key, value in values.items() if value is not None}
        with run.memory() as memory, busy(run, run.translate(telling)):
            result = bound(memory, name)(**given)
        deliver(run, action, result)
        if failed(result):
            click.get_current_context().exit(FAILED)
        if well and not run.json:
            run.say(run.translate(well))

    command.callback = run_it
    return command


backup = Group(
    "backup",
    help=mark("Copies of the store and restore points: make, list, check, bring back."),
    commands=[
        _slowly("backup create", mark("Copying the store")),
        command_of("backup list"),
        command_of("backup show"),
        _failing(
            "backup verify",
            mark("Reading the copy"),
            lambda found: found.problem is not None,
            mark("Every byte of it was read, and nothing is wrong with it."),
        ),
        _slowly("backup diff", mark("Comparing the copy with the store")),
        _asking(),
        _failing("backup prune", mark("Looking at the copies"), lambda report: bool(report.failed)),
        _failing("backup mirror", mark("Copying to the second place"), lambda report: bool(report.failed)),
    ],
)
