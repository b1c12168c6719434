"""`ingat messages`: the list is made by hand, because it shows a session or all that a user said."""

from __future__ import annotations

from typing import Any

import click

from ingat.cli.command import Command, Option
from ingat.cli.generated import action_of, command_of, deliver, group_of
from ingat.cli.language import mark
from ingat.cli.run import current_run
from ingat.cli.values import Rows, Whole
from ingat.core.limits import MAX_PAGE
from ingat.core.records import Message, Page
from ingat.memory import Memory

messages = group_of("messages", mark("What was said: list, search, append."), leave=["messages list"])
search = command_of("messages search", name="search")


def _list_messages(
    user: str | None, session: str | None, limit: int | None, before: int | None, cursor: str | None
) -> None:
    run = current_run()
    _ = run.translate
    if (user is None) == (session is None):
        raise click.UsageError(_("Give either --user or --session."))
    if user is not None and before is not None:
        raise click.UsageError(_("--before goes with --session; with --user use --cursor."))
    if session is not None and cursor is not None:
        raise click.UsageError(_("--cursor goes with --user; with --session use --before."))
    found: Any
    with run.memory() as memory:
        if session is not None:
            found = memory.sessions.messages(session, limit, before)
        else:
            found = _history(memory, str(user), limit, cursor)
    deliver(run, action_of("messages list" if session is not None else "messages history"), found)


def _history(memory: Memory, user_id: str, limit: int | None, cursor: str | None) -> Page[Message]:
    """Return a page of the user's messages; without a limit, all of them."""
    if limit is not None:
        return memory.sessions.history(user_id, limit, cursor)
    items: list[Message] = []
    while True:
        page = memory.sessions.history(user_id, MAX_PAGE, cursor)
        items.extend(page.items)
        cursor = page.next
        if cursor is None:
            return Page(items=tuple(items))


messages.add_command(
    Command(
        "list",
        callback=_list_messages,
        help=mark("Show the newest messages of a session, oldest first; or of a user, newest first."),
        params=[
            Option(["--user"], metavar="USER", help=mark("id or alias of the user")),
            Option(["--session"], metavar="SESSION", help=mark("id of the session")),
            Option(["--limit"], type=Rows(), default=50, show_default=True, help=mark("rows on a page, or all")),
            Option(["--before"], type=Whole(), help=mark("only messages whose seq is below this")),
            Option(["--cursor"], help=mark("`next` of the page before")),
        ],
    )
)
