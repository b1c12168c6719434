"""What the store holds and how it is, for people."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ingat.cli.language import mark
from ingat.cli.run import Run
from ingat.cli.tables import NARROW_COLUMNS, show_pairs
from ingat.core.i18n import Translate
from ingat.core.records import Check, Stats

_COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}
NAMES = (
    mark("files"),
    mark("sessions without owner"),
    mark("owners without session"),
    mark("messages without session"),
    mark("sessions whose message count or tokens are wrong"),
    mark("messages not in the index"),
    mark("memories not in the index"),
    mark("things in the index more than once"),
    mark("index entries of nothing"),
    mark("index entries of a wrong size"),
    mark("vectors of nothing"),
    mark("subjects with two values at once"),
    mark("users whose version is behind their index"),
    mark("reading every row"),
    mark("vectors missing"),
    mark("vectors of another embedder"),
)
"""What the doctor looks at."""
ADVICE = (
    mark("end the older value with `ingat memories retire`"),
    mark("`ingat reindex` rebuilds the index"),
    mark("restore the newest backup; do not go on writing"),
    mark("they are made behind the writes; `ingat reindex` makes them now"),
    mark("`ingat reindex` replaces them"),
)
STATES = (mark("ok"), mark("warn"), mark("bad"))
_COUNTED = {
    "rows": mark("{number} rows"),
    "faults": mark("{number} faults"),
}
_OF = mark("{number} of {total}")
_WORDS = (mark("possible"), mark("not possible"))


def show_checks(run: Run, checks: Sequence[Check]) -> None:
    """Write a table of what was checked: value, target, state and advice, and whether all is well."""
    _ = run.translate
    narrow = run.out.width < NARROW_COLUMNS
    if narrow:
        for check in checks:
            words = [_(check.name), _(check.state), _(check.advice) if check.advice else ""]
            show_pairs(run, [(words[1], f"{words[0]}: {measured(_, check.value)} ({measured(_, check.target)})")])
            if words[2]:
                run.say(f"      {words[2]}")
    else:
        run.draw(_check_table(run, checks))
    bad, warned = (sum(check.state == state for check in checks) for state in ("bad", "warn"))
    if bad:
        run.note(_("The store is not well. Nothing was changed; see the advice."))
    elif warned:
        run.note(_("The store is sound; there is something to do when you have time."))
    else:
        run.note(_("The store is sound."))


def _check_table(run: Run, checks: Sequence[Check]) -> Table:
    _ = run.translate
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    for heading in (_("check"), _("value"), _("target"), _("state"), _("advice")):
        table.add_column(heading, overflow="fold")
    for check in checks:
        state = Text(_(check.state), style=_COLOURS[check.state])
        advice = Text(_(check.advice) if check.advice else "")
        table.add_row(Text(_(check.name)), measured(_, check.value), measured(_, check.target), state, advice)
    return table


def measured(translate: Translate, value: str) -> str:
    """Return a measured value in the reader's language: `3 rows`, `0 faults`, `2 of 7`."""
    counted = re.fullmatch(r"(\d+) (rows|faults)", value)
    if counted:
        return translate(_COUNTED[counted[2]]).format(number=counted[1])
    of = re.fullmatch(r"(\d+) of (\d+)", value)
    if of:
        return translate(_OF).format(number=of[1], total=of[2])
    return translate(value) if value in _WORDS else value


def show_stats(run: Run, stats: Stats) -> None:
    """Write how much the store holds."""
    _ = run.translate
    sessions = stats.sessions
    states = (
        f"{sessions.active:,} {_('active')}, {sessions.closed:,} {_('closed')}, {sessions.archived:,} {_('archived')}"
    )
    pairs = [
        (_("users"), f"{stats.users.total:,}"),
        (_("sessions"), f"{sessions.total:,} ({states})"),
        (_("messages"), f"{stats.messages.total:,}"),
        (_("memories"), f"{stats.memories.total:,}"),
        (_("size"), f"{stats.size_bytes / 1_048_576:,.1f} MiB"),
        (_("embedder"), stats.embedder or _("none: by words only")),
    ]
    if stats.vectors_missing:
        pairs.append((_("vectors missing"), f"{stats.vectors_missing:,}"))
    show_pairs(run, pairs)
