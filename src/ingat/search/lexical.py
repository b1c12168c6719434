"""Steps 1 and 2 of the ranking: BM25 over stems and their neighbours, coverage from the turns around, word pairs."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingat.search.layout import DECAY, Floats, Layout
from ingat.search.postings import Postings
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
MANY_POSTINGS = 5_000
"""Postings from which one step for each term is faster than one step for each posting."""


class Lexical(NamedTuple):
    """Values by row: what its own words give, own and neighbours' words, and pairs.

    `own[k]` holds what the question's word k gives, by line. `fits` says which rows hold a word of the question, or a
    neighbour word; a single character out of a Chinese word is not enough. `beyond_name` says that some row holds more
    of the question than the name of the author asked about, or that nothing else was asked for.
    """

    own: Floats
    fits: NDArray[np.bool_]
    beyond_name: bool
    words: Floats
    covered: Floats
    pairs: Floats

    @property
    def total(self) -> Floats:
        """The whole lexical score."""
        return self.covered + self.pairs


def lexical(view: View, question: Question, allowed: NDArray[np.bool_] | None) -> Lexical:
    """Score all rows by words; rows that are not allowed score nothing and give nothing to others."""
    layout, rows = view.layout, view.rows
    number = len(question.words)
    own = np.zeros((number, rows), np.float32)
    fits = np.zeros(rows, np.bool_)
    beyond_name = bool(question.named.all())
    if number:
        beyond_name |= _fill(own.reshape(-1), fits, view, question, allowed)
    if not number:
        covered = own
    elif rows <= DENSE_ROWS:
        covered = covered_dense(own, layout)
    else:
        covered = covered_sparse(own, layout)
    pairs = _pair_scores(view.pairs, view, question, allowed)
    return Lexical(own, fits, beyond_name, layout.to_rows(own.sum(0)), layout.to_rows(covered.sum(0)), pairs)


def _idf(rows: int, df: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.log1p((rows - df + 0.5) / (df + 0.5))


def _fill(
    flat: Floats, fits: NDArray[np.bool_], view: View, question: Question, allowed: NDArray[np.bool_] | None
) -> bool:
    """Write, for each word and line, the greatest BM25 value among the word's terms, and which rows hold a word.

    Return whether a row holds another word than the name of the author asked about.
    """
    found = view.terms.find(question.terms)
    idf = _idf(view.rows, found.df)
    idf = np.where(question.near, np.minimum(idf, idf[question.main]), idf)
    scale = (idf * question.weight * (K1 + 1)).astype(np.float32)
    which, rows, counts = found.which, found.rows, found.counts
    if allowed is not None:
        seen = allowed[rows]
        which, rows, counts = which[seen], rows[seen], counts[seen]
    whole = question.near | (question.weight >= 1)
    fits[rows if whole.all() else rows[whole[which]]] = True
    beyond_name = bool((whole & ~question.named)[which].any())
    tf = counts.astype(np.float32)
    norm = view.length[rows] * np.float32(K1 * B / view.mean_length) + np.float32(K1 * (1 - B))
    values = scale[which] * tf / (tf + norm)
    lines = rows if view.layout.lines is None else view.layout.lines[rows]
    keys = question.word[which] * view.rows + lines
    if len(keys) < MANY_POSTINGS:
        np.maximum.at(flat, keys, values)
        return beyond_name
    bounds = np.flatnonzero(np.diff(which, prepend=-1, append=-1))
    for begin, end in pairwise(bounds):
        here = keys[begin:end]
        flat[here] = np.maximum(flat[here], values[begin:end])
    return beyond_name


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


def _pair_scores(pairs: Postings, view: View, question: Question, allowed: NDArray[np.bool_] | None) -> Floats:
    """Return by row the weighted idf of the question's word pairs that stand in it."""
    if not len(question.pairs):
        return np.zeros(view.rows, np.float32)
    found = pairs.find(question.pairs)
    worth = PAIR * _idf(view.rows, found.df)
    out = np.bincount(found.rows, worth[found.which], view.rows).astype(np.float32)
    if allowed is not None:
        out[~allowed] = 0
    return out
