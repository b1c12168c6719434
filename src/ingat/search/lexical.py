"""Steps 1 and 2 of the ranking: BM25 over stems and their neighbours, coverage from the turns around, word pairs."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingat.search.dates import is_of_date
from ingat.search.layout import DECAY, Floats, Layout
from ingat.search.postings import Found, Postings
from ingat.search.question import Question
from ingat.search.segment import View

K1 = 1.5
"""How soon more occurrences of a word stop to count."""
B = 0.75
"""How much a long turn is held against it."""
PAIR = 0.5
"""Part of its idf that a pair of adjacent words adds."""
DENSE_ROWS = 6_000
"""Rows up to which one matrix (words x rows) is shifted; above, only its entries are."""
NEAR_FITS = 0.15
"""Weight from which on a neighbour word alone makes a row fit."""
NEAR_CARRIES = 0.3
"""Weight from which on a neighbour word alone shows that the question is about something that was said."""
MANY_POSTINGS = 5_000
"""Postings from which one step for each term is faster than one step for each posting."""


class Lexical(NamedTuple):
    """Values by row: what its own words give, own and neighbours' words, and pairs.

    `own[k]` holds what the question's word k gives, by line. `fits` says which rows hold a word of the question, or a
    neighbour word of at least `NEAR_FITS`; a single character out of a Chinese word is not enough, nor is the row's own
    date. `carried` says that some row holds more of the question than names of authors, dates and faint neighbours, or
    both a name and a faint neighbour, or that nothing but names and dates is asked for.
    """

    own: Floats
    fits: NDArray[np.bool_]
    carried: bool
    words: Floats
    covered: Floats
    pairs: Floats

    @property
    def total(self) -> Floats:
        """The whole lexical score."""
        return self.covered + self.pairs


def lexical(
    view: View,
    question: Question,
    allowed: NDArray[np.bool_] | None,
    counted: NDArray[np.bool_] | None = None,
) -> Lexical:
    """Score all rows by words; rows that are not allowed score nothing and give nothing to others.

    `counted`: the rows that the weights of words rest on; by default those that are allowed.
    """
    counted = allowed if counted is None else counted
    layout, rows = view.layout, view.rows
    number = len(question.words)
    own = np.zeros((number, rows), np.float32)
    fits = np.zeros(rows, np.bool_)
    carried = False
    number_seen = rows if counted is None else max(int(counted.sum()), 1)
    mean_length = view.mean_length if counted is None else max(float(view.length[counted].sum()) / number_seen, 1.0)
    if number:
        fill = _found(view.terms, question.terms, allowed, counted)
        fitting, carried = _fitting(view, question, fill)
        fits[fitting] = True
        _fill(own.reshape(-1), view, question, fill, number_seen, mean_length)
    if not number:
        covered = own
    elif rows <= DENSE_ROWS:
        covered = covered_dense(own, layout)
    else:
        covered = covered_sparse(own, layout)
    pairs = _pair_scores(view, question, (allowed, counted), number_seen)
    return Lexical(own, fits, carried, layout.to_rows(own.sum(0)), layout.to_rows(covered.sum(0)), pairs)


def _idf(rows: int, df: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.log1p((rows - df + 0.5) / (df + 0.5))


def _found(
    postings: Postings,
    terms: NDArray[np.uint32],
    allowed: NDArray[np.bool_] | None,
    counted: NDArray[np.bool_] | None,
) -> Found:
    """Return the postings of the terms in the rows that are allowed; `df` says how many rows that count hold each."""
    found = postings.find(terms)
    if counted is None:
        return found
    df = np.bincount(found.which[counted[found.rows]], minlength=len(terms))
    if allowed is None:
        return Found(found.which, found.rows, found.counts, df)
    seen = allowed[found.rows]
    return Found(found.which[seen], found.rows[seen], found.counts[seen], df)


def _fitting(view: View, question: Question, found: Found) -> tuple[NDArray[np.int32], bool]:
    """Return the rows (some more than once) that hold a word, and whether one of them carries the others."""
    near, which = question.near, found.which
    whole = np.where(near, question.weight >= NEAR_FITS, question.weight >= 1)
    dated = question.date > 0
    head = (question.named | dated)[question.main]
    fit = whole[which]
    if head.all():
        return found.rows[fit], True
    own = np.zeros(len(which), np.bool_)
    if dated.any():
        places = np.flatnonzero(dated[which] & (found.counts <= 1))
        own[places] = is_of_date(question.date[which[places]], view.at[found.rows[places]])
    fit &= ~own
    carries = np.where(near, (question.weight >= NEAR_CARRIES) & ~head, question.weight >= 1) & ~question.named
    carried = bool((carries[which] & ~own).any())
    if not carried and question.named.any():
        named = np.zeros(view.rows, np.bool_)
        named[found.rows[question.named[which]]] = True
        carried = bool(named[found.rows[(near & ~head)[which]]].any())
    return found.rows[fit], carried


def _fill(flat: Floats, view: View, question: Question, found: Found, number: int, mean_length: float) -> None:
    """Write, for each word and line, the greatest BM25 value among the word's terms."""
    idf = _idf(number, found.df)
    idf = np.where(question.near, np.minimum(idf, idf[question.main]), idf)
    scale = (idf * question.weight * (K1 + 1)).astype(np.float32)
    which, rows = found.which, found.rows
    tf = found.counts.astype(np.float32)
    norm = view.length[rows] * np.float32(K1 * B / mean_length) + np.float32(K1 * (1 - B))
    values = scale[which] * tf / (tf + norm)
    lines = rows if view.layout.lines is None else view.layout.lines[rows]
    keys = question.word[which] * view.rows + lines
    if len(keys) < MANY_POSTINGS:
        np.maximum.at(flat, keys, values)
        return
    bounds = np.flatnonzero(np.diff(which, prepend=-1, append=-1))
    for begin, end in pairwise(bounds):
        here = keys[begin:end]
        flat[here] = np.maximum(flat[here], values[begin:end])


