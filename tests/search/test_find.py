from __future__ import annotations

from ingat.search.filters import Filters
from ingat.search.find import find_all_words
from tests.search.turns import DAY_MS, START_MS, Turn, segment_of

TURNS = [
    Turn("The noisy fan rattles"),
    Turn("a noisy street", "b", "assistant", at=START_MS + DAY_MS),
    Turn("fans make noise", at=START_MS + 2 * DAY_MS),
]


def test_every_word_must_be_there() -> None:
    assert find_all_words(segment_of(TURNS), "noisy fan") == [0]
    assert find_all_words(segment_of(TURNS), "noisy") == [1, 0]


def test_inflections_count_and_neighbouring_turns_do_not() -> None:
    assert find_all_words(segment_of(TURNS), "the fan") == [2, 0]
    assert find_all_words(segment_of(TURNS), "street rattles") == []


def test_filters_apply() -> None:
    assert find_all_words(segment_of(TURNS), "noisy", Filters(role="assistant")) == [1]
    assert find_all_words(segment_of(TURNS), "fan", Filters(since=START_MS + DAY_MS)) == [2]


def test_no_word_finds_nothing() -> None:
    assert find_all_words(segment_of(TURNS), "the of") == []
    assert find_all_words(segment_of([]), "fan") == []


def test_hebrew_and_chinese_words_are_found() -> None:
    segment = segment_of(["המכונית שלי אדומה", "我的车是红色的小汽车"])
    assert find_all_words(segment, "מכונית") == [0]
    assert find_all_words(segment, "汽车") == [1]


def test_every_word_of_a_long_text_must_be_there() -> None:
    words = [f"word{chr(97 + place // 20)}{chr(97 + place % 20)}q" for place in range(60)]
    segment = segment_of([" ".join(words), " ".join(words[:50]), " ".join(words[10:])])
    assert find_all_words(segment, " ".join(words)) == [0]
    assert find_all_words(segment, " ".join([*words, "absent"])) == []
