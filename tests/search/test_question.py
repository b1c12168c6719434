from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ingat.search.question import ask
from ingat.search.text import term_id
from tests.search.turns import Turn, segment_of


class Recorder:
    """An embedder that remembers what it was given."""

    fingerprint, dim, threshold = "recorder", 4, 0.5

    def __init__(self, known: bool = True) -> None:
        self.texts: list[str] = []
        self._known = known

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        return np.full((len(texts), 4), 0.5 if self._known else 0, np.float32)


class Table:
    """Neighbour words of "dog"."""

    def of(self, term: int) -> Sequence[tuple[int, float]]:
        return ((term_id("puppi"), 0.5), (term_id("dog"), 1.0)) if term == term_id("dog") else ()


AUTHORS = segment_of([Turn("hello", author="Budi Santoso"), Turn("hello", author="Ayu"), Turn("hello", author="The")])


@pytest.mark.parametrize(
    ("text", "author"),
    [
        ("what does Budi want?", "Budi Santoso"),
        ("what does budi santoso want?", "Budi Santoso"),
        ("what did Ayu tell Budi?", "Ayu"),
        ("Ayu's house", "Ayu"),
        ("what is the name?", None),
        ("Budiman's house", None),
    ],
)
def test_author_asked_about_is_the_first_who_is_named(text: str, author: str | None) -> None:
    assert ask(text, AUTHORS).author == (AUTHORS.authors[author] if author else None)


def test_question_is_embedded_as_the_author_asked_about_would_put_it() -> None:
    embedder = Recorder()
    ask("Is Budi's house near Budi Santoso and Ayu?", AUTHORS, embedder=embedder)
    assert embedder.texts == ["Is my house near I and Ayu?"]


def test_name_is_replaced_as_a_whole_word_only() -> None:
    embedder = Recorder()
    ask("Budi likes Budiman", AUTHORS, embedder=embedder)
    assert embedder.texts == ["I likes Budiman"]


def test_question_of_unknown_words_has_no_vector() -> None:
    assert ask("xyzzy", AUTHORS, embedder=Recorder(known=False)).vector is None
    assert ask("house", AUTHORS).vector is None


def test_neighbour_words_are_marked_and_weighted() -> None:
    asked = ask("dogs", AUTHORS, neighbours=Table())
    assert asked.terms.tolist() == [term_id("dog"), term_id("puppi")]
    assert asked.near.tolist() == [False, True]
    assert asked.weight.tolist() == [1.0, 0.5]


def test_word_asked_twice_is_one_word() -> None:
    assert ask("dog dogs Dog", AUTHORS).words == ("dog",)


def test_question_uses_the_languages_of_the_segment() -> None:
    indonesian = segment_of(["saya membeli sepatu di pasar", "AC saya berisik dan tidak dingin"])
    assert len(ask("dibeli", indonesian).terms) == 2
    assert len(ask("dibeli", AUTHORS).terms) == 1
