from __future__ import annotations

import pytest

from ingat.search.embed.static import StaticEmbedder
from ingat.search.filters import Filters
from tests.search.turns import DAY_MS, START_MS, Turn, rank, rows, segment_of

EMBEDDER = StaticEmbedder.load()
TURNS = [
    Turn("red car", "a", author="Budi", at=START_MS),
    Turn("red car", "a", "assistant", at=START_MS + DAY_MS),
    Turn("red car", "b", author="Sari", at=START_MS + 2 * DAY_MS),
    Turn("red car", None, None, source="fact", at=START_MS, valid_from=START_MS, valid_to=START_MS + DAY_MS),
    Turn("red car", None, None, source="note", at=START_MS + 3 * DAY_MS, valid_from=START_MS + 3 * DAY_MS),
]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), {0, 1, 2, 3, 4}),
        (Filters(sessions=frozenset({"a"})), {0, 1}),
        (Filters(sessions=frozenset({"unknown"})), set()),
        (Filters(since=START_MS + DAY_MS), {1, 2, 4}),
        (Filters(until=START_MS + DAY_MS), {0, 3}),
        (Filters(kinds=frozenset({"fact", "note"})), {3, 4}),
        (Filters(kinds=frozenset({"message"})), {0, 1, 2}),
        (Filters(author="Sari"), {2}),
        (Filters(author="Nobody"), set()),
        (Filters(role="assistant"), {1}),
        (Filters(as_of=START_MS), {0, 3}),
        (Filters(as_of=START_MS + DAY_MS), {0, 1}),
        (Filters(exclude=frozenset({"m0", "m4", "unknown"})), {1, 2, 3}),
        (Filters(sessions=frozenset({"a"}), role="user"), {0}),
    ],
)
@pytest.mark.parametrize("embedder", [None, EMBEDDER])
def test_filter_lets_only_its_rows_through(
    filters: Filters, expected: set[int], embedder: StaticEmbedder | None
) -> None:
    found = rank(segment_of(TURNS, embedder), "red car", embedder=embedder, filters=filters, top_k=10)
    assert set(rows(found)) == expected


def test_filters_apply_before_the_best_are_chosen() -> None:
    better = [Turn("red car red car", "a")] * 50
    segment = segment_of([*better, Turn("a red bicycle", "b"), Turn("milk", "b")])
    assert rows(rank(segment, "red car", filters=Filters(sessions=frozenset({"b"})), top_k=1)) == [50]


@pytest.mark.parametrize("embedder", [None, EMBEDDER])
def test_rows_that_are_filtered_out_do_not_change_the_scores_of_others(embedder: StaticEmbedder | None) -> None:
    early = [Turn("I bought a red car"), Turn("milk and bread"), Turn("the car was cheap")]
    late = Turn("which red car?", at=START_MS + DAY_MS)
    between = segment_of([*early, late], embedder)
    without = rank(between, "red car", embedder=embedder, filters=Filters(as_of=START_MS), top_k=10)
    excluded = rank(between, "red car", embedder=embedder, filters=Filters(exclude=frozenset({"m3"})), top_k=10)
    assert without == excluded
    assert all(hit.parts["next_turn"] == 0 for hit in without.hits if hit.row == 2)


def test_explain_names_the_filter_that_kept_a_row_out() -> None:
    found = rank(segment_of(TURNS), "red car", filters=Filters(role="user"), explain=True)
    assert (1, "filtered:role") in [(miss.row, miss.why) for miss in found.misses]


def test_nothing_left_by_the_filters_gives_no_hit_but_says_why() -> None:
    found = rank(segment_of(TURNS), "red car", filters=Filters(author="Nobody"), explain=True)
    assert found.hits == ()
    assert {miss.why for miss in found.misses} == {"filtered:author"}


@pytest.mark.parametrize("embedder", [None, EMBEDDER])
def test_rows_that_are_filtered_out_do_not_count_in_the_weights_of_words(embedder: StaticEmbedder | None) -> None:
    early = [Turn("I bought a red car"), Turn("the car was cheap and small"), Turn("red bread"), Turn("milk")]
    late = [Turn("red " * 30 + "shoes", at=START_MS + DAY_MS)] * 9
    both, alone = segment_of([*early, *late], embedder), segment_of(early, embedder)
    filters = Filters(as_of=START_MS)
    found = rank(both, "a cheap red car", embedder=embedder, filters=filters, top_k=10)
    assert found == rank(alone, "a cheap red car", embedder=embedder, filters=filters, top_k=10)
