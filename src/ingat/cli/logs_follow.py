"""`ingat logs`: add, list and count are nothing but their actions; `follow` is made by hand, because it never ends."""

from __future__ import annotations

from collections.abc import Iterator
from time import sleep

import msgspec

from ingat.cli.command import Command, Option
from ingat.cli.generated import group_of
from ingat.cli.language import mark
from ingat.cli.log_lines import show_log_lines
from ingat.cli.run import Run, current_run, write_line
from ingat.cli.values import OneOf, Whole
from ingat.core.limits import check_limit
from ingat.core.logs import LOG_LEVELS, LogEntry, LogFilters, LogLevel
from ingat.memory import Memory
from ingat.services.logs import checked_filters

POLL_S = 0.5
"""Time between two looks at the store."""
AT_ONCE = 500
"""Entries read from the store at a time."""

logs = group_of("logs", mark("What happened: add, list, count and follow log entries."))


def _follow(
    level: LogLevel | None,
    min_level: LogLevel | None,
    category: str | None,
    source: str | None,
    session: str | None,
    lines: int,
) -> None:
    run = current_run()
    check_limit(lines, "number of lines", 0)
    filters = checked_filters(
        LogFilters(level=level, min_level=min_level, category=category, source=source, session_id=session)
    )
    zone: str | None = ""
    try:
        with run.memory_of(run.settings) as memory:
            for entry in _entries(memory, filters, lines):
                zone = _show(run, entry, zone)
    except KeyboardInterrupt:
        return  # this is how it ends


def _entries(memory: Memory, filters: LogFilters, lines: int) -> Iterator[LogEntry]:
    """Yield the newest entries that fit, oldest first, and then every one that comes, for ever."""
    seq = memory.logs.last_seq()
    if lines:
        given = {name: getattr(filters, name) for name in filters.__struct_fields__}
        yield from (each for each in reversed(memory.logs.list(limit=lines, **given).items) if each.seq <= seq)
    while True:
        found = memory.logs.after(seq, AT_ONCE)
        for entry in found:
            seq = entry.seq
            if filters.admits(entry):
                yield entry
        if len(found) < AT_ONCE:
            sleep(POLL_S)


def _show(run: Run, entry: LogEntry, zone: str | None) -> str | None:
    if not run.json:
        return show_log_lines(run, (entry,), zone)
    write_line(msgspec.json.encode(entry))
    return zone


logs.add_command(
    Command(
        "follow",
        callback=_follow,
        help=mark("Print log entries as they come, until Ctrl-C.")
        + "\n\n"
        + mark("It reads the store, so no server is needed. With --json each entry is one line."),
        params=[
            Option(["--level"], type=OneOf(LOG_LEVELS), help=mark("only entries of this level")),
            Option(["--min-level"], type=OneOf(LOG_LEVELS), help=mark("this level or a graver one")),
            Option(["--category"], help=mark("only entries of this category")),
            Option(["--source"], help=mark("only entries of this source")),
            Option(["--session"], metavar="SESSION", help=mark("only entries about this session")),
            Option(
                ["--lines"],
                type=Whole(),
                default=10,
                show_default=True,
                help=mark("entries that are there to begin with"),
            ),
        ],
    )
)
