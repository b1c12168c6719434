"""Scripts of SQL, cut into statements by what SQLite and PostgreSQL take for quotes, comments and bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ingat.core.errors import StoreError

_PIECE = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\* )
    | (?P<quoted> \b[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`
        | \$(?P<tag>(?:[^\W\d]\w*)?)\$ .*? \$(?P=tag)\$ )
    | (?P<word> \w[\w$]* )
    | (?P<unclosed> ['"`] | \$(?:[^\W\d]\w*)?\$ )
    | (?P<end> ; )
    """,
    re.DOTALL | re.VERBOSE,
)
_EDGE = re.compile(r"/\*|\*/")
_WITH_BODY = re.compile(r"CREATE (OR REPLACE )?(TEMP |TEMPORARY |CONSTRAINT )?(TRIGGER|FUNCTION|PROCEDURE)\b")
"""Statements that may have others between BEGIN and END, each with a semicolon of its own."""
_FIRST_WORDS = 5


def statements(sql: str) -> Iterator[str]:
    """Yield the statements of a script, each with its semicolon and the comments before it.

    A semicolon in quotes, in a comment (which may hold others), between dollar quotes, or in the body of a trigger or
    function (BEGIN … END) ends nothing. StoreError when the script ends within a statement.
    """
    start = place = depth = 0
    words: list[str] = []
    empty = True
    while (found := _PIECE.search(sql, place)) is not None:
        place, kind = found.end(), found.lastgroup
        if kind == "comment":
            place = _behind(sql, place) if found[0] == "/*" else place
            continue
        empty = False
        if kind == "unclosed":
            break
        if kind == "word":
            words += [found[0].upper()] if len(words) < _FIRST_WORDS else []
            depth = _deeper(found[0].upper(), depth, words)
        elif kind == "end" and depth == 0:
            yield sql[start:place].strip()
            start, words, empty = place, [], True
    if not empty:
        raise _unfinished(sql[start:])


def _deeper(word: str, depth: int, words: Sequence[str]) -> int:
    """Return how many BEGINs, and CASEs within, are open behind a word; `words` are the first of the statement."""
    if word not in ("BEGIN", "CASE", "END") or not _WITH_BODY.match(" ".join(words)):
        return depth
    if word == "END":
        return max(0, depth - 1)
    return depth + 1 if word == "BEGIN" or depth else 0


def _behind(sql: str, place: int) -> int:
    """Return where a comment ends that was opened just before a place."""
    begun, depth = place - 2, 1
    while depth:
        edge = _EDGE.search(sql, place)
        if edge is None:
            raise _unfinished(sql[begun:])
        depth += 1 if edge[0] == "/*" else -1
        place = edge.end()
    return place


def _unfinished(rest: str) -> StoreError:
    return StoreError(
        "A schema file ends within a statement, a quotation or a comment. Nothing of it was kept.",
        statement=rest.strip()[:1_000],
    )
