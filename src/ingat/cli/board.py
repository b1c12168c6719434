"""The board: targets with their states, numbers of the store, timings and log lines, as wide as the terminal is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ingat.cli.harmless import printable
from ingat.cli.language import mark
from ingat.cli.run import local_time
from ingat.core.i18n import Translate
from ingat.core.logs import LogEntry
from ingat.core.stats import SizeHint, Stats, Target, Timings

COLOURS = {"ok": "green", "warn": "yellow", "bad": "bold red", "unknown": "dim"}
LEVELS = {"debug": "dim", "info": "", "warn": "yellow", "error": "bold red"}
WIDE_COLUMNS = 100
"""From this width on numbers stand in two columns, and the basis of a target beside it."""
TARGETS = (
    mark("response time"),
    mark("added by memory"),
    mark("active sessions"),
    mark("store size"),
    mark("error rate"),
    mark("expiry rate"),
    mark("active sessions against the first week"),
    mark("recall accuracy"),
    mark("satisfaction"),
)
STATES = (mark("unknown"), mark("ok"), mark("warn"), mark("bad"))
KINDS = (
    mark("append"),
    mark("recall"),
    mark("context"),
    mark("chat"),
    mark("summary"),
    mark("embedding"),
    mark("request"),
)
_URGENCY = {"bad": 0, "warn": 1, "ok": 2, "unknown": 3}


def megabytes(size_bytes: float) -> str:
    """Return a size as people read it: `12.3 MiB`."""
    return f"{size_bytes / 1_048_576:,.1f} MiB"


def target_table(_: Translate, targets: Sequence[Target], width: int) -> Table:
    """Return the targets, those that call for somebody first; what is never measured here is left out."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    headings = [_("state"), _("measured"), _("value"), _("target"), _("alert")]
    for heading in (*headings, *([_("what it is taken from")] if width >= WIDE_COLUMNS else ())):
        table.add_column(heading, overflow="fold")
    shown = [each for each in targets if each.week is None or each.state != "unknown"]
    for each in sorted(shown, key=lambda each: _URGENCY[each.state]):
        name = _(each.name) if each.week is None else _("{name}, week {week}").format(name=_(each.name), week=each.week)
        sign, beyond = ("≥", "<") if each.better == "higher" else ("<", ">")
        value = "–" if each.value is None else f"{each.value:,.4g} {_(each.unit)}"
        alert = "" if each.alert is None else f"{beyond} {each.alert:,g} {_(each.unit)}"
        cells: list[RenderableType] = [
            Text(_(each.state), style=COLOURS[each.state]),
            name,
            value,
            f"{sign} {each.target:,g} {_(each.unit)}",
            alert,
        ]
        if width >= WIDE_COLUMNS:
            cells.append(Text(each.basis, style="dim"))
        table.add_row(*cells)
    return table


