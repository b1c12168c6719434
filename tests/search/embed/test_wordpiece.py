"""WordPiece tokens against words worked out by hand from BERT's rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingat.search.embed.tensors import MODEL_DIR
from ingat.search.embed.wordpiece import LONGEST_WORD, WordPiece

VOCABULARY = (MODEL_DIR / "vocab.txt").read_text("utf-8").split("\n")


def pieces(text: str) -> list[str]:
    return [VOCABULARY[number] for number in WordPiece(VOCABULARY).tokens(text)]


def test_words_are_cut_into_the_longest_pieces_from_the_left() -> None:
    assert pieces("embedding") == ["em", "##bed", "##ding"]


def test_case_and_accents_are_dropped() -> None:
    assert pieces("Café ÉCOLE naïve") == ["cafe", "ecole", "naive"]


def test_punctuation_stands_alone() -> None:
    assert pieces("don't stop-it!") == ["don", "'", "t", "stop", "-", "it", "!"]


def test_underscore_is_punctuation() -> None:
    assert pieces("snow_ball") == ["snow", "_", "ball"]


def test_every_cjk_character_stands_alone() -> None:
    assert pieces("日本 city") == ["日", "本", "city"]


def test_emoji_does_not_hide_the_word_that_it_touches() -> None:
    assert pieces("great🎉 news") == ["great", "news"]


def test_control_characters_do_not_cut_a_word() -> None:
    assert pieces("sun\u200bday\x00") == ["sunday"]


def test_word_with_an_unknown_part_is_left_out() -> None:
    assert pieces("hello x\u16a0y") == ["hello"]


def test_word_longer_than_the_limit_is_left_out() -> None:
    assert pieces("a" * (LONGEST_WORD + 1) + " day") == ["day"]


def test_a_word_seen_again_gives_the_same_tokens() -> None:
    words = WordPiece(VOCABULARY)
    assert words.tokens("unbelievably") * 2 == words.tokens("unbelievably unbelievably")


@given(st.text())
def test_any_text_gives_numbers_of_the_vocabulary(text: str) -> None:
    assert all(0 <= number < len(VOCABULARY) for number in WordPiece(VOCABULARY).tokens(text))


@given(st.text(st.characters(codec="ascii")), st.text(st.characters(codec="ascii")))
def test_texts_joined_by_a_space_give_the_tokens_of_both(left: str, right: str) -> None:
    words = WordPiece(VOCABULARY)
    assert words.tokens(f"{left} {right}") == words.tokens(left) + words.tokens(right)


def test_words_too_long_to_be_known_are_not_kept() -> None:
    pieces = WordPiece(["dog"])
    assert pieces.tokens("a" * (LONGEST_WORD + 1) + " dog") == [0]
    assert list(pieces._cache) == ["dog"]
