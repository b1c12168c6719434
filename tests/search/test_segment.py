from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingat.search.embed.static import StaticEmbedder
from ingat.search.rank import search
from ingat.search.segment import Segment
from tests.search.turns import START_MS, Turn, entries_of, question_of, rank, rows, segment_of

EMBEDDER = StaticEmbedder.load()
WORDS = ["cat", "dog", "house", "car", "red", "blue", "rain", "yesterday", "Budi", "Sari?", "noisy", "fan"]

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
turns = st.builds(
    Turn,
    texts,
    session=st.sampled_from(["a", "b", "c"]),
    role=st.sampled_from(["user", "assistant"]),
    author=st.sampled_from([None, "Budi", "Sari"]),
    at=st.just(START_MS),
    valid_from=st.none(),
    valid_to=st.none(),
    source=st.sampled_from(["message", "message", "message", "fact"]),
)


@given(st.lists(turns, min_size=1, max_size=40), st.lists(st.integers(1, 7), min_size=40, max_size=40), texts)
def test_appending_in_pieces_equals_building_at_once(given_turns: list[Turn], sizes: list[int], asked: str) -> None:
    whole = segment_of(given_turns, EMBEDDER)
    entries = entries_of(given_turns, embedder=EMBEDDER)
    grown = Segment(EMBEDDER.dim)
    for size in sizes:
        grown.append(entries[grown.rows : grown.rows + size])
        rank(grown, asked, embedder=EMBEDDER)
    left = rank(whole, asked, embedder=EMBEDDER, top_k=50)
    right = rank(grown, asked, embedder=EMBEDDER, top_k=50)
    assert grown.rows == whole.rows
    assert rows(left) == rows(right)
    assert np.allclose([hit.score for hit in left.hits], [hit.score for hit in right.hits], atol=1e-4)


@given(st.lists(turns, min_size=1, max_size=30), texts)
def test_interleaved_sessions_rank_as_if_one_came_after_the_other(given_turns: list[Turn], asked: str) -> None:
    entries = entries_of(given_turns)
    mixed, sorted_ = Segment(4), Segment(4)
    mixed.append(entries)
    sorted_.append(sorted(entries, key=lambda entry: (entry.source, entry.session_id or "", entry.position)))
    left, right = rank(mixed, asked, top_k=50), rank(sorted_, asked, top_k=50)
    scores = [
        {segment.source_ids[hit.row]: hit.score for hit in ranking.hits}
        for segment, ranking in ((mixed, left), (sorted_, right))
    ]
    assert scores[0].keys() == scores[1].keys()
    assert all(abs(scores[0][name] - scores[1][name]) < 1e-4 for name in scores[0])


def test_late_turn_takes_its_place_by_seq() -> None:
    entries = entries_of([Turn("what do you feed it?", author="A"), Turn("fish", author="B"), Turn("goodbye")])
    late = Segment(4)
    late.append([entries[1], entries[2]])
    late.append([entries[0]])
    asked = question_of("feed", late)
    fish = rank(late, "feed fish").hits
    assert search(late, asked).hits[0].row == 2
    assert next(hit for hit in fish if hit.row == 0).parts["answer"] > 0


def test_many_appends_merge_the_tail() -> None:
    entries = entries_of([Turn(f"word{place} common") for place in range(1500)])
    segment = Segment(4)
    for entry in entries:
        segment.append([entry])
    assert [rows(rank(segment, f"word{place}"))[0] for place in (0, 700, 1499)] == [0, 700, 1499]
    assert len(segment.view.terms.find(np.array([question_of("common", segment).terms[0]], np.uint32)).rows) == 1500


def test_missing_lists_rows_without_vectors() -> None:
    segment = segment_of(["a cat", "a dog", "a fish"])
    segment.set_vectors(1, np.ones((2, 4), np.int8))
    assert segment.missing == [0, 2]
    segment.set_many([0, 2], [np.ones((1, 4), np.int8), np.zeros((1, 4), np.int8)])
    assert segment.missing == []


def test_row_keeps_the_vectors_it_has() -> None:
    segment = segment_of(["a cat"])
    segment.set_vectors(0, np.array([[1, 0, 0, 0]], np.int8))
    segment.set_vectors(0, np.array([[0, 1, 0, 0]], np.int8))
    assert segment.vectors.whole_cosines(np.array([1, 0, 0, 0], np.float32), 1)[0] == 1


def test_vectors_given_late_equal_vectors_given_at_append() -> None:
    given_turns = [Turn("My fan is noisy. It rattles at night."), Turn("Yes"), Turn("I bought a red car. It is fast.")]
    early = segment_of(given_turns, EMBEDDER)
    late = Segment(EMBEDDER.dim)
    late.append(entries_of(given_turns))
    for row, entry in reversed([*enumerate(entries_of(given_turns, embedder=EMBEDDER))]):
        late.set_vectors(row, np.frombuffer(entry.vectors or b"", np.int8).reshape(-1, EMBEDDER.dim))
    asked = "which automobile?"
    assert rank(early, asked, embedder=EMBEDDER) == rank(late, asked, embedder=EMBEDDER)


def test_size_grows_with_rows_and_vectors() -> None:
    segment = segment_of(["a cat"])
    before = segment.nbytes
    segment.append(entries_of([Turn("word " * 50)] * 1000, first=1))
    middle = segment.nbytes
    segment.set_vectors(0, np.ones((2, 4), np.int8))
    assert before < middle < segment.nbytes


def test_row_that_cannot_be_read_changes_nothing() -> None:
    segment = segment_of(["a red car"], EMBEDDER)
    broken = entries_of([Turn("a blue car"), Turn("a green car")], 1)
    with pytest.raises(ValueError, match="reshape"):
        segment.append([broken[0], broken[1]._replace(vectors=b"123")])
    assert rows(rank(segment, "car")) == [0]
    segment.append(broken)
    assert [segment.source_ids[row] for row in rows(rank(segment, "green"))] == ["m2"]


@given(st.lists(turns, min_size=1, max_size=10), st.lists(turns, min_size=1, max_size=10), texts)
def test_another_users_segment_has_no_effect(mine: list[Turn], others: list[Turn], asked: str) -> None:
    before = rank(segment_of(mine), asked, top_k=50, explain=True)
    other = segment_of(others)
    rank(other, asked)
    assert rank(segment_of(mine), asked, top_k=50, explain=True) == before


def test_empty_append_changes_nothing() -> None:
    segment = Segment(4)
    segment.append([])
    assert segment.rows == 0
    assert rank(segment, "cat").hits == ()


def test_reader_sees_whole_appends_while_another_thread_writes() -> None:
    segment = segment_of([Turn("common word", session="s")], EMBEDDER)
    entries = entries_of([Turn("common word", session=f"s{place % 3}") for place in range(600)], 1, EMBEDDER)
    failures: list[BaseException] = []
    done = threading.Event()

    def write() -> None:
        try:
            for start in range(0, 600, 3):
                segment.append(entries[start : start + 3])
        except BaseException as error:
            failures.append(error)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    counts = []
    while not done.is_set():
        counts.append(len(rank(segment, "common", embedder=EMBEDDER, top_k=1000).hits))
    writer.join()
    assert not failures
    assert all(count % 3 == 1 for count in counts)
    assert counts == sorted(counts)