def timing_table(_: Translate, timings: Sequence[Timings]) -> Table:
    """Return how long each kind of work took; kinds that never happened are left out."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column(_("work of this process"), overflow="fold")
    for heading in (_("times"), _("failed"), "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    for each in timings:
        if each.count:
            quantiles = [f"{value:,.3g}" for value in (each.p50_ms or 0, each.p95_ms or 0, each.p99_ms or 0)]
            table.add_row(_(each.kind), f"{each.count:,}", f"{each.errors:,}", *quantiles)
    return table


def numbers(_: Translate, stats: Stats) -> list[tuple[str, str]]:
    """Return what there is, as pairs of a name and what it is."""
    sessions, growth, expiry = stats.sessions, stats.growth, stats.expiry
    by_state = (
        f"{sessions.active:,} {_('active')}, {sessions.closed:,} {_('closed')}, {sessions.archived:,} {_('archived')}"
    )
    errors = _("{number} error in a day") if stats.logs.errors_last_day == 1 else _("{number} errors in a day")
    grown = f"{growth.sessions_7_days:,.1f} {_('sessions')}"
    if growth.bytes_7_days is not None:
        grown += f", {megabytes(growth.bytes_7_days)}"
    ended = _("{expired} expired, {reset} reset in 7 days; {overdue} overdue, {pending} without summary").format(
        expired=f"{expiry.expired:,}",
        reset=f"{expiry.reset:,}",
        overdue=f"{expiry.overdue:,}",
        pending=f"{expiry.pending_summaries:,}",
    )
    pairs = [
        (_("users"), f"{stats.users.total:,}"),
        (_("sessions"), f"{sessions.total:,} ({by_state})"),
        (_("used in a day"), f"{growth.active_last_day:,}"),
        (_("messages"), f"{stats.messages.total:,}"),
        (_("memories"), f"{stats.memories.total:,}"),
        (_("logs"), f"{stats.logs.total:,} ({errors.format(number=f'{stats.logs.errors_last_day:,}')})"),
        (_("snapshots"), f"{stats.snapshots.total:,}"),
        (_("artifacts"), f"{stats.artifacts.total:,}"),
        (_("size"), megabytes(stats.size_bytes)),
        (_("growth per day"), grown),
        (_("ended"), ended),
        (_("embedder"), stats.embedder or _("none: by words only")),
    ]
    if stats.vectors_missing:
        pairs.append((_("vectors missing"), f"{stats.vectors_missing:,}"))
    if stats.counted_at is not None:
        pairs.append((_("counted at"), local_time(stats.counted_at)))
    return pairs


def of_process(_: Translate, stats: Stats) -> list[tuple[str, str]]:
    """Return what the process uses, as pairs of a name and what it is."""
    used, performance = stats.database, stats.performance
    held = "–" if stats.process.memory_bytes is None else megabytes(stats.process.memory_bytes)
    since = _("{minutes} min").format(minutes=f"{performance.uptime_s / 60:,.0f}")
    pairs = [
        (_("process"), f"{stats.process.pid}, {since}, {held}"),
        (
            _("database"),
            _("{reads} reads {read_s} s, {writes} writes {write_s} s, {waiting_s} s of it waiting").format(
                reads=f"{used.reads:,}",
                writes=f"{used.writes:,}",
                read_s=f"{used.read_s:,.2f}",
                write_s=f"{used.write_s:,.2f}",
                waiting_s=f"{used.waiting_s:,.2f}",
            ),
        ),
        (_("texts embedded"), f"{performance.texts_embedded:,}"),
    ]
    pairs += [(_("files"), f"{each.kind}: {each.count:,}, {megabytes(each.size_bytes)}") for each in stats.files]
    if performance.errors:
        most = sorted(performance.errors.items(), key=lambda each: -each[1])[:5]
        pairs.append((_("errors by code"), ", ".join(f"{code} {number:,}" for code, number in most)))
    return pairs


def pair_table(pairs: Sequence[tuple[str, str]], width: int) -> Table:
    """Return pairs, in two columns where there is room."""
    columns = 2 if width >= WIDE_COLUMNS else 1
    table = Table.grid(padding=(0, 2))
    half = -(-len(pairs) // columns)
    for row in range(half):
        cells: list[RenderableType] = []
        for name, value in pairs[row::half]:
            cells += [Text(name, style="dim"), Text(value)]
        table.add_row(*cells)
    return table


def hint_lines(_: Translate, hints: Sequence[SizeHint]) -> list[Text]:
    """Return a line for each user, and for the store, that has grown beyond the settings."""
    found = []
    for each in hints:
        who = _("the store") if each.user_id is None else printable(each.user_id)
        line = _("{who} has {size}, more than {limit}: {advice}").format(
            who=who, size=megabytes(each.size_bytes), limit=megabytes(each.limit_bytes), advice=_(each.advice)
        )
        found.append(Text(line, style="yellow"))
    return found


def log_table(entries: Sequence[LogEntry]) -> Table:
    """Return log entries, one a line, cut where the terminal ends."""
    table = Table.grid(padding=(0, 1))
    for _column in range(3):
        table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.expand = True
    for each in entries:
        at = datetime.fromtimestamp(each.at / 1000).astimezone()
        level = Text(each.level, style=LEVELS[each.level])
        message = printable(each.message).replace("\n", " ").replace("\t", " ")
        table.add_row(Text(f"{at:%H:%M:%S}", style="dim"), level, Text(printable(each.category)), Text(message))
    return table


def board(
    _: Translate, stats: Stats, entries: Sequence[LogEntry], width: int, head: str, rates: Sequence[tuple[str, str]]
) -> Group:
    """Return everything as one picture: what calls for somebody stands first."""
    parts: list[RenderableType] = [
        Text(head, style="bold", overflow="ellipsis", no_wrap=True),
        "",
        target_table(_, stats.targets, width),
        *hint_lines(_, stats.hints),
        "",
        pair_table([*numbers(_, stats), *rates, *of_process(_, stats)], width),
    ]
    if any(each.count for each in stats.performance.timings):
        parts += ["", timing_table(_, stats.performance.timings)]
    if entries:
        parts += [Padding(Text(_("newest log entries"), style="dim"), (1, 0, 0, 0)), log_table(entries)]
    return Group(*parts)
