"""A question, analysed once for one user's segment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ingat.search.dates import date_part
from ingat.search.segment import Segment, View
from ingat.search.text import Looked, fold, is_function_word, look_up, pair_id, words_of
from ingat.search.times import asks_when

LONGEST_READ = 20_000
"""Characters of a question that are embedded."""
LONGEST_NAME = 100
"""Characters; of a longer name of an author only the words are known."""
NAME_WORDS = 8
"""Words of an author's name by which they are known."""
MOST_WORDS = 40
"""Distinct words of a question that are looked for; of a longer one, those that the fewest rows hold."""


class Neighbours(Protocol):
    """Near words of a word, by term id."""

    def of(self, term_id: int) -> Sequence[tuple[int, float]]:
        """Return (term id, weight in (0, 1]) of near words."""
        ...


class Speaker(Protocol):
    """What a question needs of an embedder; see `embed.contract.Embedder`, of which it is a part."""

    @property
    def threshold(self) -> float:
        """The cosine that a turn unrelated to the question rarely reaches."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row a text, of length 1 or all zero."""
        ...


class Question(NamedTuple):
    """What is looked for. Arrays run over all asked terms: each word's own term, its other forms, its neighbours.

    `word[i]` is the place of term i's word in `words`; `main[i]` the place of that word's own term in `terms`;
    `near[i]` says that term i is a neighbour word; `named[i]` that its word is a name of one of the authors; `date[i]`
    what part of a date it is (`times.date_part`). `author` is the code of the author asked about: the first who is
    named. `vector` is of unit length; None when there is no embedder, or it knows no word of the question.
    `understood` holds the languages whose rows may fit by meaning alone; None for all.
    """

    text: str
    words: tuple[str, ...]
    terms: NDArray[np.uint32]
    word: NDArray[np.intp]
    weight: NDArray[np.float32]
    main: NDArray[np.intp]
    near: NDArray[np.bool_]
    named: NDArray[np.bool_]
    date: NDArray[np.int32]
    pairs: NDArray[np.uint32]
    when: bool
    author: int | None
    vector: NDArray[np.float32] | None
    threshold: float
    understood: frozenset[str] | None


def ask(
    text: str,
    segment: Segment,
    *,
    view: View | None = None,
    embedder: Speaker | None = None,
    neighbours: Neighbours | None = None,
    most_words: int = MOST_WORDS,
) -> Question:
    """Analyse a question; names of the segment's authors in it are recognised.

    `view` is what of the segment is seen, all of it by default. Of a question of more than `most_words` distinct words,
    those that the fewest rows hold are looked for. Errors: those of `Embedder.encode`.
    """
    view = segment.view if view is None else view
    folded = fold(text)
    looked = look_up(folded, _languages(segment, view))
    author, names = _asked_about(folded, tuple(segment.authors))
    terms: list[int] = []
    word: list[int] = []
    weight: list[float] = []
    main: list[int] = []
    near: list[bool] = []
    named: list[bool] = []
    words: list[str] = []
    for own, (surface, others) in _chosen(looked, view, most_words).items():
        place = len(terms)
        forms = {own: (1.0, False)} | {term: (share, False) for term, share in others}
        for term, share in neighbours.of(own) if neighbours is not None else ():
            forms.setdefault(term, (share, True))
        for term, (share, is_near) in forms.items():
            terms.append(term)
            word.append(len(words))
            weight.append(share)
            main.append(place)
            near.append(is_near)
            named.append(surface in names)
        words.append(surface)
    mains = [group[0] for group in looked.groups]
    pairs = list(dict.fromkeys(map(pair_id, mains, mains[1:])))[: 2 * MOST_WORDS]
    return Question(
        text,
        tuple(words),
        np.array(terms, np.uint32),
        np.array(word, np.intp),
        np.array(weight, np.float32),
        np.array(main, np.intp),
        np.array(near, np.bool_),
        np.array(named, np.bool_),
        np.array([date_part(term) for term in terms], np.int32),
        np.array(pairs, np.uint32),
        asks_when(folded),
        segment.authors[author] if author is not None else None,
        _vector(text, author, embedder),
        embedder.threshold if embedder is not None else 1.0,
        _understood(looked.language, embedder),
    )


