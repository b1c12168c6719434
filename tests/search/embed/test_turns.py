"""The vectors of turns: which sentences get one, and that shared sums change nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ingat.search.embed.static import StaticEmbedder
from ingat.search.embed.turns import READ_CHARACTERS, SENTENCES, TURN_WORDS, Parts, encode_turn, encode_turns

NUMBERED = " ".join(f"word{number}" for number in range(300))


class PlainEmbedder:
    """The same vectors from an embedder that cannot add: every text is read by itself."""

    def __init__(self, inner: StaticEmbedder) -> None:
        self._inner = inner
        self.fingerprint = "plain"
        self.dim = inner.dim
        self.threshold = inner.threshold

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._inner.encode(texts)


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    return StaticEmbedder.load()


def own_sentences(text: str) -> list[str]:
    parts = Parts(text)
    return [parts.text_of(sentence).strip() for sentence in parts.sentences]


def whole(text: str) -> str:
    parts = Parts(text)
    return " ".join(parts.text_of(parts.whole).split())


def small(rows: NDArray[np.float32]) -> NDArray[np.int8]:
    return np.rint(rows * 127).astype(np.int8)


def test_sentences_end_at_stops_followed_by_space_and_at_newlines() -> None:
    assert own_sentences("I paid $3.50 today. Was it much?\nI think so! ok") == [
        "I paid $3.50 today.",
        "Was it much?",
        "I think so!",
    ]


def test_sentences_end_at_full_stops_of_chinese_and_japanese() -> None:
    assert own_sentences("我养了一只狗。它叫小黑！你呢？") == ["我养了一只狗。", "它叫小黑！", "你呢？"]


def test_one_word_has_no_vector_of_its_own_but_is_in_the_whole() -> None:
    assert own_sentences("Thanks! See you there.") == ["See you there."]
    assert whole("Thanks! See you there.") == "Thanks! See you there."


def test_only_the_first_sentences_get_a_vector() -> None:
    text = " ".join(f"This is number {number}." for number in range(30))
    assert own_sentences(text) == [f"This is number {number}." for number in range(SENTENCES)]


def test_the_whole_is_the_first_words_of_the_turn() -> None:
    assert whole(f"Hello there. {NUMBERED}") == "Hello there. " + " ".join(NUMBERED.split()[: TURN_WORDS - 2])


def test_a_sentence_that_goes_past_the_whole_keeps_its_words() -> None:
    assert own_sentences(f"{NUMBERED}.") == [f"{NUMBERED}."]


def test_a_later_short_sentence_does_not_enter_a_whole_that_is_full() -> None:
    assert whole(f"{NUMBERED}. And this too.") == " ".join(NUMBERED.split()[:TURN_WORDS])


def test_text_without_spaces_is_bounded() -> None:
    parts = Parts("狗" * 1_000_000)
    assert sum(map(len, parts.pieces)) < 10_000


def test_a_turn_of_empty_lines_is_not_read_to_its_end() -> None:
    assert whole("\n" * READ_CHARACTERS + "far away") == ""


def test_the_last_row_is_the_whole_turn(embedder: StaticEmbedder) -> None:
    text = "My dog was sick. We went to the vet."
    rows = encode_turn(embedder, text)
    assert rows.dtype == np.int8
    assert rows.tolist() == small(embedder.encode(["My dog was sick.", "We went to the vet.", text])).tolist()


def test_a_turn_of_one_word_has_one_row(embedder: StaticEmbedder) -> None:
    assert encode_turn(embedder, "Thanks!").tolist() == small(embedder.encode(["Thanks!"])).tolist()


@pytest.mark.parametrize("text", ["", "   \n ", "\u16a0\u16a0"])
def test_a_turn_without_known_words_is_one_row_of_zeros(embedder: StaticEmbedder, text: str) -> None:
    rows = encode_turn(embedder, text)
    assert rows.shape == (1, embedder.dim)
    assert not rows.any()


def test_no_turns_give_no_rows(embedder: StaticEmbedder) -> None:
    assert encode_turns(embedder, []) == []


def test_shared_sums_give_the_vectors_of_texts_read_by_themselves(embedder: StaticEmbedder) -> None:
    texts = [
        "",
        "Hi!",
        "My dog was sick. We went to the vet.",
        f"Well then. {NUMBERED}. Bye now.",
        "我养了一只狗。它叫小黑！",
    ]
    shared = encode_turns(embedder, texts)
    apart = encode_turns(PlainEmbedder(embedder), texts)
    assert [rows.shape for rows in shared] == [rows.shape for rows in apart]
    for one, other in zip(shared, apart, strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1


def test_a_turn_has_the_same_rows_in_a_batch_and_alone(embedder: StaticEmbedder) -> None:
    texts = [f"Turn {number} is about the weather. It rains." for number in range(1000)]
    batch = encode_turns(embedder, texts)
    assert batch[777].tolist() == encode_turn(embedder, texts[777]).tolist()
