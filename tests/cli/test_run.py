"""Sentences for people fit the terminal; what is to be copied is never broken."""

from __future__ import annotations

import pytest

from ingat.cli.run import in_lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        ("users: 1, aliases: 22, sessions: 3", ["users: 1, aliases: 22,", "sessions: 3"]),
        ("Do `ingat backup mirror --store a.db` now.", ["Do", "`ingat backup mirror --store a.db`", "now."]),
        ("Back with: ingat undo 0123456789abcdef", ["Back with:", "ingat undo 0123456789abcdef"]),
        ("See /a/long/path/without/any/blanks.db, please", ["See", "/a/long/path/without/any/blanks.db,", "please"]),
        ("one line\n  and another one that is longer", ["one line", "  and another one that is", "longer"]),
        ("記憶 記憶 記憶 記憶 記憶 記憶", ["記憶 記憶 記憶 記憶 記憶", "記憶"]),
    ],
    ids=["short", "counts", "backticks", "command", "path", "lines", "wide"],
)
def test_lines_are_broken_between_words_only(text: str, lines: list[str]) -> None:
    assert in_lines(text, 26).split("\n") == lines