def _chosen(looked: Looked, view: View, most_words: int) -> dict[int, tuple[str, tuple[tuple[int, float], ...]]]:
    """Return by their own term the distinct words to look for, with their other terms."""
    distinct = {own: (word, others) for word, (own, others) in zip(looked.kept, looked.groups, strict=True)}
    if len(distinct) <= most_words:
        return distinct
    df = view.terms.df(np.array(list(distinct), np.uint32))
    rare = np.argsort(np.where(df > 0, df, np.iinfo(np.int64).max), kind="stable")[:most_words]
    owns = list(distinct)
    return {owns[place]: distinct[owns[place]] for place in sorted(rare.tolist())}


def _languages(segment: Segment, view: View) -> list[str]:
    """Return the languages in which at least a twentieth of the segment's rows are written, three at most."""
    least = max(1, view.rows // 20)
    common = sorted((-count, code) for code, count in list(segment.languages.items()) if count >= least)
    return [code for _, code in common[:3]]


def _understood(language: str, embedder: Speaker | None) -> frozenset[str] | None:
    """Return the languages whose rows may fit a question of this language by meaning alone; None for all."""
    if getattr(embedder, "any_language", False):
        return None
    return frozenset({"en"}) if language == "en" else frozenset()


def _name_words(author: str) -> frozenset[str]:
    """Return the words by which an author is known: those of the name that are not function words."""
    return _name_of(author)[0]


def _name_of(author: str) -> tuple[frozenset[str], re.Pattern[str] | None]:
    return (_known_by if len(author) <= LONGEST_NAME else _known_by.__wrapped__)(author)


@lru_cache(maxsize=4096)
def _known_by(author: str) -> tuple[frozenset[str], re.Pattern[str] | None]:
    """Return an author's name words, and what finds the name in a text: the whole of it first, then its words."""
    words, parts = _parts_of_name(author)
    if len(author) <= LONGEST_NAME:
        parts = [author.strip(), *parts]
    if not words or not parts:
        return words, None
    either = "|".join(re.escape(part) for part in sorted(set(parts), key=len, reverse=True))
    return words, re.compile(rf"(?<!\w)(?:{either})(?!\w)(['’]s\b)?", re.IGNORECASE)


def _parts_of_name(author: str) -> tuple[frozenset[str], list[str]]:
    """Return the folded words of a name that are not function words, and the parts of the name they stand in.

    A function word of any language that is written small within the name ("de la", "van") is not one of them.
    """
    words: list[str] = []
    parts: list[str] = []
    for place, part in enumerate(author[: 10 * LONGEST_NAME].split()):
        small = part.islower() and place > 0
        kept = [
            word for word in words_of(fold(part)) if look_up(word).groups and not (small and is_function_word(word))
        ]
        if kept:
            words += kept
            parts.append(part.strip(".,;:()[]\"'"))
        if len(words) >= NAME_WORDS:
            break
    return frozenset(words[:NAME_WORDS]), parts


def _asked_about(folded: str, authors: Sequence[str]) -> tuple[str | None, frozenset[str]]:
    """Return the author one of whose name's words comes first in the question, and all words that name an author.

    Among equals it is the author with the longest name.
    """
    first: tuple[int, int] | None = None
    found = None
    named: set[str] = set()
    asked = {word: place for place, word in reversed([*enumerate(words_of(folded))])} if authors else {}
    for author in authors:
        for part in _name_words(author):
            if part in asked:
                named.add(part)
                rank = (asked[part], -len(author))
                if first is None or rank < first:
                    first, found = rank, author
    return found, frozenset(named)


def _vector(text: str, author: str | None, embedder: Speaker | None) -> NDArray[np.float32] | None:
    """Return the unit vector of the question as the author asked about would put it: with "I" for their name."""
    if embedder is None:
        return None
    text = text[:LONGEST_READ]
    name = _name_of(author)[1] if author is not None else None
    if name is not None:
        text = name.sub(lambda met: "my" if met[1] else "I", text)
    vector: NDArray[np.float32] = embedder.encode([text])[0]
    return vector if np.any(vector) else None
