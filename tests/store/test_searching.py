"""A search finds byte strings in files that come piece by piece."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingat.store.searching import Search


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6), st.lists(st.binary(max_size=6), max_size=5))
def test_a_search_finds_what_the_whole_file_holds(text: bytes, cuts: list[int], traces: list[bytes]) -> None:
    places = [0, *sorted(cuts), len(text)]
    search = Search(traces)
    search.look(text[begin:end] for begin, end in pairwise(places))
    assert set(search.found) == {each for each in traces if each and each in text}


def test_nothing_is_found_across_two_files() -> None:
    search = Search([b"ab"])
    search.look([b"a"])
    search.look([b"b"])
    assert (search.found, search.size_bytes) == ((), 2)


def test_what_is_found_in_two_files_is_told_once() -> None:
    search = Search([b"b", b"a", b"b"])
    search.look([b"xa", b"a"])
    search.look([b"ab"])
    assert search.found == (b"a", b"b")
