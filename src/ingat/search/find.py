"""Exact word search over a user's rows: every word must be there. For searching a transcript, not for recall."""

from __future__ import annotations

import sys

import numpy as np

from ingat.search.filters import Filters, allowed, masks
from ingat.search.question import ask
from ingat.search.segment import Segment, View


def find_all_words(
    segment: Segment, text: str, filters: Filters | None = None, *, view: View | None = None
) -> list[int]:
    """Return the rows that hold every word of the text, or an inflection of it, newest first, then by position.

    Function words are not looked for; a text of nothing else finds nothing. Rows that came after `view` are not seen.
    """
    view = segment.view if view is None else view
    question = ask(text, segment, view=view, most_words=sys.maxsize)
    if not question.words or not view.rows:
        return []
    exact = question.weight == 1.0
    found = view.terms.find(question.terms[exact])
    met = np.unique(question.word[exact][found.which] * view.rows + found.rows)
    every = np.bincount(met % view.rows, minlength=view.rows) == len(question.words)
    seen = allowed(masks(segment, view, filters)) if filters is not None else None
    rows = np.flatnonzero(every if seen is None else every & seen)
    order = np.lexsort((-view.position[rows], -view.at[rows]))
    return [int(row) for row in rows[order]]
