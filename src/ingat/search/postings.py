"""Which rows hold a term, and how often: sorted runs of (term, row, count), looked up by binary search.

A run never changes. New rows go to a short tail that is sorted when it is first searched, and merged into the main run
when it holds `max(512, rows / 32)` rows; a reader that holds the old pair of runs goes on with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_EMPTY_KEYS = np.empty(0, np.uint64)


class Run:
    """Postings sorted by term, then row; `vocabulary[i]`'s postings are `[starts[i], starts[i + 1])`."""

    __slots__ = ("counts", "rows", "starts", "vocabulary")

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        """Take sorted keys: term << 32 | row << 8 | count."""
        terms = (keys >> np.uint64(32)).astype(np.uint32)
        low = keys.astype(np.uint32)
        self.rows: NDArray[np.int32] = (low >> np.uint32(8)).astype(np.int32)
        self.counts: NDArray[np.uint8] = low.astype(np.uint8)
        firsts = np.flatnonzero(terms[1:] != terms[:-1]) + 1
        self.starts: NDArray[np.int64] = (
            np.concatenate(([0], firsts, [len(terms)])) if len(terms) else np.zeros(1, np.int64)
        )
        self.vocabulary: NDArray[np.uint32] = terms[self.starts[:-1]]

    @property
    def keys(self) -> NDArray[np.uint64]:
        """The keys that the run was made of."""
        terms = np.repeat(self.vocabulary, np.diff(self.starts))
        return keys_of(terms, self.rows, self.counts)

    def spans(self, terms: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each term the first place of its postings and their number (0 when it has none)."""
        if not len(self.vocabulary):
            zeros = np.zeros(len(terms), np.int64)
            return zeros, zeros
        place = np.searchsorted(self.vocabulary, terms)
        place[place == len(self.vocabulary)] = 0
        first = self.starts[place]
        number = self.starts[place + 1] - first
        number[self.vocabulary[place] != terms] = 0
        return first, number

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(a.nbytes for a in (self.rows, self.counts, self.vocabulary, self.starts))


class Found(NamedTuple):
    """Postings of asked terms: `which[i]` is the place of the term among those asked; `df` counts rows a term."""

    which: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.uint8]
    df: NDArray[np.int64]


class Postings:
    """An unchanging view of one segment's postings; `appended` gives the next view."""

    __slots__ = ("_tail", "main", "tail_keys", "tail_rows")

    def __init__(
        self, main: Run | None = None, tail_keys: tuple[NDArray[np.uint64], ...] = (), tail_rows: int = 0
    ) -> None:
        """Make a view over a main run and the unsorted keys of the last `tail_rows` rows."""
        self.main = main if main is not None else Run(_EMPTY_KEYS)
        self.tail_keys = tail_keys
        self.tail_rows = tail_rows
        self._tail: Run | None = None

    def appended(self, keys: NDArray[np.uint64], new_rows: int, rows_before: int) -> Postings:
        """Return a view with the keys of `new_rows` more rows, whose numbers are above all others."""
        tail_rows = self.tail_rows + new_rows
        tail = (*self.tail_keys, keys)
        if tail_rows > max(512, rows_before // 32):
            return Postings(Run(_merged(self.main.keys, np.sort(np.concatenate(tail)))))
        if len(tail) > 64:
            tail = (np.concatenate(tail),)
        return Postings(self.main, tail, tail_rows)

    def find(self, terms: NDArray[np.uint32]) -> Found:
        """Return all postings of the terms."""
        main, tail = self.main, self._sorted_tail()
        first, number = main.spans(terms)
        which, place = _gathered(first, number)
        if tail is None:
            return Found(which, main.rows[place], main.counts[place], number)
        tail_first, tail_number = tail.spans(terms)
        tail_which, tail_place = _gathered(tail_first, tail_number)
        return Found(
            np.concatenate((which, tail_which)),
            np.concatenate((main.rows[place], tail.rows[tail_place])),
            np.concatenate((main.counts[place], tail.counts[tail_place])),
            number + tail_number,
        )

    def df(self, terms: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return the number of rows that hold each term."""
        number = self.main.spans(terms)[1]
        tail = self._sorted_tail()
        return number if tail is None else number + tail.spans(terms)[1]

    def _sorted_tail(self) -> Run | None:
        if not self.tail_rows:
            return None
        if self._tail is None:
            self._tail = Run(np.sort(np.concatenate(self.tail_keys)))
        return self._tail

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.main.nbytes + 3 * sum(keys.nbytes for keys in self.tail_keys)


def keys_of(
    terms: NDArray[np.uint32], rows: NDArray[np.int64] | NDArray[np.int32], counts: NDArray[np.uint8] | int
) -> NDArray[np.uint64]:
    """Return posting keys, unsorted; rows are below 2**24."""
    keys = terms.astype(np.uint64) << np.uint64(32)
    keys |= rows.astype(np.uint64) << np.uint64(8)
    keys |= np.asarray(counts, np.uint64)
    return keys


def _gathered(first: NDArray[np.int64], number: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for spans laid one after another the number of the span and the place in the run."""
    which = np.repeat(np.arange(len(first)), number)
    shift = first - (np.cumsum(number) - number)
    return which, np.arange(len(which)) + shift[which]


def _merged(old: NDArray[np.uint64], new: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return two sorted arrays as one."""
    if not len(old):
        return new
    return np.insert(old, np.searchsorted(old, new), new)
