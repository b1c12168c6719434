"""Tables and records for people: as wide as the terminal allows, and one below the other where it is narrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ingat.cli.audit_lines import AuditLine
from ingat.cli.copies import holds_told, kind_told, size_told, why_made
from ingat.cli.harmless import printable
from ingat.cli.language import mark
from ingat.cli.operations import scope, taken, why
from ingat.cli.rows import Heading, rows_drawn
from ingat.cli.run import Run, local_time
from ingat.core.artifacts import Artifact
from ingat.core.backups import Backup
from ingat.core.policy import PolicyVersion, RetentionPolicy
from ingat.core.records import Key, MemoryItem, Message, NewKey, Session, User
from ingat.core.reports import Job, Operation
from ingat.core.snapshots import Change, SnapshotHead

NARROW_COLUMNS = 72
"""Below this width rows are shown as blocks."""
_JSON_COLUMNS = 48
"""Up to this many characters an object stands on one line."""
_TIMES = ("_at", "valid_from", "valid_to", "at")


class At(int):
    """A time in a cell: milliseconds UTC. The zone is told once, in the heading, where all of a list share it."""


Cell = str | tuple[str | At, ...]


class Column(NamedTuple):
    """One column: its heading, what it shows of a record, and how it stands (see `rows.Heading`)."""

    heading: str
    value: Callable[[Run, Any], Cell]
    whole: bool = False
    right: bool = False
    below: bool = False


def _attribute(name: str) -> Callable[[Run, Any], str]:
    def value(run: Run, record: Any) -> str:
        found = getattr(record, name)
        return "" if found is None else f"{found:,}" if isinstance(found, int) else str(found)

    return value


def _moment(name: str) -> Callable[[Run, Any], Cell]:
    def value(run: Run, record: Any) -> Cell:
        found = getattr(record, name)
        return "" if found is None else (At(found),)

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


def _key_state(run: Run, key: Key) -> Cell:
    return run.translate("valid") if key.revoked_at is None else (run.translate("revoked") + " ", At(key.revoked_at))


def _validity(run: Run, item: MemoryItem) -> Cell:
    since = At(item.valid_from)
    return (since,) if item.valid_to is None else (since, " – ", At(item.valid_to))


def _saved(run: Run, head: SnapshotHead) -> str:
    return run.translate("automatic" if head.is_auto else "by hand")


def _job_state(run: Run, job: Job) -> str:
    return run.translate("running" if job.running else "waiting" if job.enabled else "stopped")


def _job_summary(run: Run, job: Job) -> str:
    return run.translate(job.summary)


def _policy(run: Run, version: PolicyVersion) -> str:
    """Return the fields that are not at their defaults."""
    usual = RetentionPolicy()
    named = [(name, getattr(version.policy, name)) for name in RetentionPolicy.__struct_fields__]
    return ", ".join(f"{name} {shown(run, name, value)}" for name, value in named if value != getattr(usual, name))


def _value(name: str) -> Callable[[Run, Any], str]:
    def value(run: Run, change: Change) -> str:
        absent = "added" if name == "before" else "removed"
        return "" if change.kind == absent else msgspec.json.encode(getattr(change, name)).decode()

    return value


COLUMNS: dict[type, tuple[Column, ...]] = {
    AuditLine: (
        Column(mark("when"), _moment("at"), whole=True),
        Column(mark("who"), _attribute("who")),
        Column(mark("what"), _attribute("what")),
        Column(mark("whom"), _attribute("whom")),
        Column(mark("why"), _attribute("why")),
        Column(mark("way back"), _attribute("way"), whole=True, below=True),
    ),
    User: (
        Column(mark("user"), _attribute("user_id"), whole=True, below=True),
        Column(mark("name"), _attribute("name")),
        Column(mark("role"), _role),
        Column(mark("product"), _attribute("product")),
        Column(mark("changed"), _moment("updated_at")),
    ),
    Session: (
        Column(mark("session"), _attribute("id"), whole=True, below=True),
        Column(mark("user"), _attribute("user_id")),
        Column(mark("name"), _attribute("name")),
        Column(mark("channel"), _attribute("channel")),
        Column(mark("state"), _state),
        Column(mark("messages"), _attribute("message_count"), right=True),
        Column(mark("last message"), _moment("last_message_at")),
    ),
    Message: (
        Column(mark("time"), _moment("at"), whole=True),
        Column(mark("who"), _who),
        Column(mark("text"), _said),
    ),
    MemoryItem: (
        Column(mark("memory"), _attribute("id"), whole=True, below=True),
        Column(mark("kind"), lambda run, item: run.translate(item.kind)),
        Column(mark("subject"), _attribute("subject")),
        Column(mark("text"), _attribute("text")),
        Column(mark("holds since"), _validity),
    ),
    Key: (
        Column(mark("key"), _attribute("id"), whole=True, below=True),
        Column(mark("role"), _attribute("role")),
        Column(mark("user"), _attribute("user_id")),
        Column(mark("name"), _attribute("name")),
        Column(mark("made"), _moment("created_at")),
        Column(mark("state"), _key_state),
    ),
    SnapshotHead: (
        Column(mark("snapshot"), _attribute("id"), whole=True, below=True),
        Column(mark("name"), _attribute("name")),
        Column(mark("version"), _attribute("version"), right=True),
        Column(mark("user"), _attribute("user_id")),
        Column(mark("saved"), _saved),
        Column(mark("bytes"), _attribute("size_bytes"), right=True),
        Column(mark("time"), _moment("created_at"), whole=True),
    ),
    Artifact: (
        Column(mark("artifact"), _attribute("id"), whole=True, below=True),
        Column(mark("name"), _attribute("name")),
        Column(mark("kind"), _attribute("kind")),
        Column(mark("user"), _attribute("user_id")),
        Column(mark("bytes"), _attribute("size_bytes"), right=True),
        Column(mark("time"), _moment("created_at"), whole=True),
    ),
    Change: (
        Column(mark("place"), _attribute("path")),
        Column(mark("change"), lambda run, change: run.translate(change.kind), whole=True),
        Column(mark("before"), _value("before")),
        Column(mark("after"), _value("after")),
    ),
    PolicyVersion: (
        Column(mark("number"), _attribute("number"), right=True),
        Column(mark("time"), _moment("changed_at"), whole=True),
        Column(mark("who"), _attribute("actor")),
        Column(mark("differs from the defaults in"), _policy),
    ),
    Operation: (
        Column(mark("operation"), _attribute("id"), whole=True, below=True),
        Column(mark("time"), _moment("created_at"), whole=True),
        Column(mark("what"), scope),
        Column(mark("rows"), taken),
        Column(mark("who"), _attribute("actor")),
        Column(mark("why"), why),
        Column(mark("undone"), _moment("undone_at")),
    ),
    Backup: (
        Column(mark("name"), _attribute("name"), whole=True, below=True),
        Column(mark("time"), _moment("created_at"), whole=True),
        Column(mark("what"), kind_told),
        Column(mark("size"), lambda run, copy: size_told(run, copy.size_bytes), whole=True, right=True),
        Column(mark("holds"), holds_told),
        Column(mark("why"), why_made),
    ),
    Job: (
        Column(mark("job"), _attribute("name"), whole=True),
        Column(mark("what it does"), _job_summary),
        Column(mark("state"), _job_state),
        Column(mark("last run"), _moment("last_started_at")),
        Column(mark("next run"), _moment("next_at")),
        Column(mark("runs"), _attribute("runs"), right=True),
        Column(mark("failed"), _attribute("failures"), right=True),
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
    "audit": mark("There is no such entry in the audit trail."),
    "backups": mark("There are no backups and no restore points."),
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
    mark("yes"),
    mark("no"),
    mark("added"),
    mark("removed"),
    mark("changed"),
    mark("Close idle sessions and remember a summary of each"),
    mark("Apply the retention policy"),
    mark("Keep the day's measures"),
    mark("Copy the whole store, delete copies that are old, and bring the others to the second place"),
)
"""Words that records hold and people read."""


def show_rows(run: Run, rows: Sequence[Any], what: str) -> None:
    """Write a table of records of one kind, or that there are none."""
    if not rows:
        run.say(run.translate(NOTHING.get(what, mark("There is nothing."))))
        return
    columns = _used(run, rows)
    cells = [[column.value(run, row) for column in columns] for row in rows]
    drawn = _table(run, columns, cells) if run.out.width >= NARROW_COLUMNS else None
    if drawn is not None:
        run.draw(drawn)
        return
    for row in cells:
        show_pairs(
            run, [(run.translate(column.heading), _told(cell, None)) for column, cell in zip(columns, row, strict=True)]
        )
        run.say("")


def _table(run: Run, columns: Sequence[Column], cells: Sequence[Sequence[Cell]]) -> Group | None:
    zones = {_zone(part) for row in cells for cell in row for part in cell if isinstance(part, At)}
    zone = zones.pop() if len(zones) == 1 else None
    headings = []
    for place, column in enumerate(columns):
        text = run.translate(column.heading)
        timed = zone is not None and any(isinstance(part, At) for row in cells for part in row[place])
        headings.append(Heading(f"{text} ({zone})" if timed else text, column.whole, column.right, column.below))
    return rows_drawn(run, headings, [[Text(printable(_told(cell, zone))) for cell in row] for row in cells])


def _told(cell: Cell, zone: str | None) -> str:
    """Return a cell as text; times without their zone when it is told elsewhere."""
    if isinstance(cell, str):
        return cell
    return "".join(
        part if isinstance(part, str) else local_time(part) if zone is None else local_time(part).rpartition(" ")[0]
        for part in cell
    )


def _zone(moment: At) -> str:
    return local_time(moment).rpartition(" ")[2]


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
        pairs.append((name, shown(run, name, value)))
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


def shown(run: Run, name: str, value: Any) -> str:
    """Return the value of a field as people read it: times, numbers and yes or no; an object as JSON."""
    if isinstance(value, bool):
        return run.translate("yes" if value else "no")
    if isinstance(value, int):
        return local_time(value) if name.endswith(_TIMES) else f"{value:,}"
    if isinstance(value, str | float):
        return str(value)
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    raw = msgspec.json.encode(value)
    if len(raw) <= _JSON_COLUMNS:
        return raw.decode()
    return msgspec.json.format(raw, indent=2).decode()
