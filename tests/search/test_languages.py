"""Conversations of our own in languages that no public benchmark of ours covers, so that they cannot silently rot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ingat.search.embed.contract import Embedder
from ingat.search.embed.static import StaticEmbedder
from tests.search.turns import START_MS, Turn, rank, rows, segment_of

EMBEDDER = StaticEmbedder.load()

Exchange = tuple[str, str]
"""Role letter and text."""

CONVERSATIONS: dict[str, list[list[Exchange]]] = {
    "id": [
        [
            ("u", "Halo, AC di kamar tidur saya berisik sekali sejak kemarin."),
            ("a", "Baik Pak, boleh tahu tipe AC yang Bapak pakai?"),
            ("u", "Tipenya F57A, saya beli dua tahun yang lalu di Bandung."),
            ("a", "Terima kasih. Apakah Bapak sudah membersihkan saringannya?"),
            ("u", "Sudah dibersihkan minggu lalu, tapi suaranya masih mengganggu."),
            ("a", "Teknisi kami akan datang hari Kamis jam sembilan pagi."),
            ("u", "Tolong jangan pagi, anak saya berangkat sekolah. Sore saja."),
        ],
        [
            ("u", "Saya baru pindah ke Surabaya karena pekerjaan baru di pelabuhan."),
            ("a", "Selamat! Bagaimana rumah barunya?"),
            ("u", "Kecil, tapi istri saya senang karena dekat pasar."),
            ("u", "Kucing kami namanya Oyen, dia takut naik mobil."),
            ("a", "Wah, kasihan Oyen."),
            ("u", "Bulan depan ibu saya dioperasi lututnya di rumah sakit."),
        ],
    ],
    "he": [
        [
            ("u", "שלום, המזגן בחדר השינה מרעיש מאוד מאתמול."),
            ("a", "מה הדגם של המזגן?"),
            ("u", "הדגם הוא F57A, קניתי אותו לפני שנתיים בחיפה."),
            ("a", "האם ניקית את המסנן?"),
            ("u", "ניקיתי בשבוע שעבר, זה לא עזר."),
            ("a", "הטכנאי יגיע ביום חמישי בבוקר."),
        ],
        [
            ("u", "עברנו לירושלים בגלל העבודה החדשה שלי בספרייה."),
            ("a", "איזה יופי! ואיך הדירה?"),
            ("u", "קטנה, אבל אשתי אוהבת את הגינה."),
            ("u", "לכלב שלנו קוראים שוקו והוא מפחד מרעמים."),
            ("a", "מסכן שוקו."),
            ("u", "בחודש הבא אמא שלי עוברת ניתוח בברך."),
        ],
    ],
    "zh": [
        [
            ("u", "你好，我卧室的空调从昨天开始很吵。"),
            ("a", "请问是什么型号？"),
            ("u", "型号是F57A，两年前在上海买的。"),
            ("a", "您清洗过滤网了吗？"),
            ("u", "上周洗过了，没有用。"),
            ("a", "技术员星期四上午会到。"),
        ],
        [
            ("u", "我因为新工作搬到了成都，在图书馆上班。"),
            ("a", "太好了！房子怎么样？"),
            ("u", "房子不大，但是我妻子很喜欢花园。"),
            ("u", "我们的猫名字叫豆豆，它害怕坐汽车。"),
            ("a", "可怜的豆豆。"),
            ("u", "下个月我妈妈要做膝盖手术。"),
        ],
    ],
}

QUESTIONS: dict[str, list[tuple[str, int]]] = {
    "id": [
        ("kenapa AC-nya berisik?", 0),
        ("tipe AC apa yang dia beli?", 2),
        ("kapan saringan AC dibersihkan?", 4),
        ("kapan teknisi datang?", 5),
        ("pindah ke mana?", 7),
        ("apakah istrinya senang dengan rumah itu?", 9),
        ("siapa nama kucing mereka?", 10),
        ("kapan operasi lutut ibu?", 12),
    ],
    "he": [
        ("למה המזגן מרעיש?", 0),
        ("איזה דגם הוא קנה?", 2),
        ("מתי יגיע טכנאי?", 5),
        ("איפה העבודה שלו? בירושלים?", 6),
        ("מי אוהבת את גינה?", 8),
        ("איך קוראים לכלב?", 9),
        ("מתי הניתוח של אמא?", 11),
    ],
    "zh": [
        ("空调怎么了？很吵吗？", 0),
        ("空调是什么型号？在哪里买的？", 2),
        ("技术员什么时候到？", 5),
        ("他为什么搬到成都？", 6),
        ("妻子喜欢什么？", 8),
        ("猫叫什么名字？", 9),
        ("妈妈什么时候做手术？", 11),
    ],
}


def turns_of(language: str) -> list[Turn]:
    return [
        Turn(text, f"s{place}", "user" if role == "u" else "assistant", at=START_MS)
        for place, session in enumerate(CONVERSATIONS[language])
        for role, text in session
    ]


@pytest.mark.parametrize("embedder", [None, EMBEDDER], ids=["words", "vectors"])
@pytest.mark.parametrize(
    ("language", "question", "gold"),
    [(language, question, gold) for language, asked in QUESTIONS.items() for question, gold in asked],
)
def test_question_finds_its_turn_among_the_first_two(
    language: str, question: str, gold: int, embedder: Embedder | None
) -> None:
    found = rank(segment_of(turns_of(language), embedder), question, embedder=embedder, top_k=2)
    assert gold in rows(found)


@pytest.mark.parametrize("embedder", [None, EMBEDDER], ids=["words", "vectors"])
@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("id", "bagaimana cuaca di Tokyo?"),
        ("he", "מה מזג האוויר בטוקיו?"),
        ("zh", "东京天气如何？"),
    ],
)
def test_question_about_something_else_finds_nothing(language: str, question: str, embedder: Embedder | None) -> None:
    assert rank(segment_of(turns_of(language), embedder), question, embedder=embedder).hits == ()


@pytest.mark.parametrize("language", QUESTIONS)
def test_vectors_do_not_put_another_turn_first(language: str) -> None:
    plain, embedded = segment_of(turns_of(language)), segment_of(turns_of(language), EMBEDDER)
    for question, gold in QUESTIONS[language]:
        if rows(rank(plain, question))[:1] == [gold]:
            assert rows(rank(embedded, question, embedder=EMBEDDER))[:1] == [gold]


SMALL: dict[str, tuple[list[str], list[tuple[str, int]], str]] = {
    "he": (
        ["המזגן בחדר השינה מרעיש מאוד", "עברנו לירושלים בגלל העבודה", "לכלב שלנו קוראים שוקו"],
        [("למה המזגן מרעיש?", 0), ("איך קוראים לכלב?", 2)],
        "מה מזג האוויר בטוקיו?",
    ),
    "ar": (
        ["المكيف في غرفة النوم مزعج جدا", "انتقلنا إلى القاهرة بسبب عملي الجديد", "كلبنا يخاف من الرعد"],
        [("هل المكيف مزعج؟", 0), ("متى انتقلنا إلى القاهرة؟", 1)],
        "من فاز بكأس العالم؟",
    ),
    "ru": (
        [
            "Кондиционер в спальне шумит со вчерашнего дня",
            "Мы переехали в Москву из-за работы",
            "Наша собака боится грома",
        ],
        [("почему шумит кондиционер?", 0), ("чего боится собака?", 2)],
        "Какая столица Португалии?",
    ),
    "ko": (
        ["침실 에어컨이 시끄러워요", "우리 강아지는 천둥을 무서워해요"],
        [("에어컨이 어때요?", 0), ("강아지는 뭘 무서워해요?", 1)],
        "포르투갈 수도는 어디입니까?",
    ),
    "hi": (
        ["बेडरूम का एसी बहुत शोर करता है", "हमारा कुत्ता गरज से डरता है"],
        [("एसी शोर क्यों करता है?", 0), ("कुत्ता किससे डरता है?", 1)],
        "पुर्तगाल की राजधानी क्या है?",
    ),
    "el": (
        ["Το κλιματιστικό κάνει θόρυβο", "Ο σκύλος φοβάται τις βροντές"],
        [("γιατί κάνει θόρυβο το κλιματιστικό;", 0), ("τι φοβάται ο σκύλος;", 1)],
        "Ποια είναι η πρωτεύουσα της Πορτογαλίας;",
    ),
    "ja": (
        ["寝室のエアコンがうるさい", "犬は雷を怖がります"],
        [("エアコンはどう？", 0), ("犬は何を怖がる？", 1)],
        "ポルトガルの首都はどこ？",
    ),
    "id": (
        ["AC di kamar tidur saya berisik sekali", "Kucing kami namanya Oyen, dia takut naik mobil"],
        [("kenapa AC berisik?", 0), ("siapa nama kucing kami?", 1)],
        "siapa presiden Portugal tahun 1990?",
    ),
}
"""By language: turns, questions with their turn, and a question about something else."""


@pytest.mark.parametrize("embedder", [None, EMBEDDER], ids=["words", "vectors"])
@pytest.mark.parametrize("language", SMALL)
def test_small_chat_answers_its_questions_and_no_others(language: str, embedder: Embedder | None) -> None:
    turns, asked, unrelated = SMALL[language]
    segment = segment_of(turns, embedder)
    for question, gold in asked:
        assert rows(rank(segment, question, embedder=embedder))[0] == gold
    assert rank(segment, unrelated, embedder=embedder).hits == ()


def test_turn_of_a_language_that_the_embedder_does_not_know_needs_a_word_to_fit() -> None:
    class Blind:
        """Every text is like every other."""

        fingerprint, dim, threshold = "blind", 4, 0.5

        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return np.full((len(texts), 4), 0.5, np.float32)

    class Polyglot(Blind):
        any_language = True

    turns = ["Kucing kami takut naik mobil dan saya tidak", "The dog was here"]
    for embedder, questions in ((Blind(), {"xyzzy": [1], "siapa yang xyzzy?": []}), (Polyglot(), {"xyzzy": [0, 1]})):
        segment = segment_of(turns, embedder)
        for question, found in questions.items():
            assert sorted(rows(rank(segment, question, embedder=embedder))) == found


def test_turns_of_several_languages_live_in_one_segment() -> None:
    mixed = [turn for language in CONVERSATIONS for turn in turns_of(language)]
    segment = segment_of(mixed)
    first = {
        language: sum(len(turns_of(other)) for other in list(CONVERSATIONS)[:place])
        for place, language in enumerate(CONVERSATIONS)
    }
    for language, asked in QUESTIONS.items():
        for question, gold in asked:
            assert first[language] + gold in rows(rank(segment, question, top_k=5))
