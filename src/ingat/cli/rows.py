"""Rows of cells as wide as the terminal: columns give way word by word, and what must stay whole may stand below."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Group
from rich.text import Text

from ingat.cli.run import Run

GAP, MARGIN = 2, 1
_BELOW = "   "
WORD_COLUMNS = (24, 12)
"""How wide a column stays for its longest word; where not even that fits, the second."""
_JUDGED = 50
"""Rows by which it is judged which way of setting them takes the fewest lines."""
_Words = tuple[tuple[int, ...], ...]
"""The widths of the words of a cell, paragraph by paragraph."""


class Heading(NamedTuple):
    """The heading of a column: `whole` keeps its cells on one line, `right` sets numbers.

    A column that is `below` may leave the table: its cells then stand on lines of their own, where they can be copied.
    """

    text: str
    whole: bool = False
    right: bool = False
    below: bool = False


def rows_drawn(run: Run, headings: Sequence[Heading], rows: Sequence[Sequence[Text]]) -> Group | None:
    """Return the table, or None where the terminal is too narrow for one.

    Words are broken only where no other way is left. Of two ways that fit the one with fewer lines is taken.
    """
    every, inside = range(len(headings)), [place for place, each in enumerate(headings) if not each.below]
    names = [Text(each.text) for each in headings]
    natural = [max(_width(row[place]) for row in [names, *rows]) for place in every]
    judged = [[_words(cell) for cell in row] for row in rows[:_JUDGED]]
    for limit in (run.out.width, *WORD_COLUMNS):
        least = [
            natural[place]
            if heading.whole
            else max(_word(names[place]), min(limit, max(_word(row[place]) for row in rows)))
            for place, heading in enumerate(headings)
        ]
        plans = [_plan(run.out.width, places, natural, least, judged) for places in (every, inside)]
        fitting = [plan for plan in plans if plan is not None]
        if fitting:
            best = min(fitting, key=lambda plan: _height(judged, plan) + len(judged) * (len(headings) - len(plan)))
            return Group(*_table(run, headings, rows, best))
    return None


def _plan(
    columns: int, places: Sequence[int], natural: list[int], least: list[int], judged: list[list[_Words]]
) -> dict[int, int] | None:
    """Return the widths of the columns at these places that take few lines, by place; None where they do not fit.

    From the natural widths on, the column gives way that costs the fewest lines for what it frees.
    """
    widths = {place: natural[place] for place in places}
    room = columns - MARGIN - GAP * (len(places) - 1)
    if sum(least[place] for place in places) > room:
        return None
    while (excess := sum(widths.values()) - room) > 0:
        now = _height(judged, widths)
        ways = [
            ((_height(judged, {**widths, place: width}) - now) / (before - width), width - before, place)
            for place, before in widths.items()
            for width in range(max(least[place], before - excess), before)
        ]
        _, change, place = min(ways)
        widths[place] += change
    return widths


def _height(judged: list[list[_Words]], widths: dict[int, int]) -> int:
    return sum(max(_lines_of(row[place], width) for place, width in widths.items()) for row in judged)


@lru_cache(maxsize=1 << 16)
def _lines_of(words: _Words, width: int) -> int:
    """Return how many lines words take that are set one behind the other; they stand in paragraphs."""
    lines = 0
    for paragraph in words:
        lines, used = lines + 1, 0
        for word in paragraph:
            if used and used + 1 + word > width:
                lines, used = lines + 1, 0
            lines += (word - 1) // width if word > width else 0
            used += (1 if used else 0) + (word if word <= width else (word - 1) % width + 1)
    return lines


def _table(run: Run, headings: Sequence[Heading], rows: Sequence[Sequence[Text]], widths: dict[int, int]) -> list[Text]:
    heads = [Text(each.text, style="bold") for each in headings]
    found = _set(_lines(run, heads, widths, bottom=True), headings, widths)
    found.append(Text("─" * (MARGIN + sum(widths.values()) + GAP * (len(widths) - 1))))
    for row in rows:
        found += _set(_lines(run, row, widths), headings, widths)
        below = [row[place] for place in range(len(row)) if place not in widths and row[place].plain]
        for cell in below:
            pieces = cell.wrap(run.out, max(run.out.width - len(_BELOW), 1), overflow="fold")
            found += [Text.assemble(_BELOW, piece, style="dim", overflow="fold") for piece in pieces]
    return found


def _lines(run: Run, row: Sequence[Text], widths: dict[int, int], *, bottom: bool = False) -> list[list[Text]]:
    """Return the lines of one row, each with a piece of every column; short cells end early, or with `bottom` late."""
    columns = [list(row[place].wrap(run.out, width, overflow="fold")) for place, width in widths.items()]
    height = max(len(column) for column in columns)
    for column in columns:
        empty = [Text()] * (height - len(column))
        column[:] = [*empty, *column] if bottom else [*column, *empty]
    return [list(line) for line in zip(*columns, strict=True)]


def _set(lines: list[list[Text]], headings: Sequence[Heading], widths: dict[int, int]) -> list[Text]:
    found = []
    for line in lines:
        text = Text(" " * MARGIN, no_wrap=True, overflow="ignore")
        for (place, width), piece in zip(widths.items(), line, strict=True):
            piece = piece.copy()
            piece.rstrip()
            blanks = " " * (width - piece.cell_len)
            text.append(blanks if headings[place].right else "").append_text(piece)
            text.append(("" if headings[place].right else blanks) + " " * GAP)
        text.rstrip()
        found.append(text)
    return found


def _width(text: Text) -> int:
    return max(cell_len(line) for line in text.plain.expandtabs(8).split("\n"))


def _word(text: Text) -> int:
    return max((cell_len(word) for word in text.plain.split()), default=0)


def _words(text: Text) -> _Words:
    return tuple(tuple(cell_len(word) for word in line.split()) for line in text.plain.split("\n"))
