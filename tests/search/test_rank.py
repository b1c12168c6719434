from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingat.search import lexical
from ingat.search import rank as ranking
from ingat.search.embed.static import StaticEmbedder
from ingat.search.filters import Filters
from ingat.search.question import ask
from ingat.search.rank import search
from ingat.search.text import term_id
from tests.search.turns import DAY_MS, START_MS, Turn, entries_of, question_of, rank, rows, segment_of

EMBEDDER = StaticEmbedder.load()
CHAT = [
    Turn("Hello, how can I help you?", role="assistant"),
    Turn("My air conditioner is very noisy since yesterday"),
    Turn("I am sorry to hear that. Which model do you have?", role="assistant"),
    Turn("It is the F57A from 2021"),
    Turn("A technician will come tomorrow morning", role="assistant"),
    Turn("By the way, my daughter loves painting horses", session="s2"),
    Turn("How lovely!", session="s2", role="assistant"),
    Turn("prefers visits in the morning", session=None, role=None, source="fact"),
]


def test_word_of_the_question_finds_its_turn() -> None:
    assert rows(rank(segment_of(CHAT), "what did he say about the noisy thing?"))[0] == 1


def test_meaning_finds_a_turn_that_shares_no_word() -> None:
    segment = segment_of(["We bought a puppy.", "The train was late.", "I had soup."], EMBEDDER)
    found = search(segment, question_of("puppies and dogs", segment, EMBEDDER))
    assert rows(found)[0] == 0


@pytest.mark.parametrize("asked", ["quantum chromodynamics", "", "???", "the of and"])
def test_nothing_fitting_gives_no_hit(asked: str) -> None:
    assert rank(segment_of(CHAT), asked).hits == ()


def test_name_of_an_author_alone_fits_nothing_when_the_rest_of_the_question_does_not() -> None:
    segment = segment_of([Turn("I had soup", author="Wayan"), Turn("The train was late", author="Ketut")], EMBEDDER)
    assert rank(segment, "what does Wayan think of quantum chromodynamics?").hits == ()
    assert rows(rank(segment, "what soup does Wayan like?"))[0] == 0
    assert rows(rank(segment, "Wayan?")) == [0]


@pytest.mark.parametrize(
    "asked", ["what tungsten in 2026?", "Did Wayan tell Ketut tungsten?", "tungsten on 1 January?"]
)
def test_names_and_dates_alone_carry_no_row(asked: str) -> None:
    segment = segment_of([Turn("I had soup", author="Wayan"), Turn("The train was late, Ketut", author="Ketut")])
    assert rank(segment, asked).hits == ()


@pytest.mark.parametrize("asked", ["what in 2026?", "January 2026", "Wayan in 2026?"])
def test_names_and_dates_carry_rows_when_nothing_else_is_asked(asked: str) -> None:
    segment = segment_of(
        [Turn("I had soup", author="Wayan"), Turn("It was late", author="Ketut", at=START_MS - DAY_MS)]
    )
    assert rows(rank(segment, asked))[0] == 0


def test_date_that_stands_in_the_text_fits() -> None:
    segment = segment_of([Turn("the car is from 2026", "a"), Turn("red soup", "b"), Turn("milk", "c")])
    assert rows(rank(segment, "red things of 2026")) == [1, 0]


def test_faint_neighbour_words_alone_find_nothing() -> None:
    class Faint:
        """A neighbour of "dog" of a given weight."""

        def __init__(self, weight: float) -> None:
            self._weight = weight

        def of(self, term: int) -> Sequence[tuple[int, float]]:
            return ((term_id("anim"), self._weight),) if term == term_id("dog") else ()

    segment = segment_of(["I saw animals", "milk"])
    found = [rows(search(segment, ask("dogs", segment, neighbours=Faint(weight)))) for weight in (0.1, 0.2, 0.4)]
    assert found == [[], [], [0]]


