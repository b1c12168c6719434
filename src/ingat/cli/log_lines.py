"""Log entries for people: one a line, with the second; on a terminal long ones go on below, word by word."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.text import Text

from ingat.cli.harmless import printable
from ingat.cli.run import Run, local_time
from ingat.core.logs import LOG_LEVELS, LogEntry

STYLES = {"debug": "dim", "info": "", "warn": "yellow", "error": "bold red"}
_INDENT = 4


def show_log_lines(run: Run, entries: Sequence[LogEntry], zone: str | None = "") -> str | None:
    """Write entries in the order given, and return the zone of the times that stand there last.

    A line that goes into a file or pipe says everything by itself. On a terminal the zone of the times is told in a
    line of its own, where it is another than `zone`, which stood there before; with None in the line itself.
    """
    terminal = run.out.is_terminal
    apart = terminal and zone is not None
    for entry in entries:
        clock, _, of_this = local_time(entry.at, seconds=True).rpartition(" ")
        if apart and of_this != zone:
            zone = of_this
            run.out.print(Text(run.translate("Times are {zone}.").format(zone=zone), style="dim"))
        line = _line(run, entry, clock if apart else f"{clock} {of_this}")
        if terminal:
            for place, piece in enumerate(_pieces(run, line)):
                run.out.print(Text(" " * _INDENT if place else "") + piece, highlight=False, soft_wrap=True)
        else:
            run.out.print(line, soft_wrap=True, highlight=False)
    return zone


def _pieces(run: Run, line: Text) -> list[Text]:
    """Return a line as pieces that fit the terminal, the later ones indented."""
    (first, *_) = line.wrap(run.out, run.out.width, overflow="fold")
    rest = line[len(first) :]
    rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
    pieces = [first, *(rest.wrap(run.out, max(run.out.width - _INDENT, 1), overflow="fold") if rest.plain else [])]
    for piece in pieces:
        piece.rstrip()
    return pieces


def _line(run: Run, entry: LogEntry, time: str) -> Text:
    level_columns = max(len(run.translate(level)) for level in LOG_LEVELS)
    line = Text(f"{time}  ")
    line.append(f"{run.translate(entry.level):{level_columns}}", style=STYLES[entry.level])
    data = msgspec.json.encode(entry.data) if entry.data else b""
    if data and run.out.is_terminal:
        data = msgspec.json.format(data, indent=0)  # with blanks, at which it goes on below
    line.append(_one_line(f"  {entry.category} · {entry.source}  {entry.message}  {data.decode()}".rstrip()))
    about = ((run.translate("user"), entry.user_id), (run.translate("session"), entry.session_id))
    told = ", ".join(f"{name} {value}" for name, value in about if value and value not in entry.message)
    if told:
        line.append(_one_line(f"  ({told})"), style="dim")
    return line


def _one_line(text: str) -> str:
    return printable(text).replace("\n", " ").replace("\t", " ")
