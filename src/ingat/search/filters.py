"""Which rows a search may see. Filters apply before anything is scored.

What is outside them gives no score and does not count in the weights of words. It may only have a part in how the
question is read: by the names of authors, the user's languages, and which words of a very long question are rare.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingat.search.segment import ROLES, SOURCES, Segment, View

Mask = NDArray[np.bool_]


class Filters(NamedTuple):
    """Conditions that must all hold; None means no condition. Times are ms UTC.

    `since` is inclusive, `until` exclusive. `as_of`: the row was there (`at <= as_of`) and valid
    (`valid_from <= as_of < valid_to`). `valid_at`: the row is valid then, whenever it was said. `exclude` holds
    source ids. `kinds` are names of `segment.SOURCES`.
    """

    sessions: frozenset[str] | None = None
    since: int | None = None
    until: int | None = None
    kinds: frozenset[str] | None = None
    author: str | None = None
    role: str | None = None
    as_of: int | None = None
    valid_at: int | None = None
    exclude: frozenset[str] = frozenset()


def masks(segment: Segment, view: View, filters: Filters) -> dict[str, Mask]:
    """Return for each condition that is set, by its name, which rows of the view meet it."""
    found: dict[str, Mask] = {}
    if filters.sessions is not None:
        codes = [segment.sessions[name] for name in filters.sessions if name in segment.sessions]
        found["sessions"] = np.isin(view.session, np.array(codes, np.int32))
    if filters.since is not None:
        found["since"] = view.at >= filters.since
    if filters.until is not None:
        found["until"] = view.at < filters.until
    if filters.kinds is not None:
        kinds = [place for place, name in enumerate(SOURCES) if name in filters.kinds]
        found["kinds"] = np.isin(view.source, np.array(kinds, np.int8))
    if filters.author is not None:
        found["author"] = view.author == segment.authors.get(filters.author, -2)
    if filters.role is not None:
        found["role"] = view.role == (ROLES.index(filters.role) if filters.role in ROLES else -2)
    if filters.as_of is not None:
        moment = filters.as_of
        found["as_of"] = (view.at <= moment) & (view.valid_from <= moment) & (moment < view.valid_to)
    if filters.valid_at is not None:
        found["valid_at"] = (view.valid_from <= filters.valid_at) & (filters.valid_at < view.valid_to)
    if filters.exclude:
        kept = np.ones(view.rows, np.bool_)
        rows = [segment.row_of[name] for name in filters.exclude if name in segment.row_of]
        kept[[row for row in rows if row < view.rows]] = False
        found["exclude"] = kept
    return found


def allowed(found: dict[str, Mask]) -> Mask | None:
    """Return which rows meet every condition; None when there is no condition."""
    out: Mask | None = None
    for mask in found.values():
        out = mask if out is None else out & mask
    return out