def test_memories_share_the_credit_of_the_author_who_speaks_as_the_user() -> None:
    chat = [Turn("I like tea", author="Wayan"), Turn("milk", author="Ketut", role="assistant")]
    segment = segment_of([*chat, Turn("likes green tea", None, None, source="fact")])
    credit = {hit.row: hit.parts["author"] for hit in rank(segment, "does Wayan like tea?").hits}
    assert credit[2] == credit[0] > 0
    credit = {hit.row: hit.parts["author"] for hit in rank(segment, "does Ketut like tea?").hits}
    assert credit[2] == 0


def test_long_question_keeps_its_rarest_words() -> None:
    segment = segment_of([*(f"word{place} again" for place in range(60)), "again bicycle"] * 2)
    asked = question_of(" ".join(f"word{place}" for place in range(60)) + " again unheard bicycle", segment)
    assert len(asked.words) == 40
    assert "again" not in asked.words


def test_vectors_below_the_threshold_give_no_hit() -> None:
    segment = segment_of(["I had soup.", "The train was late."], EMBEDDER)
    asked = question_of("quantum chromodynamics lattice", segment, EMBEDDER)
    assert search(segment, asked).hits == ()
    assert len(search(segment, asked, threshold=-1.0).hits) == 2


def test_mode_says_whether_vectors_were_used() -> None:
    with_vectors = segment_of(CHAT, EMBEDDER)
    assert rank(with_vectors, "noise", embedder=EMBEDDER).mode == "words+vectors"
    assert rank(with_vectors, "noise").mode == "words"
    assert rank(segment_of(CHAT), "noise").mode == "words"


def test_rows_without_vectors_are_found_by_words_beside_rows_with_them() -> None:
    segment = segment_of(["I had soup.", "The train was late."], EMBEDDER)
    segment.append(entries_of([Turn("my bicycle is at the station")], 2))
    assert rows(rank(segment, "where is the bicycle?", embedder=EMBEDDER)) == [2]


@given(
    st.sampled_from(["noisy model", "morning visits", "when did the noise start?", "daughter horses painting"]),
    st.booleans(),
)
def test_parts_add_up_to_the_score(asked: str, with_vectors: bool) -> None:
    embedder = EMBEDDER if with_vectors else None
    for hit in rank(segment_of(CHAT, embedder), asked, embedder=embedder, top_k=8).hits:
        assert sum(hit.parts.values()) == pytest.approx(hit.score, abs=1e-4)


def test_hit_names_the_words_it_shares() -> None:
    hit = rank(segment_of(CHAT), "is the conditioner noisy at night?").hits[0]
    assert hit.terms == ("conditioner", "noisy")
    assert hit.reason == "words"


def test_hit_by_meaning_alone_says_so() -> None:
    segment = segment_of(["I had soup.", "The train was late."], EMBEDDER)
    asked = question_of("quantum chromodynamics lattice", segment, EMBEDDER)
    hit = search(segment, asked, threshold=-1.0).hits[0]
    assert (hit.reason, hit.terms) == ("meaning", ())
    assert hit.cosine is not None


def test_turns_around_add_coverage() -> None:
    together = segment_of(["we talked about Jakarta", "the hotel was cheap", "bread", "milk", "eggs", "rice"])
    hits = {hit.row: hit for hit in rank(together, "hotel Jakarta").hits}
    assert hits[1].parts["coverage"] > 0


def test_coverage_stops_at_the_session() -> None:
    apart = segment_of([Turn("we talked about Jakarta", "a"), Turn("the hotel was cheap", "b"), Turn("milk", "b")])
    hits = {hit.row: hit for hit in rank(apart, "hotel Jakarta").hits}
    assert hits[1].parts["coverage"] == 0


def test_memory_has_no_neighbours() -> None:
    segment = segment_of([Turn("we talked about Jakarta"), Turn("hotel", source="fact"), Turn("milk")])
    hits = {hit.row: hit for hit in rank(segment, "hotel Jakarta").hits}
    assert hits[1].parts["coverage"] == 0


def test_answer_follows_a_short_question_of_another_author() -> None:
    chat = [Turn("Which model of fan is it?", role="assistant"), Turn("The F57A fan"), Turn("bread"), Turn("milk")]
    hits = {hit.row: hit for hit in rank(segment_of(chat), "which model of fan?").hits}
    assert hits[1].parts["answer"] > 0
    same = [chat[0]._replace(role="user"), *chat[1:]]
    hits = {hit.row: hit for hit in rank(segment_of(same), "which model of fan?").hits}
    assert hits[1].parts["answer"] == 0


