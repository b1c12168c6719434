"""Summaries keep what was told and decided, and leave the small talk out, in several languages."""

from __future__ import annotations

import pytest

from ingat.search.summary import MAX_WORDS, Turn, cut, promise, sentences, summarise, words_in

BOT = "assistant"


def talk(*lines: tuple[str, str]) -> list[Turn]:
    return [Turn(speaker, speaker != BOT, text) for speaker, text in lines]


ENGLISH = talk(
    ("Ana", "Hi there!"),
    (BOT, "Hello Ana! How can I help you today?"),
    ("Ana", "My name is Ana Silva and I live in Porto. Nice weather today."),
    (BOT, "Nice to meet you."),
    ("Ana", "We decided to renovate the kitchen. The budget is 12,500 euros."),
    (BOT, "That sounds great! What colour do you prefer?"),
    ("Ana", "Dark green."),
    (BOT, "Shall I book the visit for Friday at 9:30?"),
    ("Ana", "Yes, please."),
    (BOT, "Your visit is booked for Friday at 9:30, reference KX-4471."),
    ("Ana", "Thanks a lot!"),
    (BOT, "You're welcome. Is there anything else?"),
    ("Ana", "No, that's all. Bye!"),
)
INDONESIAN = talk(
    ("Budi", "Selamat pagi"),
    (BOT, "Selamat pagi Pak, ada yang bisa saya bantu?"),
    ("Budi", "Nama saya Budi Santoso, saya tinggal di Bandung. AC saya berisik sejak kemarin, tipe F57A."),
    (BOT, "Kapan teknisi bisa datang?"),
    ("Budi", "Hari Jumat jam 10."),
    (BOT, "Baik, teknisi datang hari Jumat jam 10. Biayanya 250.000 rupiah."),
    ("Budi", "Setuju. Saya lebih suka dibayar tunai."),
    ("Budi", "Terima kasih banyak"),
    (BOT, "Sama-sama Pak."),
)
HEBREW = talk(
    ("user", "שלום, מה שלומך?"),
    (BOT, "שלום! במה אפשר לעזור?"),
    ("user", "קוראים לי דוד כהן ואני גר בחיפה. החלטנו להזמין שולחן חדש ב-2,400 שקלים."),
    (BOT, "מתי נוח לך לקבל את המשלוח?"),
    ("user", "ביום שלישי בבוקר."),
    (BOT, "מצוין, המשלוח נקבע ליום שלישי. תודה רבה!"),
    ("user", "תודה!"),
)
CHINESE = talk(
    ("user", "你好"),
    (BOT, "您好，请问有什么可以帮您？"),
    ("user", "我叫李明，住在上海。我的空调坏了，型号是F57A。"),
    (BOT, "什么时候方便上门？"),
    ("user", "星期五上午九点。"),
    (BOT, "好的，已预约星期五上午九点，费用是300元。"),
    ("user", "谢谢！"),
    (BOT, "不客气，祝您愉快！"),
)


@pytest.mark.parametrize(
    ("turns", "kept", "left_out"),
    [
        (
            ENGLISH,
            [
                "Ana Silva",
                "Porto",
                "renovate the kitchen",
                "12,500",
                "Dark green",
                "colour",
                "Friday at 9:30",
                "KX-4471",
            ],
            ["Hi there", "help you", "weather", "Nice to meet", "Thanks", "welcome", "anything else", "Bye"],
        ),
        (
            INDONESIAN,
            ["Budi Santoso", "Bandung", "F57A", "berisik", "Jumat jam 10", "250.000", "tunai"],
            ["Selamat pagi", "bantu", "Terima kasih", "Sama-sama"],
        ),
        (HEBREW, ["דוד כהן", "חיפה", "2,400", "שולחן", "שלישי בבוקר", "נקבע"], ["שלומך", "לעזור", "תודה"]),
        (CHINESE, ["李明", "上海", "F57A", "星期五上午九点", "300"], ["你好", "帮您", "谢谢", "不客气"]),
    ],
    ids=["en", "id", "he", "zh"],
)
def test_a_summary_keeps_what_was_told_and_leaves_small_talk_out(
    turns: list[Turn], kept: list[str], left_out: list[str]
) -> None:
    summary = summarise(turns)

    assert [fact for fact in kept if fact not in summary] == []
    assert [chat for chat in left_out if chat in summary] == []


def test_the_same_talk_has_the_same_summary() -> None:
    assert {summarise(ENGLISH) for _ in range(5)} == {summarise(list(ENGLISH))}


def test_what_was_said_stands_in_its_order_with_who_said_it() -> None:
    assert summarise(ENGLISH).splitlines() == [
        "Ana: My name is Ana Silva and I live in Porto. We decided to renovate the kitchen."
        " The budget is 12,500 euros.",
        "assistant: What colour do you prefer?",
        "Ana: Dark green.",
        "assistant: Shall I book the visit for Friday at 9:30?",
        "Ana: Yes, please.",
        "assistant: Your visit is booked for Friday at 9:30, reference KX-4471.",
    ]


