"""Mention: whether a text names one of a person's ids, as a word of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

_WORD = re.compile(r"\w+")
_SPACED = re.compile(r"[@#+]?\w(?:[^\s\"'<>(){}\[\],;=]*\w)?")
_SHORTEST, _FEWEST_DIGITS = 3, 6
"""Ids with fewer characters, or of fewer digits and nothing else, are words and numbers that mean something else."""


class Mention:
    """Looks for ids in texts and in JSON values, keys and numbers included.

    An id is named where neither a letter nor a digit stands directly before or behind it; case does not matter. One as
    short as `7` or `me` is named only by a text that is nothing else, unless they are `told_apart`.
    """

    def __init__(self, ids: Iterable[str] = (), *, told_apart: bool = False) -> None:
        self._told_apart = told_apart
        self._short: dict[str, str] = {}
        self._words: dict[str, str] = {}
        self._others: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self.add(ids)

    def add(self, ids: Iterable[str]) -> None:
        """Look for these, too."""
        before = len(self._others)
        for each in filter(None, ids):
            if not self._told_apart and is_short(each):
                self._short[each.casefold()] = each
                continue
            (self._words if _WORD.fullmatch(each) else self._others)[each.casefold()] = each
        if len(self._others) != before:
            longest_first = sorted(self._others.values(), key=len, reverse=True)
            self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)

    def is_in(self, *values: Any) -> bool:
        """Return whether any of the values names one of the ids."""
        return any(True for _ in self._found(values))

    def found_in(self, *values: Any) -> set[str]:
        """Return which ids the values name, as they were given."""
        return set(self._found(values))

    def _found(self, values: Any) -> Iterator[str]:
        if self._short:
            for text in texts_of(values, numbers=False):
                if text.casefold() in self._short:
                    yield self._short[text.casefold()]
        for text in texts_of(values):
            if self._words:
                for word in _WORD.findall(text):
                    known = self._words.get(word.casefold())
                    if known is not None:
                        yield known
            if self._pattern is not None:
                for match in self._pattern.finditer(text):
                    folded = match[0].casefold()
                    yield self._others.get(folded, folded)


def words_of(*values: Any) -> Iterator[str]:
    """Return what may be an id in texts and JSON values: their words, and what stands between blanks and signs."""
    for text in texts_of(values):
        for pattern in (_WORD, _SPACED):
            for word in pattern.findall(text):
                if not is_short(word):
                    yield word


def is_short(known_as: str) -> bool:
    """Whether an id is too short to be told from another word or number."""
    return len(known_as) < (_FEWEST_DIGITS if known_as.isdigit() else _SHORTEST)


def texts_of(value: Any, *, numbers: bool = True) -> Iterator[str]:
    """Return every text in a value of JSON; `numbers` too, as they are written."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from texts_of(each, numbers=numbers)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_of(each, numbers=numbers)
    elif numbers and isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
