"""The ranking of one user's rows for a question: words, coverage, vectors, neighbours, time, author and session.

Every constant was chosen on the development halves of LoCoMo and BEAM; the optimum is flat, and tuning it further
fits those files, not people.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingat.search.entry import HAS_TIME, LANGUAGE_SHIFT
from ingat.search.filters import Filters, Mask, allowed, masks
from ingat.search.layout import Floats
from ingat.search.lexical import Lexical, lexical
from ingat.search.question import Question
from ingat.search.segment import ROLES, SOURCES, Segment, View
from ingat.search.text import CODES
from ingat.search.vectors import Vectors

WORDS = 0.6
"""Weight of words against vectors."""
VECTORS = 0.4
"""Weight of vectors against words."""
WHEN = 0.2
"""Credit of a turn with a time expression when the question asks for a time."""
AUTHOR = 0.3
"""Credit of the turns of the author asked about."""
SESSION = 0.3
"""Part of its session's best score that a row receives."""
TWO_STAGE_ROWS = 6_000
"""Rows above which sentence vectors are compared for the best `CANDIDATES` rows only."""
CANDIDATES = 2_000
"""Rows whose sentence vectors are compared in a large segment."""
LINES_BEFORE_SUMMARY = 5
"""Lines of its own session that come before a summary, as far as so many fit: it says again what they say."""
NEAR_MISSES = 5
"""Near misses listed for each reason."""


class Hit(NamedTuple):
    """A ranked row. `parts` add up to `score`.

    `terms` are the question's words that stand in the row, `near` those of which only a neighbour word does.
    `cosine` is the row's best cosine with the question, None without vectors. `reason` is "words" or "meaning".
    """

    row: int
    score: float
    parts: dict[str, float]
    terms: tuple[str, ...]
    near: tuple[str, ...]
    cosine: float | None
    reason: str


class Miss(NamedTuple):
    """A row that was near: `why` is "beyond_top_k", "below_threshold" or "filtered:" and the filter's name.

    `parts` add up to `score`, which for a filtered row is the one it has without any filter.
    """

    row: int
    score: float
    why: str
    parts: dict[str, float]


class Ranking(NamedTuple):
    """Hits, best first; `mode` is "words" or "words+vectors"; `misses` is filled when asked to explain."""

    hits: tuple[Hit, ...]
    mode: str
    misses: tuple[Miss, ...] = ()


class _Scale(NamedTuple):
    """A min-max step: value -> (value - low) * factor."""

    low: float
    factor: float


class _Scores(NamedTuple):
    """Everything the parts of a row's score are read from; arrays by row."""

    final: Floats
    fits: Mask
    lexical: Lexical
    meaning: Floats | None
    cosine: Floats | None
    following: Floats
    answer: Floats
    credits: tuple[Floats, Floats]
    session: Floats
    gives_way: Floats
    scales: tuple[_Scale, _Scale, _Scale]


def search(
    segment: Segment,
    question: Question,
    *,
    view: View | None = None,
    top_k: int = 5,
    filters: Filters | None = None,
    threshold: float | None = None,
    explain: bool = False,
) -> Ranking:
    """Return the rows that fit the question, best first, at most `top_k`; none when nothing fits.

    A row fits when it holds a word of the question (or a neighbour word), or when its cosine reaches `threshold` (the
    embedder's own by default) and the embedder knows its language and the question's. When all that is met anywhere is
    names of authors, dates of rows and faint neighbour words, nothing fits; see `Lexical`.
    Equal scores are ordered newest first, then by position. `view`: rows that came after it are not seen.
    """
    view = segment.view if view is None else view
    with_vectors = question.vector is not None and segment.vectors.filled > 0
    mode = "words+vectors" if with_vectors else "words"
    found = masks(segment, view, filters) if filters is not None else {}
    seen = allowed(found)
    if not view.rows or top_k < 1 or (seen is not None and not seen.any()):
        scores = None
    else:
        scores = _score(view, segment.vectors if with_vectors else None, question, seen, threshold)
    best = _best(view, scores.final, scores.fits, top_k + (NEAR_MISSES if explain else 0)) if scores else []
    hits = _hits(view, question, scores, best[:top_k]) if scores else ()
    if not explain or not view.rows:
        return Ranking(hits, mode)
    misses: list[Miss] = []
    if scores:
        misses += [_miss(scores, row, "beyond_top_k") for row in best[top_k:]]
        unfit = ~scores.fits if seen is None else ~scores.fits & seen
        misses += [_miss(scores, row, "below_threshold") for row in _best(view, scores.final, unfit, NEAR_MISSES)]
    if seen is not None and not seen.all():
        free = _score(view, segment.vectors if with_vectors else None, question, None, threshold)
        for row in _best(view, free.final, free.fits & ~seen, NEAR_MISSES):
            name = next(name for name, mask in found.items() if not mask[row])
            misses.append(_miss(free, row, f"filtered:{name}"))
    return Ranking(hits, mode, tuple(misses))


