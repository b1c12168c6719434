"""What the store holds and how it is, for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Group
from rich.text import Text

from ingat.cli.board import hint_lines, numbers, of_process, target_table, timing_table
from ingat.cli.harmless import printable
from ingat.cli.jobs import often
from ingat.cli.language import mark
from ingat.cli.rows import Heading, rows_drawn
from ingat.cli.run import Run, local_time
from ingat.cli.tables import NARROW_COLUMNS, show_pairs
from ingat.core.i18n import Translate
from ingat.core.records import Check
from ingat.core.stats import Stats

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
    mark("compressed messages that cannot be read"),
    mark("kinds of log entries whose number is wrong"),
    mark("reading every row"),
    mark("audit trail"),
    mark("vectors missing"),
    mark("vectors of another embedder"),
    mark("sessions whose summary is missing"),
    mark("users beyond the size of the settings"),
    mark("files of artifacts missing"),
    mark("purges that did not end"),
    mark("data directory"),
    mark("secret.key"),
    mark("copies missing"),
    mark("newest backup"),
    mark("copies missing in the second place"),
    mark("encryption of backups"),
    mark("job {name}"),
)
"""What the doctor looks at."""
ADVICE = (
    mark("end the older value with `ingat memories retire`"),
    mark("`ingat reindex` rebuilds the index"),
    mark("restore the newest backup; do not go on writing"),
    mark("they are made behind the writes; `ingat reindex` makes them now"),
    mark("`ingat reindex` replaces them"),
    mark(
        "check INGAT_DATA (data directory) first; else put them back from a copy of the data directory, restore a"
        " backup, or erase the artifacts"
    ),
    mark(
        "check INGAT_DATA (data directory) first: it must name the folder that this store was used with; if it does,"
        " put back what is missing from a copy of that folder"
    ),
    mark("check INGAT_DATA (data directory) first; `ingat backup create` makes a new one"),
    mark("purge the person again: the same command goes on where it stopped; its certificate says what lacks"),
    mark("`ingat audit verify` says what was changed; copy the store and its data directory before anything else"),
    mark("`ingat expire` writes them"),
    mark("`ingat backup create` makes one; the job `backup` of a server does so every day"),
    mark("`ingat backup mirror` brings them there"),
    mark(
        'run INGAT_EXTRAS=encryption bin/run once, or pip install "ingat[encryption]" where Ingat was installed by pip;'
        " until then nothing is erased, and no copy is made"
    ),
    mark("see the setting backup_mirror and that place; `ingat backup mirror` tries again"),
    mark("`ingat jobs list` shows the error; `ingat jobs run` tries again"),
    mark("it was stopped; `ingat jobs start` lets the scheduler run it again"),
    mark("no server runs the scheduler: `ingat serve`, or `ingat jobs run` by cron"),
    mark("`ingat stats` names them; `ingat retain` archives and compresses old sessions"),
    mark("`ingat retain` archives and compresses old sessions"),
    mark("`ingat retain` archives and compresses old sessions and prunes logs"),
    mark("look at `ingat stats` for what takes long; a smaller top_k and budget make contexts faster"),
    mark("`ingat expire` closes idle sessions; the job `expire` does so by the clock"),
    mark("`ingat logs list --min-level error` shows what failed"),
)
STATES = (mark("ok"), mark("warn"), mark("bad"))
_COUNTED = {
    "rows": (mark("{number} row"), mark("{number} rows")),
    "faults": (mark("{number} fault"), mark("{number} faults")),
    "sessions": (mark("{number} session"), mark("{number} sessions")),
    "users": (mark("{number} user"), mark("{number} users")),
    "files": (mark("{number} file"), mark("{number} files")),
    "purges": (mark("{number} purge"), mark("{number} purges")),
    "copies": (mark("{number} copy"), mark("{number} copies")),
}
_OF = mark("{number} of {total}")
_WORDS = (
    mark("possible"),
    mark("not possible"),
    mark("never ran"),
    mark("stopped"),
    mark("none yet"),
    mark("none that can be used"),
    mark("there"),
    mark("not there"),
    mark("another one"),
    mark("cannot be read"),
    mark("package missing"),
    mark("package there"),
)
_ALERT = mark("{target}; alert {alert}")


def show_checks(run: Run, checks: Sequence[Check]) -> None:
    """Write a table of what was checked: value, target, state and advice, and whether all is well."""
    _ = run.translate
    drawn = _check_table(run, checks) if run.out.width >= NARROW_COLUMNS else None
    if drawn is None:
        for check in checks:
            words = [_named(_, check.name), _(check.state), _(check.advice) if check.advice else ""]
            show_pairs(run, [(words[1], f"{words[0]}: {measured(_, check.value)} ({_aim(_, check.target)})")])
            if words[2]:
                run.say(f"      {words[2]}")
    else:
        run.draw(drawn)
    bad, warned = (sum(check.state == state for check in checks) for state in ("bad", "warn"))
    if bad:
        run.note(_("The store is not well. Nothing was changed; see the advice."))
    elif warned:
        run.note(_("The store is sound; there is something to do when you have time."))
    else:
        run.note(_("The store is sound."))


def _check_table(run: Run, checks: Sequence[Check]) -> Group | None:
    """Return the table of what was checked; without the advice where there is none to give."""
    _ = run.translate
    headings = [Heading(_("check")), Heading(_("value")), Heading(_("target")), Heading(_("state"), whole=True)]
    rows = [
        [
            Text(_named(_, check.name)),
            Text(printable(measured(_, check.value))),
            Text(_aim(_, check.target)),
            Text(_(check.state), style=_COLOURS[check.state]),
        ]
        for check in checks
    ]
    if any(check.advice for check in checks):
        headings.append(Heading(_("advice"), whole=True, below=True))
        for row, check in zip(rows, checks, strict=True):
            row.append(Text(printable(_(check.advice)) if check.advice else ""))
    return rows_drawn(run, headings, rows)


def _aim(translate: Translate, target: str) -> str:
    """Return what a value should be; of nothing the unit is that of the value beside it."""
    return "0" if re.fullmatch(r"0 \w+", target) else measured(translate, target)


def measured(translate: Translate, value: str) -> str:
    """Return a measured value in the reader's language: `3 rows`, `0 faults`, `2 of 7`."""
    counted = re.fullmatch(rf"(\d+) ({'|'.join(_COUNTED)})", value)
    if counted:
        one, many = _COUNTED[counted[2]]
        return translate(one if counted[1] == "1" else many).format(number=f"{int(counted[1]):,}")
    of = re.fullmatch(r"(\d+) of (\d+)", value)
    if of:
        return translate(_OF).format(number=of[1], total=of[2])
    target = re.fullmatch(r"([<≥] .+); alert ([<>] .+)", value)
    if target:
        bounds = [_bound(translate, each) for each in target.groups()]
        return translate(_ALERT).format(target=bounds[0], alert=bounds[1])
    every = re.fullmatch(r"every (\S+) h", value)
    if every:
        return often(translate, float(every[1]))
    when = re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d) UTC", value)
    if when:
        moment = datetime.fromisoformat(when[1]).replace(tzinfo=UTC)
        return local_time(int(moment.timestamp() * 1000)) + value.removeprefix(when[0])
    return translate(value) if value in _WORDS else value


def _bound(translate: Translate, bound: str) -> str:
    """Return a bound with its unit in the reader's language: `< 1,000 sessions`."""
    sign, number, unit = bound.split(" ", 2)
    return f"{sign} {number} {translate(unit)}"


def _named(translate: Translate, name: str) -> str:
    """Return what was checked in the reader's language; jobs keep their names."""
    if name.startswith("job "):
        return translate("job {name}").format(name=name.removeprefix("job "))
    return translate(name)


def show_stats(run: Run, stats: Stats) -> None:
    """Write what the store holds, how this process works, and how both stand to the targets."""
    _, width = run.translate, run.out.width
    show_pairs(run, [*numbers(_, stats), *of_process(_, stats)])
    run.say("")
    run.draw(target_table(_, stats.targets, width))
    for line in hint_lines(_, stats.hints):
        run.draw(line)
    if any(each.count for each in stats.performance.timings):
        run.say("")
        run.draw(timing_table(_, stats.performance.timings))