def test_adjacent_words_count_as_a_pair() -> None:
    segment = segment_of([Turn("red car, blue house", "a"), Turn("blue car, red house", "b"), Turn("milk", "c")])
    hits = rank(segment, "the blue car").hits
    assert hits[0].row == 1
    assert hits[0].parts["pairs"] > 0


def test_question_for_a_time_prefers_a_turn_that_tells_one() -> None:
    segment = segment_of([Turn("I moved house yesterday", "a"), Turn("I moved house gladly", "b"), Turn("milk", "c")])
    hits = rank(segment, "when did I move house?").hits
    assert hits[0].row == 0
    assert hits[0].parts["when"] > 0


def test_author_asked_about_is_credited_whoever_it_is() -> None:
    segment = segment_of(
        [Turn("I like tea", author="Wayan"), Turn("I like tea", author="Ketut"), Turn("milk", author="Ketut")]
    )
    assert rows(rank(segment, "what does Wayan like?"))[0] == 0
    assert rows(rank(segment, "what does ketut like?"))[0] == 1


def test_user_is_credited_in_a_chat_with_an_assistant() -> None:
    chat = [Turn("I like green tea"), Turn("You like green tea", role="assistant"), Turn("milk", role="assistant")]
    hits = rank(segment_of(chat), "green tea").hits
    assert rows(rank(segment_of(chat), "green tea"))[0] == 0
    assert hits[0].parts["author"] > 0


def test_sessions_best_row_lifts_the_session() -> None:
    segment = segment_of([Turn("horse", "a"), Turn("horse painting by my daughter", "b"), Turn("horse", "b")])
    hits = {hit.row: hit for hit in rank(segment, "horse painting daughter").hits}
    assert hits[2].parts["session"] > hits[0].parts["session"]


def test_equal_scores_come_newest_first_then_by_position() -> None:
    same = [
        Turn("red car", "a"),
        Turn("red car", "b", at=START_MS + DAY_MS // 2),
        Turn("red car", "c"),
        Turn("milk", "d"),
    ]
    assert rows(rank(segment_of(same), "red car")) == [1, 0, 2]


def test_order_is_the_same_every_time() -> None:
    segment = segment_of(CHAT, EMBEDDER)
    first = rank(segment, "noisy morning", embedder=EMBEDDER)
    assert all(rank(segment, "noisy morning", embedder=EMBEDDER) == first for _ in range(5))


def test_no_more_than_top_k_come_back() -> None:
    segment = segment_of(["red car"] * 20)
    assert [len(rank(segment, "car", top_k=number).hits) for number in (0, 1, 7, 100)] == [0, 1, 7, 20]


def test_only_row_that_fits_has_a_positive_score() -> None:
    assert rank(segment_of(["red car"]), "car").hits[0].score > 0


def test_explain_lists_rows_beyond_top_k_and_those_that_do_not_fit() -> None:
    segment = segment_of(["red car", "a fast car indeed", "milk"])
    found = rank(segment, "red car", top_k=1, explain=True)
    assert [(miss.row, miss.why) for miss in found.misses] == [(1, "beyond_top_k"), (2, "below_threshold")]


def test_explain_does_not_change_the_hits() -> None:
    segment = segment_of(CHAT, EMBEDDER)
    plain = rank(segment, "noisy morning", embedder=EMBEDDER)
    assert rank(segment, "noisy morning", embedder=EMBEDDER, explain=True).hits == plain.hits


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["cat", "dog", "cat dog", "rain"])), min_size=2, max_size=30
    )
)
def test_sparse_coverage_equals_dense_coverage(given_turns: list[tuple[str, str]]) -> None:
    segment = segment_of([Turn(text, session) for session, text in given_turns])
    view, asked = segment.view, question_of("cat dog", segment)
    own = lexical.lexical(view, asked, None).own
    dense = lexical.covered_dense(own, view.layout)
    assert np.allclose(dense, lexical.covered_sparse(own, view.layout))


