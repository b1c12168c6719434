from __future__ import annotations

import zlib

import pytest

from ingat.search import text
from ingat.search.text import fold, look_up, pair_id, term_id, words_of


def terms_of(text: str, languages: tuple[str, ...] = ()) -> set[int]:
    found: set[int] = set()
    for main, others in look_up(fold(text), languages).groups:
        found.add(main)
        found.update(term for term, _ in others)
    return found


def mains_of(text: str) -> list[int]:
    return [main for main, _ in look_up(fold(text)).groups]


def test_term_id_is_crc32_of_the_stem() -> None:
    assert term_id("noisi") == zlib.crc32(b"noisi")


def test_pair_id_depends_on_order() -> None:
    assert pair_id(1, 2) != pair_id(2, 1)


@pytest.mark.parametrize(
    ("one", "other"), [("noisy fans", "noise fan"), ("Painting", "painted"), ("STRASSE", "straße")]
)
def test_inflected_words_meet(one: str, other: str) -> None:
    assert terms_of(one) & terms_of(other)


def test_english_function_words_are_dropped() -> None:
    assert look_up(fold("What did you do with the red car?")).kept == ["red", "car"]


def test_full_width_and_composed_forms_are_the_same_word() -> None:
    assert terms_of("ＡＢＣ café") == terms_of("abc cafe\u0301")


def test_indonesian_sentence_is_recognised_and_its_function_words_dropped() -> None:
    found = look_up(fold("AC saya berisik dan tidak dingin"))
    assert found.language == "id"
    assert found.kept == ["ac", "berisik", "dingin"]


def test_one_word_that_is_a_function_word_elsewhere_is_kept() -> None:
    assert look_up(fold("noisy sang")).kept == ["noisy", "sang"]


def test_word_repeated_does_not_make_a_language_sure() -> None:
    assert look_up(fold("sang sang sang")).kept == ["sang", "sang", "sang"]


def test_function_words_of_the_users_languages_are_dropped_from_a_short_question() -> None:
    assert look_up(fold("siapa nama anjing"), ("id",)).kept == ["nama", "anjing"]


def test_indonesian_affixes_meet_their_root() -> None:
    assert terms_of("saya sudah membersihkan rumah itu") & terms_of("apakah rumah ini bersih") - terms_of("rumah")


def test_word_meets_itself_when_the_language_of_the_question_cannot_be_told() -> None:
    assert terms_of("AC saya berisik sekali") >= terms_of("berisik")


def test_question_is_stemmed_by_the_languages_of_the_user() -> None:
    assert not terms_of("saya membeli sepatu") & terms_of("dibeli")
    assert terms_of("saya membeli sepatu") & terms_of("dibeli", ("id",))


def test_word_of_an_english_text_keeps_its_english_stem_beside_a_foreign_word() -> None:
    assert terms_of("la bohème tickets") >= terms_of("ticket")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("¿Dónde está mi coche?", "es"),
        ("Où est ma voiture ?", "fr"),
        ("Wo ist mein Auto?", "de"),
        ("Где моя машина?", "ru"),
        ("איפה המכונית שלי", "he"),
        ("أين سيارتي", "ar"),
        ("我的车在哪里", "zh"),
        ("Where is my car?", "en"),
        ("", "en"),
    ],
)
def test_language_of_a_short_question(text: str, language: str) -> None:
    assert look_up(fold(text)).language == language


@pytest.mark.parametrize("form", ["הבית", "בבית", "ובבית", "מהבית", "לבית", "שבבית"])
def test_hebrew_word_meets_its_prefixed_forms(form: str) -> None:
    assert terms_of("בית") & terms_of(form)


def test_hebrew_vowel_points_do_not_matter() -> None:
    assert terms_of("שָׁלוֹם") == terms_of("שלום")


@pytest.mark.parametrize("form", ["البيت", "والبيت", "بيت", "وبيت", "لبيت", "بالبيت"])
def test_arabic_word_meets_its_prefixed_forms(form: str) -> None:
    assert terms_of("بيت") & terms_of(form)


def test_chinese_becomes_bigrams() -> None:
    assert look_up(fold("昨天下雨")).kept == ["昨天", "天下", "下雨"]


def test_single_chinese_character_is_a_term_and_meets_longer_words() -> None:
    assert terms_of("猫") <= terms_of("小猫咪")


def test_chinese_function_words_cut_the_run() -> None:
    assert look_up(fold("我的猫叫什么名字")).kept == ["猫叫", "名字"]


def test_japanese_and_thai_become_bigrams() -> None:
    assert "東京" in look_up(fold("東京に行きました")).kept
    assert look_up(fold("ข้าวผัด")).kept[0] == "ข้"


def test_latin_word_inside_a_chinese_run_is_a_word_of_its_own() -> None:
    assert mains_of("空调AC坏了")[1] == mains_of("AC")[0]


def test_hindi_vowel_signs_stay_in_their_word() -> None:
    assert words_of(fold("हिन्दी भाषा")) == ["हिन्दी", "भाषा"]


def test_emoji_and_punctuation_are_not_words() -> None:
    assert look_up(fold("👍🏽 … !!!")).words == []


def test_very_long_word_is_analysed() -> None:
    assert len(mains_of("x" * 100_000)) == 1


def test_long_runs_without_spaces_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, tuple[tuple[str, text.Group], ...]] = {}
    monkeypatch.setattr(text, "_COMPLEX", kept)
    for place in range(0x4E00, 0x4F00):
        text.look_up("".join(map(chr, range(place, place + 50))))
    assert kept == {}
    assert text.look_up("汽车").groups == text.look_up("汽车").groups
    assert list(kept) == ["汽车"]