def _score(
    view: View, vectors: Vectors | None, question: Question, seen: Mask | None, threshold: float | None
) -> _Scores:
    layout = view.layout
    counted = _counted(view, seen)
    lex = lexical(view, question, seen, counted)
    total = lex.total
    first = _scale(total, counted)
    base = _apply(total, first, seen) * np.float32(WORDS)
    fits = lex.fits if lex.carried else np.zeros(view.rows, np.bool_)
    meaning = cosine = None
    if vectors is not None and question.vector is not None:
        meaning, cosine = _meaning(vectors, question.vector, base, seen, counted)
        base = base + meaning
        passed = cosine >= (question.threshold if threshold is None else threshold)
        passed &= _understood(view, vectors, question)
        passed = passed if seen is None else passed & seen
        fits = (fits if lex.carried or not passed.any() else lex.fits) | passed
    line = layout.to_lines(base)
    following, answer = np.zeros_like(line), np.zeros_like(line)
    following[:-1] = line[1:] * layout.next_turn
    answer[1:] = line[:-1] * layout.answer
    following, answer = layout.to_rows(following), layout.to_rows(answer)
    mixed = base + following + answer
    second = _scale(mixed, counted)
    credit_when, credit_author = _credits(view, question)
    credited = _apply(mixed, second, seen) + credit_when + credit_author
    third = _scale(credited, counted)
    scored = _apply(credited, third, seen)
    session = layout.session_best(scored) * np.float32(SESSION)
    final = scored + session
    gives_way = _giving_way(view, final, fits)
    return _Scores(
        final + gives_way,
        fits,
        lex,
        meaning,
        cosine,
        following,
        answer,
        (credit_when, credit_author),
        session,
        gives_way,
        (first, second, third),
    )


def _counted(view: View, seen: Mask | None) -> Mask | None:
    """Return which rows the weights and the min-max steps rest on; None for all.

    Summaries are measured by what the other rows set, so that these keep the scores that they have without them. Where
    only summaries are seen, they count.
    """
    others = view.source != SOURCES.index("summary")
    if others.all():
        return seen
    counted = others if seen is None else others & seen
    return counted if counted.any() else seen


def _understood(view: View, vectors: Vectors, question: Question) -> Mask:
    """Return which rows may fit by meaning alone: those with a vector, in a language that the embedder understands."""
    known = vectors.known(view.rows)
    if question.understood is not None:
        codes = [place for place, code in enumerate(CODES, 1) if code in question.understood]
        known &= np.isin(view.flags >> LANGUAGE_SHIFT, np.array(codes, np.int32))
    return known


def _scale(values: Floats, seen: Mask | None) -> _Scale:
    """Return the min-max step over the rows seen; equal positive values all become 1."""
    if seen is not None:
        values = values[seen]
    low, high = float(np.min(values)), float(np.max(values))
    if high > low:
        return _Scale(low, 1.0 / (high - low))
    return _Scale(0.0, 1.0 / high if high > 0 else 0.0)


def _apply(values: Floats, scale: _Scale, seen: Mask | None) -> Floats:
    """Return scaled values; 0 for rows that are not seen."""
    out = (values - np.float32(scale.low)) * np.float32(scale.factor)
    return out if seen is None else out * seen


def _meaning(
    vectors: Vectors, question: NDArray[np.float32], base: Floats, seen: Mask | None, counted: Mask | None
) -> tuple[Floats, Floats]:
    """Return by row the weighted vector score, and the best cosine."""
    wholes = vectors.whole_cosines(question, len(base))
    known = vectors.known(len(base))
    if seen is not None:
        known &= seen
    if not known.any():
        return np.zeros_like(base), np.zeros_like(base)
    complete = None if bool(known.all()) else known
    among = complete if counted is None else counted & known
    if among is not None and not among.any():
        among = complete
    whole_part = _apply(wholes, _scale(wholes, among), complete)
    if len(base) <= TWO_STAGE_ROWS:
        sentences = vectors.sentence_cosines(question, wholes)
    else:
        rough = base + np.float32(VECTORS) * whole_part
        rows = np.sort(np.argpartition(rough, -CANDIDATES)[-CANDIDATES:])
        sentences = wholes.copy()
        sentences[rows] = vectors.sentence_cosines_of(question, wholes, rows)
    both = whole_part + _apply(sentences, _scale(sentences, among), complete)
    meaning = _apply(both, _scale(both, among), complete) * np.float32(VECTORS)
    return meaning, np.maximum(sentences, wholes)


