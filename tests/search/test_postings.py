from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingat.search.postings import Postings, keys_of

rows_of_terms = st.lists(
    st.dictionaries(st.integers(0, 2**32 - 1) | st.integers(0, 5), st.integers(1, 255)), max_size=40
)


def appended(view: Postings, first: int, rows: list[dict[int, int]]) -> Postings:
    terms = np.array([term for row in rows for term in row], np.uint32)
    counts = np.array([count for row in rows for count in row.values()], np.uint8)
    places = np.repeat(np.arange(first, first + len(rows)), [len(row) for row in rows])
    return view.appended(keys_of(terms, places, counts), len(rows), first)


@given(rows_of_terms, st.integers(1, 9), st.integers(0, 5))
def test_what_is_appended_in_pieces_is_found(rows: list[dict[int, int]], size: int, term: int) -> None:
    view = Postings()
    for first in range(0, len(rows), size):
        view = appended(view, first, rows[first : first + size])
    found = view.find(np.array([term, 7], np.uint32))
    expected = [(row, counts[term]) for row, counts in enumerate(rows) if term in counts]
    mine = found.which == 0
    assert sorted(zip(found.rows[mine].tolist(), found.counts[mine].tolist(), strict=True)) == expected
    assert found.df[0] == len(expected) == view.df(np.array([term], np.uint32))[0]


def test_merged_run_holds_what_the_tail_held_and_old_views_stay() -> None:
    old = appended(Postings(), 0, [{1: 2}, {1: 3, 2: 1}])
    new = appended(old, 2, [{1: 1}] * 600)
    assert new.tail_rows == 0
    assert new.find(np.array([1], np.uint32)).df.tolist() == [602]
    assert old.find(np.array([1], np.uint32)).rows.tolist() == [0, 1]


def test_run_gives_back_its_keys() -> None:
    view = appended(Postings(), 0, [{5: 1, 9: 255}] * 700)
    assert (np.diff(view.main.keys.astype(object)) > 0).all()
    assert len(view.main.keys) == 1400
