"""Tables fit: columns give way word by word, what must stay whole stands below, and nothing is lost."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from ingat.cli.rows import Heading, rows_drawn
from ingat.cli.run import Run

ID = "01a1fa129027757e09333b85e1ca72ab"


def drawn(columns: int, headings: list[Heading], rows: list[list[str]]) -> list[str] | None:
    """Return the lines of a table; None where it is too narrow."""
    run = Run(click.Context(click.Command("ingat")))
    run.out = Console(width=columns, force_terminal=False)
    table = rows_drawn(run, headings, [[Text(cell) for cell in row] for row in rows])
    if table is None:
        return None
    with run.out.capture() as kept:
        run.out.print(table)
    return kept.get().splitlines()


def test_where_there_is_room_everything_stands_on_one_line() -> None:
    lines = drawn(80, [Heading("id", True, below=True), Heading("name")], [[ID, "one"], [ID, "two"]])

    assert lines is not None
    assert [line.split() for line in lines[2:]] == [[ID, "one"], [ID, "two"]]


def test_what_may_stand_below_does_so_rather_than_break_words() -> None:
    texts = ["a conversation about refrigerators", "whatsapp:628111222333", "another long text of some words"]
    lines = drawn(80, [Heading("id", True, below=True), *map(Heading, "abc")], [[ID, *texts]])

    assert lines is not None
    assert lines[-1].strip() == ID
    assert [word for text in texts for word in text.split() if word not in " ".join(lines).split()] == []


def test_a_long_text_gives_way_before_short_values() -> None:
    rows = [["word " * 20, "not active"], ["word", "not active"], ["word", "not active"]]
    lines = drawn(40, [Heading("text"), Heading("state")], rows)

    assert lines is not None
    assert sum("not active" in line for line in lines) == 3


def test_words_are_broken_only_where_there_is_no_other_way() -> None:
    lines = drawn(40, [Heading("text"), Heading("state")], [["x" * 60, "active"]])

    assert lines is not None
    assert "active" in lines[2]
    assert "".join(lines[2:]).count("x") == 60


def test_where_not_even_that_fits_there_is_no_table() -> None:
    assert drawn(20, [Heading("id", True), Heading("name")], [[ID, "one"]]) is None


def test_cells_of_wide_characters_stay_in_line() -> None:
    lines = drawn(60, [Heading("name"), Heading("state")], [["東京", "a"], ["Tokyo", "b"]])

    assert lines is not None
    assert [Text(line[: line.index(end)]).cell_len for line, end in zip(lines[2:], "ab", strict=True)] == [8, 8]


@pytest.mark.parametrize("columns", [40, 80])
@given(
    rows=st.lists(
        st.lists(st.text("ab \n", max_size=40), min_size=3, max_size=3),
        min_size=1,
        max_size=6,
    )
)
def test_nothing_is_lost_and_every_line_fits(columns: int, rows: list[list[str]]) -> None:
    lines = drawn(columns, [Heading("one"), Heading("two", right=True), Heading("three", below=True)], rows)

    if lines is not None:
        assert max(map(len, lines)) <= columns
        told = "".join("".join(cell.split()) for row in rows for cell in row)
        assert sorted("".join("".join(line.split()) for line in lines[2:])) == sorted(told)
