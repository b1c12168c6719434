"""Segments made of short conversations, for the tests of search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ingat.search.embed.contract import Embedder
from ingat.search.embed.turns import encode_turns
from ingat.search.entry import analyse
from ingat.search.filters import Filters
from ingat.search.neighbours import shipped_neighbours
from ingat.search.question import Question, ask
from ingat.search.rank import Ranking, search
from ingat.search.segment import Entry, Segment

DAY_MS = 86_400_000
START_MS = 1_767_225_600_000
"""2026-01-01."""


class Turn(NamedTuple):
    """What a test says of a turn; the rest follows from its place."""

    text: str
    session: str | None = "s1"
    role: str | None = "user"
    author: str | None = None
    at: int = START_MS
    source: str = "message"
    valid_from: int | None = None
    valid_to: int | None = None


def entries_of(turns: Sequence[Turn], first: int = 0, embedder: Embedder | None = None) -> list[Entry]:
    """Return index rows at positions from `first` on, ids "m0", "m1", …; with vectors if an embedder is given."""
    vectors = [part.tobytes() for part in encode_turns(embedder, [turn.text for turn in turns])] if embedder else None
    out = []
    for place, turn in enumerate(turns):
        terms = analyse(turn.text, author=turn.author, at_ms=turn.at)
        position = first + place
        out.append(
            Entry(
                position,
                turn.source,
                f"m{position}",
                turn.session,
                position,
                turn.role,
                turn.author,
                turn.at,
                *terms,
                turn.valid_from,
                turn.valid_to,
                vectors[place] if vectors else None,
            )
        )
    return out


def segment_of(turns: Iterable[Turn | str], embedder: Embedder | None = None) -> Segment:
    """Return a segment of the turns; a string is a turn of the user in one session."""
    segment = Segment(embedder.dim if embedder else 4)
    segment.append(entries_of([Turn(turn) if isinstance(turn, str) else turn for turn in turns], embedder=embedder))
    return segment


def question_of(text: str, segment: Segment, embedder: Embedder | None = None) -> Question:
    """Return the question with the shipped neighbour words when there is an embedder."""
    return ask(text, segment, embedder=embedder, neighbours=shipped_neighbours() if embedder else None)


def rank(
    segment: Segment,
    text: str,
    *,
    embedder: Embedder | None = None,
    top_k: int = 5,
    filters: Filters | None = None,
    explain: bool = False,
) -> Ranking:
    """Ask and search in one call."""
    return search(segment, question_of(text, segment, embedder), top_k=top_k, filters=filters, explain=explain)


def rows(ranking: Ranking) -> list[int]:
    """Return the rows of the hits, best first."""
    return [hit.row for hit in ranking.hits]
