from __future__ import annotations

import struct
from array import array

import pytest

from ingat.search.entry import HAS_TIME, QUESTION, Terms, analyse, language_of
from ingat.search.text import pair_id, term_id
from tests.search.turns import START_MS


def entry(text: str, author: str | None = None, at_ms: int | None = None, captions: tuple[str, ...] = ()) -> Terms:
    return analyse(text, author=author, at_ms=at_ms, captions=captions)


def counts_of(terms: Terms) -> dict[int, int]:
    return dict(struct.iter_unpack("<IB", terms.terms))


def test_terms_carry_their_number_of_occurrences() -> None:
    assert counts_of(entry("red car, red door")) == {term_id("red"): 2, term_id("car"): 1, term_id("door"): 1}


def test_number_of_occurrences_stops_at_255() -> None:
    assert counts_of(entry("red " * 1000)) == {term_id("red"): 255}


def test_author_date_and_captions_are_indexed() -> None:
    found = counts_of(entry("look", author="Budi", at_ms=START_MS, captions=("a sleeping cat",)))
    assert {term_id(stem) for stem in ("budi", "1", "januari", "2026", "look", "sleep", "cat")} <= set(found)


def test_month_is_indexed_in_the_language_of_the_text() -> None:
    found = counts_of(entry("ini rumah saya", at_ms=START_MS + 140 * 86_400_000))
    assert {term_id("may"), term_id("mei")} <= set(found)


def test_pairs_are_adjacent_terms_without_function_words() -> None:
    pairs = array("I", entry("the red car and the door").pairs)
    assert list(pairs) == [pair_id(term_id("red"), term_id("car")), pair_id(term_id("car"), term_id("door"))]


def test_words_are_those_of_the_text_and_captions_only() -> None:
    assert entry("it is red", author="Budi", at_ms=START_MS, captions=("a cat",)).words == 5


def test_empty_text_has_no_terms() -> None:
    assert entry("") == Terms(b"", b"", entry("").flags, 0)


@pytest.mark.parametrize(
    ("text", "flag"), [("Really? ", True), ("真的吗？", True), ("هل؟", True), ("Really?!", False), ("no", False)]
)
def test_question_flag(text: str, flag: bool) -> None:
    assert bool(entry(text).flags & QUESTION) is flag


@pytest.mark.parametrize(
    "text",
    [
        "I went there yesterday",
        "we met last week",
        "two days ago",
        "on Tuesday",
        "back in 2019",
        "it took years",
        "kemarin saya ke sana",
        "bulan lalu kami pindah",
        "אתמול הלכתי",
        "בשנה שעברה אתמול",
        "我昨天去了",
        "上个月搬家",
    ],
)
def test_time_expression_is_flagged(text: str) -> None:
    assert entry(text).flags & HAS_TIME


@pytest.mark.parametrize("text", ["I like this car", "the last biscuit", "room 4711", "saya suka nasi", "我喜欢猫"])
def test_text_without_time_expression_is_not_flagged(text: str) -> None:
    assert not entry(text, at_ms=START_MS).flags & HAS_TIME


def test_flags_tell_the_language() -> None:
    assert language_of(entry("AC saya berisik").flags) == "id"
    assert language_of(entry("my fan is noisy").flags) == "en"
    assert language_of(0) is None


def test_one_character_thousands_of_times_is_stored() -> None:
    assert max(counts_of(entry("哈" * 200)).values()) == 255