def test_large_segment_ranks_as_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    segment = segment_of(CHAT * 3, EMBEDDER)
    small = rank(segment, "noisy fan in the morning", embedder=EMBEDDER, top_k=24)
    monkeypatch.setattr(lexical, "DENSE_ROWS", 0)
    monkeypatch.setattr(lexical, "MANY_POSTINGS", 0)
    monkeypatch.setattr(ranking, "TWO_STAGE_ROWS", 0)
    monkeypatch.setattr(ranking, "CANDIDATES", 24)
    large = rank(segment, "noisy fan in the morning", embedder=EMBEDDER, top_k=24)
    assert rows(small) == rows(large)
    assert np.allclose([hit.score for hit in small.hits], [hit.score for hit in large.hits], atol=1e-5)


def test_question_of_thousands_of_words_is_answered() -> None:
    segment = segment_of(CHAT, EMBEDDER)
    asked = " ".join(f"word{place}" for place in range(5000))
    assert rows(rank(segment, "noisy " + asked, embedder=EMBEDDER))[0] == 1


def test_name_and_a_faint_neighbour_in_one_row_carry_it() -> None:
    class Faint:
        """A faint neighbour of "dog"."""

        def of(self, term: int) -> Sequence[tuple[int, float]]:
            return ((term_id("anim"), 0.05),) if term == term_id("dog") else ()

    segment = segment_of([Turn("I saw animals", author="Wayan"), Turn("milk", author="Ketut")])
    found = [
        rows(search(segment, ask(asked, segment, neighbours=Faint()))) for asked in ("Wayan's dog?", "Ketut's dog?")
    ]
    assert found == [[0], []]


def test_a_summary_comes_after_five_lines_of_its_session_that_fit() -> None:
    lines = [Turn(f"green tiles {'of a kind ' * number}from shop {number}") for number in range(7)]
    summary = Turn("green tiles green tiles", role=None, source="summary")
    other = Turn("green tiles again", session="s2")
    segment = segment_of([*lines, summary, other])
    places = rows(rank(segment, "green tiles", top_k=20))
    before = [row for row in places[: places.index(7)] if row < 7]

    assert len(before) == 5
    assert rows(rank(segment, "green tiles", top_k=1, filters=Filters(kinds=frozenset({"summary"})))) == [7]


def test_a_summary_whose_lines_do_not_fit_is_found_by_its_own_words() -> None:
    segment = segment_of([Turn("we sat down"), Turn("a talk about tiles", role=None, source="summary")])
    assert rows(rank(segment, "tiles")) == [1]


@pytest.mark.parametrize("embedder", [None, EMBEDDER], ids=["words", "vectors"])
def test_summaries_leave_the_scores_of_all_other_rows_as_they_are(embedder: StaticEmbedder | None) -> None:
    summaries = [
        Turn("My air conditioner, an F57A from 2021, is very noisy. Technician tomorrow.", role=None, source="summary"),
        Turn("My daughter loves painting horses in the morning", "s2", role=None, source="summary"),
    ]
    plain, more = segment_of(CHAT, embedder), segment_of([*CHAT, *summaries], embedder)
    for asked in (
        "what is noisy about the air conditioner?",
        "painting horses in the morning",
        "when was the F57A made?",
    ):
        without = {hit.row: hit.score for hit in rank(plain, asked, embedder=embedder, top_k=20).hits}
        among = {hit.row: hit.score for hit in rank(more, asked, embedder=embedder, top_k=20).hits}
        assert {row: among[row] for row in without} == pytest.approx(without, abs=1e-5)
        assert set(among) - set(without) <= {8, 9}


def test_the_parts_of_a_summary_that_gives_way_add_up() -> None:
    segment = segment_of([Turn("green tiles"), Turn("green tiles green tiles", role=None, source="summary")])
    (first, second) = rank(segment, "green tiles", explain=True).hits
    assert (first.row, second.row) == (0, 1)
    assert second.parts["gives_way"] < 0
    assert sum(second.parts.values()) == pytest.approx(second.score, abs=1e-4)