def _credits(view: View, question: Question) -> tuple[Floats, Floats]:
    """Return by row the credit for a time expression, and for the author asked about.

    Memories are about the user, so they share the credit of an author who speaks as the user.
    """
    when = np.zeros(view.rows, np.float32)
    if question.when:
        when[(view.flags & HAS_TIME) != 0] = WHEN
    author = np.zeros(view.rows, np.float32)
    if question.author is not None:
        theirs = view.author == question.author
        author[theirs] = AUTHOR
        if bool((theirs & (view.role == ROLES.index("user"))).any()):
            author[(view.source != SOURCES.index("message")) & (view.author < 0)] = AUTHOR
    elif bool((view.role == ROLES.index("assistant")).any()):
        message = SOURCES.index("message")
        author[(view.role == ROLES.index("user")) | (view.source != message)] = AUTHOR
    return when, author


def _giving_way(view: View, scores: Floats, fits: Mask) -> Floats:
    """Return what is taken from each summary that fits, so that the lines it was made of come before it."""
    taken = np.zeros_like(scores)
    summaries = np.flatnonzero((view.source == SOURCES.index("summary")) & fits & (view.session >= 0))
    if not len(summaries):
        return taken
    lines = fits & (view.source == SOURCES.index("message")) & np.isin(view.session, view.session[summaries])
    rows = np.flatnonzero(lines)
    rows = rows[np.lexsort((-scores[rows], view.session[rows]))]
    sessions = view.session[rows]
    starts = np.searchsorted(sessions, view.session[summaries], "left")
    ends = np.searchsorted(sessions, view.session[summaries], "right")
    for row, start, end in zip(summaries.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if end > start:
            last = scores[rows[min(start + LINES_BEFORE_SUMMARY, end) - 1]]
            taken[row] = min(np.float32(0), last - np.float32(1e-5) - scores[row])
    return taken


def _best(view: View, scores: Floats, among: Mask, number: int) -> list[int]:
    """Return the rows of the highest scores: newest first, then by position, among equals."""
    rows = np.flatnonzero(among)
    if len(rows) > number:
        own = scores[rows]
        rows = rows[own >= np.partition(own, -number)[-number]]
    order = np.lexsort((view.position[rows], -view.at[rows], -scores[rows]))
    return [int(row) for row in rows[order[:number]]]


def _hits(view: View, question: Question, scores: _Scores, rows: list[int]) -> tuple[Hit, ...]:
    found = view.terms.find(question.terms[~question.near])
    words = question.word[~question.near]
    among = np.isin(found.rows, np.array(rows, np.int32))
    exact = set(zip(found.rows[among].tolist(), words[found.which[among]].tolist(), strict=True))
    return tuple(_hit(view, question, scores, row, exact) for row in rows)


def _hit(view: View, question: Question, scores: _Scores, row: int, exact: set[tuple[int, int]]) -> Hit:
    layout = view.layout
    line = row if layout.lines is None else int(layout.lines[row])
    met = [place for place in range(len(question.words)) if scores.lexical.own[place, line] > 0]
    terms = tuple(question.words[place] for place in met if (row, place) in exact)
    near = tuple(question.words[place] for place in met if (row, place) not in exact)
    cosine = None if scores.cosine is None else float(scores.cosine[row])
    reason = "words" if scores.lexical.fits[row] else "meaning"
    return Hit(row, float(scores.final[row]), _parts(scores, row), terms, near, cosine, reason)


def _miss(scores: _Scores, row: int, why: str) -> Miss:
    return Miss(row, float(scores.final[row]), why, _parts(scores, row))


def _parts(scores: _Scores, row: int) -> dict[str, float]:
    """Return what each step gave to a row's score; "base" is what the min-max steps took off."""
    first, second, third = scores.scales
    lex, outer = scores.lexical, second.factor * third.factor
    words = WORDS * first.factor * outer
    off = words * first.low + second.low * outer + third.low * third.factor
    given = {"gives_way": float(scores.gives_way[row])} if scores.gives_way[row] else {}
    return given | {
        "words": words * float(lex.words[row]),
        "coverage": words * float(lex.covered[row] - lex.words[row]),
        "pairs": words * float(lex.pairs[row]),
        "vector": outer * (float(scores.meaning[row]) if scores.meaning is not None else 0.0),
        "next_turn": outer * float(scores.following[row]),
        "answer": outer * float(scores.answer[row]),
        "when": third.factor * float(scores.credits[0][row]),
        "author": third.factor * float(scores.credits[1][row]),
        "session": float(scores.session[row]),
        "base": -off,
    }