def test_facts_are_found_in_a_long_talk_about_nothing_much() -> None:
    chat = [("Ana", f"The {word} was rather long and we sat around for a while.") for word in WORDS]
    chat.insert(17, ("Ana", "My passport number is X1234567."))
    chat.insert(61, ("Ana", "We decided to sell the boat to Marta for 8,000 euros in June."))
    chat.insert(80, (BOT, "The contract with Marta is signed on 14 June at 10:00."))
    summary = summarise(talk(*chat))

    assert "X1234567" in summary
    assert "Marta for 8,000" in summary
    assert "14 June" in summary
    assert summary.count("rather long") < 5


def test_a_newer_figure_is_not_taken_for_a_repetition() -> None:
    summary = summarise(
        talk(
            ("Ana", "The invoice is about 50,000 rupees for the roof."),
            ("Ana", "The invoice is about 50,000 rupees for the roof."),
            ("Ana", "The invoice is about 75,000 rupees for the roof."),
        )
    )

    assert summary.count("50,000") == 1
    assert summary.count("75,000") == 1


def test_a_talk_of_greetings_alone_is_still_remembered() -> None:
    assert summarise(talk(("Ana", "Hello!"), (BOT, "Hello Ana."))) != ""


@pytest.mark.parametrize("turns", [[], talk(("Ana", "")), talk(("Ana", " \n "))], ids=["none", "empty", "blank"])
def test_nothing_said_has_no_summary(turns: list[Turn]) -> None:
    assert summarise(turns) == ""


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Weiss paid 3.5 million. He left.", ["Dr. Weiss paid 3.5 million.", "He left."]),
        ("See e.g. the plan. Done", ["See e.g. the plan.", "Done"]),
        ("1. Buy milk\n2. Call Ana", ["1. Buy milk", "2. Call Ana"]),
        ('He said "go." Then he left.', ['He said "go."', "Then he left."]),
        ("我叫李明。你呢？好！", ["我叫李明。", "你呢？", "好！"]),
        ("東京です。そうですか？はい", ["東京です。", "そうですか？", "はい"]),
        ("اسمي علي. أين تسكن؟ هنا", ["اسمي علي.", "أين تسكن؟", "هنا"]),
        ("קוראים לי דוד. ואתה?", ["קוראים לי דוד.", "ואתה?"]),
        ("मैं राम हूँ। तुम?", ["मैं राम हूँ।", "तुम?"]),
        ("", []),
        ("...", ["..."]),
    ],
    ids=["en", "abbreviation", "example", "list", "quote", "zh", "ja", "ar", "he", "hi", "nothing", "dots"],
)
def test_sentences_end_where_their_script_ends_them(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


@pytest.mark.parametrize("text", ["word " * 5_000, "x" * 50_000, "字" * 50_000], ids=["words", "one word", "zh"])
def test_a_text_without_sentences_is_cut_and_fits(text: str) -> None:
    summary = summarise([Turn("Ana", True, text)])

    assert summary
    assert words_in(summary) <= MAX_WORDS
    assert len(summary) < 10_000
    assert max(len(part) for part in sentences(text)) <= 300


def test_a_text_of_much_white_space_is_parted_in_one_go() -> None:
    # once each space was tried as the beginning of a line's end: minutes for a text like this
    gap = " \t" * 200_000

    assert sentences(f"One{gap}two{gap}\n{gap}three") == ["One", "two", "three"]


def test_a_summary_of_much_stays_within_its_words() -> None:
    english = [
        Turn("Ana", True, f"In {1000 + n} we paid {n} euros to Mr. {word} for a new roof.")
        for n, word in enumerate(WORDS)
    ]
    chinese = [Turn("user", True, f"我们决定在{n}月去第{n}个城市，预算是{n * 100}元。") for n in range(300)]

    for turns in (english * 5, chinese):
        assert 300 < words_in(summarise(turns)) <= MAX_WORDS


def test_words_are_counted_in_scripts_without_spaces() -> None:
    assert words_in("one two  three") == 3
    assert words_in("我叫李明住在上海") == 5
    assert words_in("型号 F57A 坏了") == 4
    assert words_in("안녕 세상") == 2


def test_a_text_is_cut_behind_a_sentence() -> None:
    text = "First line here. " * 300
    assert cut("short") == "short"
    assert words_in(cut(text)) <= MAX_WORDS
    assert cut(text).endswith("here.")
    assert cut("a " * 700, 500) != ""


def test_what_the_user_tells_promises_more_than_chatter() -> None:
    assert promise("My order 48213 is broken", own=True) > promise("That is so nice of them", own=True)
    assert promise("My order 48213 is broken", own=True) > promise("My order 48213 is broken", own=False)


WORDS = [
    f"{first}{second}"
    for first in ("sum", "win", "gar", "mor", "bro", "tel")
    for second in (
        "mer",
        "ter",
        "den",
        "ning",
        "ther",
        "ling",
        "ton",
        "bury",
        "ford",
        "wick",
        "ley",
        "sey",
        "dal",
        "mond",
        "ver",
    )
]
