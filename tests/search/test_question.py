from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ingat.search.question import LONGEST_READ, ask
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


@pytest.mark.parametrize(
    ("author", "text", "embedded"),
    [
        ("Ana de la Cruz", "What did Ana say about the la carte menu?", "What did I say about the la carte menu?"),
        ("Ana de la Cruz", "Is Ana de la Cruz's menu here?", "Is my menu here?"),
        ("Ali A", "did Ali buy a car or a bike", "did I buy a car or a bike"),
        ("Sean O'Brien", "Is O'Brien’s car red?", "Is my car red?"),
        ("mia rossi", "where was Mia?", "where was I?"),
    ],
)
def test_name_is_replaced_whole_first_and_without_its_function_words(author: str, text: str, embedded: str) -> None:
    embedder = Recorder()
    ask(text, segment_of([Turn("hello", author=author)]), embedder=embedder)
    assert embedder.texts == [embedded]


def test_long_name_is_known_by_its_first_words() -> None:
    author = " ".join(f"name{place}" for place in range(2000))
    embedder = Recorder()
    ask("does name0 know name1999? " + author, segment_of([Turn("hello", author=author)]), embedder=embedder)
    assert embedder.texts[0].startswith("does I know name1999? I I")


def test_long_question_is_embedded_from_its_beginning() -> None:
    embedder = Recorder()
    ask("house " * 10_000, AUTHORS, embedder=embedder)
    assert len(embedder.texts[0]) == LONGEST_READ


def test_all_authors_named_are_marked() -> None:
    asked = ask("did Ayu tell Budi?", AUTHORS)
    assert [word for word, named in zip(asked.words, asked.named, strict=True) if named] == ["ayu", "budi"]
