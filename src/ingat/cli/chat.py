"""`ingat chat`: a conversation on the console, and `ingat chat say` for a single sentence."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator

import click

from ingat.cli.command import Group, Option
from ingat.cli.conversation import Conversation
from ingat.cli.failures import FAILED
from ingat.cli.generated import command_of
from ingat.cli.language import mark
from ingat.cli.run import Run, current_run
from ingat.core.ids import check_id, normalise_user_id

CHANNEL = "console"


def _chat(user: str | None, channel: str) -> None:
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        return
    run = current_run()
    user_id = normalise_user_id(_own_name() if user is None else user)
    check_id(channel, "channel")
    with run.memory() as memory:
        conversation = Conversation(run, memory, user_id, channel)
        talking = sys.stdin.isatty()
        if talking and not run.json:
            conversation.greet()
        try:
            whole = all(map(conversation.hear, _lines(run, user_id, talking)))
        except KeyboardInterrupt:
            if not talking or run.json:
                raise
            click.echo(err=True)
            whole = True
        if talking and not run.json:
            conversation.part()
    if (conversation.store_gone and not whole) or (conversation.refused and not talking):
        context.exit(FAILED)


def _lines(run: Run, user_id: str, talking: bool) -> Iterator[str]:
    """Return what is typed or piped in, line by line."""
    if hasattr(sys.stdin, "reconfigure"):  # what is not UTF-8 is then refused line by line
        sys.stdin.reconfigure(encoding=None if talking else "utf-8", errors="surrogateescape")
    if not talking:
        for line in sys.stdin:
            yield line.rstrip("\n")
        return
    try:
        import readline  # noqa: F401  (gives `input` its history and editing keys)
    except ImportError:
        pass
    while True:
        try:
            yield input(f"{user_id}> ")
        except EOFError:
            click.echo(err=True)
            return


def _own_name() -> str:
    """Return the name of who is logged in; `console` where the system knows none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return CHANNEL


chat = Group(
    "chat",
    callback=_chat,
    invoke_without_command=True,
    help=mark("Talk on the console; what is said is remembered across runs.")
    + "\n\n"
    + mark(
        "Without a language model the answers quote what is remembered, with its date. /help shows what else there is."
    )
    + "\n\n"
    + mark("Lines may be piped in; with --json each line is answered by one JSON object on a line."),
    params=[
        Option(["--user"], metavar="USER", help=mark("who is talking; by default your name on this machine")),
        Option(
            ["--channel"],
            metavar="CHANNEL",
            default=CHANNEL,
            show_default=True,
            help=mark("where the conversation takes place, such as whatsapp:628111"),
        ),
    ],
    commands=[command_of("chat say")],
)
