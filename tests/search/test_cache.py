from __future__ import annotations

from ingat.search.cache import SegmentCache
from ingat.search.segment import EMPTY_BYTES
from tests.search.turns import segment_of


def test_users_without_rows_count_too() -> None:
    cache = SegmentCache(5 * EMPTY_BYTES)
    for number in range(100):
        cache.hold(f"u{number}")
    assert cache.sizes() == (5, 5 * EMPTY_BYTES)


def test_no_more_users_are_held_than_the_limit() -> None:
    cache = SegmentCache(2**30, most_users=3)
    held = [cache.hold(f"u{number}") for number in range(5)]
    assert cache.sizes()[0] == 3
    assert cache.hold("u4") is held[4]
    assert cache.hold("u0") is not held[0]


def test_least_recently_used_goes_first_and_the_one_in_use_stays() -> None:
    cache = SegmentCache(3 * EMPTY_BYTES)
    for name in ("a", "b", "c", "a"):
        cache.hold(name)
    held = cache.hold("b")
    held.segment = segment_of(["a red car"] * 200)
    cache.measure("b", held)
    assert cache.sizes() == (1, held.segment.nbytes)
    assert cache.peek("b") is held.segment


def test_what_was_dropped_no_longer_counts() -> None:
    cache = SegmentCache(2**30)
    held = cache.hold("a")
    held.segment = segment_of(["a red car"])
    cache.measure("a", held)
    cache.drop("a")
    assert cache.sizes() == (0, 0)
    cache.measure("a", held)
    assert cache.sizes() == (0, 0)
