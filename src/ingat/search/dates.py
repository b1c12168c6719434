"""The words of a row's own date among its terms, so that they can be told from words of its text."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ingat.core.dates import DAY_MS
from ingat.search.text import look_up, term_id
from ingat.search.times import MONTHS

_MONTH = 100
_YEARS = range(1900, 2200)


@cache
def _parts() -> dict[int, int]:
    """Return what part of a date a term names: 1 to 31 a day, 101 to 112 a month, 1900 and more a year."""
    parts = {term_id(str(number)): number for number in (*range(1, 32), *_YEARS)}
    for names in MONTHS.values():
        for month, name in enumerate(names.split(), 1):
            for main, others in look_up(name).groups:
                for term in (main, *(other for other, _ in others)):
                    parts[term] = _MONTH + month
    return parts


def date_part(term: int) -> int:
    """Return the part of a date that a term names (1 to 31 a day, 101 to 112 a month, else a year), or 0."""
    return _parts().get(term, 0)


def is_of_date(parts: NDArray[np.int32], at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each part of a date is one of the UTC moment (ms) beside it."""
    days = (at // DAY_MS).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    number = months.astype(np.int64)
    day = (days - months).astype(np.int64) + 1
    year, month = number // 12 + 1970, number % 12 + 1
    mine = np.where(parts > _YEARS.start - 1, year, np.where(parts > _MONTH, month + _MONTH, day))
    found: NDArray[np.bool_] = parts == mine
    return found