def covered_dense(own: Floats, layout: Layout) -> Floats:
    """Return, for each word and line, the greatest of its own value and what the lines around give it."""
    covered = own.copy()
    for place in range(min(len(DECAY), own.shape[1] - 1)):
        distance = place + 1
        ahead, behind = covered[:, distance:], covered[:, :-distance]
        np.maximum(ahead, own[:, :-distance] * layout.following[place][:-distance], out=ahead)
        np.maximum(behind, own[:, distance:] * layout.preceding[place][distance:], out=behind)
    return covered


def covered_sparse(own: Floats, layout: Layout) -> Floats:
    """Do the same for the entries of the matrix only; what crosses a session has no share, so it changes nothing."""
    margin = len(DECAY)
    padded = np.zeros(own.size + 2 * margin, np.float32)
    covered = padded[margin:-margin]
    covered[:] = own.reshape(-1)
    keys = np.flatnonzero(covered > 0)
    values = covered[keys]
    lines = keys % own.shape[1]
    for place in range(len(DECAY)):
        for shares, step in ((layout.following[place], place + 1), (layout.preceding[place], -place - 1)):
            targets = keys + (margin + step)
            padded[targets] = np.maximum(padded[targets], values * shares[lines])
    return covered.reshape(own.shape)


def _pair_scores(
    view: View,
    question: Question,
    seen: tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None],
    number: int,
) -> Floats:
    """Return by row the weighted idf of the question's word pairs that stand in it."""
    if not len(question.pairs):
        return np.zeros(view.rows, np.float32)
    found = _found(view.pairs, question.pairs, *seen)
    worth = PAIR * _idf(number, found.df)
    return np.bincount(found.rows, worth[found.which], view.rows).astype(np.float32)
