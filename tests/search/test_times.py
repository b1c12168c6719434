from __future__ import annotations

import pytest

from ingat.search.times import asks_when, date_words


@pytest.mark.parametrize(
    "question",
    [
        "when did he move?",
        "what year was it?",
        "how long did it take?",
        "kapan dia pindah?",
        "tahun berapa dia lahir?",
        "berapa lama dia di sana?",
        "מתי הוא עבר?",
        "באיזה יום זה קרה?",
        "他什么时候搬家的？",
        "他哪年出生？",
        "¿cuándo llegó?",
        "wann kam er?",
    ],
)
def test_question_for_a_time_is_recognised(question: str) -> None:
    assert asks_when(question)


@pytest.mark.parametrize("question", ["where did he go?", "apa nama kucingnya?", "מה השם שלו?", "他叫什么名字？"])
def test_question_for_something_else_is_not(question: str) -> None:
    assert not asks_when(question)


def test_date_is_written_as_words() -> None:
    assert date_words(1_683_554_160_000) == "8 may 2023"
    assert date_words(1_683_554_160_000, "id") == "8 may 2023 mei"


def test_date_before_1970_is_written() -> None:
    assert date_words(-1) == "31 december 1969"


def test_moment_outside_the_calendar_has_no_words() -> None:
    assert date_words(-(10**17)) == date_words(10**17) == ""
