"""The command `ingat`: a group that loads a command's module only when the command is used."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import click

from ingat import __version__
from ingat.cli.command import JSON, Group, Option
from ingat.cli.failures import INTERRUPTED, Interrupted, reader_left, report
from ingat.cli.language import mark, translate_in


class Entry(NamedTuple):
    """Where a command is, and the first sentence of its help."""

    module: str
    attribute: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "serve": Entry("ingat.cli.serve", "serve", mark("Answer over HTTP until stopped.")),
    "stop": Entry("ingat.cli.stop", "stop_", mark("Stop the servers of this store.")),
    "chat": Entry("ingat.cli.chat", "chat", mark("Talk on the console; what is said is remembered across runs.")),
    "users": Entry("ingat.cli.actions", "users", mark("Who the people are.")),
    "sessions": Entry("ingat.cli.actions", "sessions", mark("Conversations: open, list, close, archive.")),
    "messages": Entry("ingat.cli.messages", "messages", mark("What was said: list, search, append.")),
    "memories": Entry("ingat.cli.actions", "memories", mark("Facts and notes kept of a user.")),
    "recall": Entry("ingat.cli.actions", "recall", mark("Find the lines that fit a question.")),
    "remember": Entry("ingat.cli.actions", "remember", mark("Keep a fact or note about a user.")),
    "context": Entry(
        "ingat.cli.actions", "context", mark("Show what a model is given of a user, within the role's budget.")
    ),
    "search": Entry("ingat.cli.messages", "search", mark("Find the messages that hold every word.")),
    "keys": Entry("ingat.cli.actions", "keys", mark("Access keys of the HTTP server.")),
    "logs": Entry("ingat.cli.logs_follow", "logs", mark("What happened: add, list, count and follow log entries.")),
    "snapshots": Entry(
        "ingat.cli.actions", "snapshots", mark("Named states of an application: save, load, compare, export.")
    ),
    "artifacts": Entry(
        "ingat.cli.artifacts", "artifacts", mark("Files of sessions: datasets, models, preprocessors, vector stores.")
    ),
    "retention": Entry(
        "ingat.cli.retention", "retention", mark("The numbers that say what is archived, pruned or deleted, and when.")
    ),
    "jobs": Entry("ingat.cli.actions", "jobs", mark("What a server does by the clock: expiry, retention.")),
    "export": Entry("ingat.cli.transfer", "export", mark("Write everything, or one user's part, as portable JSON.")),
    "erase": Entry("ingat.cli.erase", "erase", mark("Delete, after a restore point that brings it back.")),
    "cleanup": Entry("ingat.cli.cleanup", "cleanup_", mark("Erase test users that nobody used for a while.")),
    "clear": Entry(
        "ingat.cli.clear", "clear", mark("Delete one user or everything, asking step by step, with the server stopped.")
    ),
    "backup": Entry(
        "ingat.cli.backup", "backup", mark("Copies of the store and restore points: make, list, check, bring back.")
    ),
    "operations": Entry("ingat.cli.undo", "operations", mark("What was deleted or restored, by whom and why.")),
    "purge": Entry("ingat.cli.purge", "purge", mark("Forget a person everywhere; there is no way back.")),
    "audit": Entry("ingat.cli.audit", "audit", mark("Who did what to whom, and why.")),
    "undo": Entry("ingat.cli.undo", "undo", mark("Take back what an operation did.")),
    "redo": Entry("ingat.cli.undo", "redo", mark("Do again what was undone.")),
    "restore": Entry(
        "ingat.cli.restore",
        "restore",
        mark("Bring back what a file holds: a backup, a restore point, or a backup of klar."),
    ),
    "move": Entry("ingat.cli.move", "move_", mark("Move the whole store into another one, such as one on PostgreSQL.")),
    "import": Entry("ingat.cli.datasets", "import_", mark("Bring in conversations from a file.")),
    "eval": Entry("ingat.cli.datasets", "evaluate_", mark("Measure recall on questions whose answers are known.")),
    "stats": Entry("ingat.cli.actions", "stats", mark("Show how much the store holds.")),
    "expire": Entry("ingat.cli.expire", "expire", mark("Close idle sessions and remember a summary of each.")),
    "retain": Entry("ingat.cli.retain", "retain", mark("Apply the retention policy: archive, compress, prune.")),
    "watch": Entry("ingat.cli.watch", "watch", mark("Show targets, numbers and log entries, live.")),
    "doctor": Entry("ingat.cli.doctor", "doctor", mark("Check rows, counters and index.")),
    "reindex": Entry("ingat.cli.doctor", "reindex", mark("Rebuild the recall index.")),
}


class LazyGroup(Group):
    """The root of all commands. Turns every error into a sentence or JSON object and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, loaded now; None when there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        try:
            found = getattr(importlib.import_module(entry.module), entry.attribute)
        except KeyboardInterrupt as error:
            told = translate_in(ctx)("Interrupted before the command began. Nothing was changed; it can be run again.")
            raise Interrupted(told) from error
        return found if isinstance(found, click.Command) else None

    def summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Return the name and the first sentence of each command, without loading any."""
        return [(name, entry.summary) for name, entry in COMMANDS.items()]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the words name; a wrong word is answered with the nearest names."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what goes wrong is reported, and ends the run with its exit code."""
        try:
            return super().invoke(ctx)
        except click.exceptions.Exit:
            raise
        except BrokenPipeError:
            ctx.exit(reader_left())
        except Exception as error:  # this is where all errors of a run end
            ctx.exit(report(error, ctx, as_json=bool(ctx.meta.get(JSON)) or "--json" in (ctx.obj or ())))
        except KeyboardInterrupt as error:
            ctx.exit(report(error, ctx, as_json=False))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run the command that the words name, and end the process with its exit code, in every mode."""
        _open_closed_streams()
        words = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(words, prog_name or "ingat", complete_var, False, obj=words, **extra)
            sys.stdout.flush()
        except click.ClickException as error:
            code = report(error, None, as_json="--json" in words)
        except (click.Abort, KeyboardInterrupt):
            code = INTERRUPTED
        except BrokenPipeError:
            code = reader_left()
        sys.exit(code if isinstance(code, int) else 0)


def _open_closed_streams() -> None:
    """Give a process that was started with closed standard streams empty ones."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open as long as the process


def _show_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"ingat {__version__}")
        context.exit()


cli = LazyGroup(
    "ingat",
    help=mark("The memory of a chatbot: who the person is, what was said, and how to get it back in time."),
    no_args_is_help=True,
    params=[
        Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help=mark("Show the version and leave."),
        )
    ],
)
