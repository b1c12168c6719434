"""Tables and records for people: as wide as the terminal allows, and one below the other where it is narrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ingat.cli.language import mark
from ingat.cli.operations import state as operation_state
from ingat.cli.operations import taken
from ingat.cli.run import Run, local_time, printable
from ingat.core.logs import LogEntry
from ingat.core.policy import PolicyVersion, RetentionPolicy
from ingat.core.records import Key, MemoryItem, Message, NewKey, Session, User
from ingat.core.reports import Job, Operation
from ingat.core.snapshots import Change, SnapshotHead

NARROW_COLUMNS = 72
"""Below this width rows are shown as blocks."""
_TIMES = ("_at", "valid_from", "valid_to", "at")


class Column(NamedTuple):
    """One column: its heading, what it shows of a record, and whether it is kept on one line."""

    heading: str
    value: Callable[[Run, Any], str]
    whole: bool = False


def _attribute(name: str) -> Callable[[Run, Any], str]:
    def value(run: Run, record: Any) -> str:
        found = getattr(record, name)
        return "" if found is None else str(found)

    return value


def _moment(name: str) -> Callable[[Run, Any], str]:
    def value(run: Run, record: Any) -> str:
        found = getattr(record, name)
        return "" if found is None else local_time(found)

    return value


def _who(run: Run, message: Message) -> str:
    return message.author or run.translate(message.role)


def _state(run: Run, session: Session) -> str:
    return run.translate(session.state)


def _role(run: Run, user: User) -> str:
    return f"{user.role} · {run.translate('protected')}" if user.protected else user.role


def _said(run: Run, message: Message) -> str:
    captions = [item.caption or item.name or item.url or item.kind for item in message.attachments]
    return "\n".join([message.content, *(f"[{caption}]" for caption in captions)]).strip()


def _key_state(run: Run, key: Key) -> str:
    return (
        run.translate("valid") if key.revoked_at is None else f"{run.translate('revoked')} {local_time(key.revoked_at)}"
    )


def _logged(run: Run, entry: LogEntry) -> str:
    return f"{entry.message}\n{msgspec.json.encode(entry.data).decode()}" if entry.data else entry.message


def _validity(run: Run, item: MemoryItem) -> str:
    since = local_time(item.valid_from)
    return since if item.valid_to is None else f"{since} – {local_time(item.valid_to)}"


def _saved(run: Run, head: SnapshotHead) -> str:
    return run.translate("automatic" if head.is_auto else "by hand")


def _size(run: Run, head: SnapshotHead) -> str:
    return f"{head.size_bytes:,}"


def _job_state(run: Run, job: Job) -> str:
    return run.translate("running" if job.running else "waiting" if job.enabled else "stopped")


def _job_summary(run: Run, job: Job) -> str:
    return run.translate(job.summary)


def _policy(run: Run, version: PolicyVersion) -> str:
    """Return the fields that are not at their defaults."""
    usual = RetentionPolicy()
    named = [(name, getattr(version.policy, name)) for name in RetentionPolicy.__struct_fields__]
    return ", ".join(f"{name} {_shown(name, value)}" for name, value in named if value != getattr(usual, name))


def _value(name: str) -> Callable[[Run, Any], str]:
    def value(run: Run, change: Change) -> str:
        absent = "added" if name == "before" else "removed"
        return "" if change.kind == absent else msgspec.json.encode(getattr(change, name)).decode()

    return value


COLUMNS: dict[type, tuple[Column, ...]] = {
    User: (
        Column(mark("user"), _attribute("user_id"), True),
        Column(mark("name"), _attribute("name")),
        Column(mark("role"), _role),
        Column(mark("product"), _attribute("product")),
        Column(mark("changed"), _moment("updated_at")),
    ),
    Session: (
        Column(mark("session"), _attribute("id"), True),
        Column(mark("user"), _attribute("user_id")),
        Column(mark("name"), _attribute("name")),
        Column(mark("channel"), _attribute("channel")),
        Column(mark("state"), _state),
        Column(mark("messages"), _attribute("message_count")),
        Column(mark("last message"), _moment("last_message_at")),
    ),
    Message: (
        Column(mark("time"), _moment("at"), True),
        Column(mark("who"), _who),
        Column(mark("text"), _said),
    ),
    MemoryItem: (
        Column(mark("memory"), _attribute("id"), True),
        Column(mark("kind"), lambda run, item: run.translate(item.kind)),
        Column(mark("subject"), _attribute("subject")),
        Column(mark("text"), _attribute("text")),
        Column(mark("holds since"), _validity),
    ),
    LogEntry: (
        Column(mark("time"), _moment("at"), True),
        Column(mark("level"), lambda run, entry: run.translate(entry.level), True),
        Column(mark("category"), _attribute("category")),
        Column(mark("source"), _attribute("source")),
        Column(mark("message"), _logged),
        Column(mark("user"), _attribute("user_id")),
        Column(mark("session"), _attribute("session_id")),
    ),
    Key: (
        Column(mark("key"), _attribute("id"), True),
        Column(mark("role"), _attribute("role")),
        Column(mark("user"), _attribute("user_id")),
        Column(mark("name"), _attribute("name")),
        Column(mark("made"), _moment("created_at")),
        Column(mark("state"), _key_state),
    ),
    SnapshotHead: (
        Column(mark("snapshot"), _attribute("id"), True),
        Column(mark("name"), _attribute("name")),
        Column(mark("version"), _attribute("version")),
        Column(mark("user"), _attribute("user_id")),
        Column(mark("saved"), _saved),
        Column(mark("bytes"), _size),
        Column(mark("time"), _moment("created_at"), True),
    ),
    Change: (
        Column(mark("place"), _attribute("path")),
        Column(mark("change"), lambda run, change: run.translate(change.kind), True),
        Column(mark("before"), _value("before")),
        Column(mark("after"), _value("after")),
    ),
    PolicyVersion: (
        Column(mark("number"), _attribute("number"), True),
        Column(mark("time"), _moment("changed_at"), True),
        Column(mark("who"), _attribute("actor")),
        Column(mark("differs from the defaults in"), _policy),
    ),
    Operation: (
        Column(mark("operation"), _attribute("id"), True),
        Column(mark("time"), _moment("created_at")),
        Column(mark("what"), _attribute("scope")),
        Column(mark("deleted"), taken),
        Column(mark("who"), _attribute("actor")),
        Column(mark("why"), _attribute("reason")),
        Column(mark("state"), operation_state),
    ),
    Job: (
        Column(mark("job"), _attribute("name"), True),
        Column(mark("what it does"), _job_summary),
        Column(mark("state"), _job_state),
        Column(mark("last run"), _moment("last_started_at")),
        Column(mark("next run"), _moment("next_at")),
        Column(mark("runs"), _attribute("runs")),
        Column(mark("failed"), _attribute("failures")),
        Column(mark("last error"), _attribute("last_error")),
    ),
}
NOTHING = {
    "users": mark("There are no users."),
    "sessions": mark("There are no sessions."),
    "messages": mark("There are no messages."),
    "memories": mark("There are no memories."),
    "keys": mark("There are no keys."),
    "logs": mark("There are no log entries."),
    "snapshots": mark("There are no snapshots."),
    "operations": mark("Nothing was deleted yet."),
    "policies": mark("The policy was never changed: the defaults hold."),
}
VALUES = (
    mark("user"),
    mark("assistant"),
    mark("system"),
    mark("tool"),
    mark("active"),
    mark("closed"),
    mark("archived"),
    mark("summary"),
    mark("fact"),
    mark("note"),
    mark("message"),
    mark("protected"),
    mark("debug"),
    mark("info"),
    mark("warn"),
    mark("error"),
    mark("valid"),
    mark("revoked"),
    mark("automatic"),
    mark("by hand"),
    mark("running"),
    mark("waiting"),
    mark("stopped"),
    mark("added"),
    mark("removed"),
    mark("changed"),
    mark("Close idle sessions and remember a summary of each"),
    mark("Apply the retention policy"),
    mark("Keep the day's measures"),
)
"""Words that records hold and people read."""


def show_rows(run: Run, rows: Sequence[Any], what: str) -> None:
    """Write a table of records of one kind, or that there are none."""
    if not rows:
        run.say(run.translate(NOTHING.get(what, mark("There is nothing."))))
        return
    columns = _used(run, rows)
    if run.out.width < NARROW_COLUMNS:
        for row in rows:
            show_pairs(run, [(run.translate(column.heading), column.value(run, row)) for column in columns])
            run.say("")
        return
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    for column in columns:
        table.add_column(run.translate(column.heading), no_wrap=column.whole, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(column.value(run, row))) for column in columns))
    run.draw(table)


def _used(run: Run, rows: Sequence[Any]) -> list[Column]:
    """Return the columns that say something of any row."""
    return [column for column in COLUMNS[type(rows[0])] if any(column.value(run, row) for row in rows)]


def show_record(run: Run, record: Any) -> None:
    """Write one record, one field a line; empty fields are left out."""
    if isinstance(record, NewKey):
        run.note(run.translate("This is shown only once; keep it safe."))
    pairs = []
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if value is None or value in ((), {}, ""):
            continue
        pairs.append((name, _shown(name, value)))
    show_pairs(run, pairs)


def show_pairs(run: Run, pairs: Sequence[tuple[str, str]]) -> None:
    """Write names and values below each other, the values in line."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            table.add_row(Text(name), Text(printable(value)))
    run.draw(table)


def _shown(name: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and name.endswith(_TIMES):
        return local_time(value)
    if isinstance(value, str | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return msgspec.json.encode(value).decode()
