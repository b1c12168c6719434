"""Cut a text into the WordPiece tokens of BERT's lower-case vocabulary.

The same tokens as the `tokenizers` library makes with BertNormalizer and BertPreTokenizer, with two differences that
suit chats: a symbol such as an emoji stands alone instead of making the word that it touches unknown, and unknown
words are left out. Pure Python with a cache of words, because a chat repeats its words: four to five times
as fast on one thread.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LONGEST_WORD = 100
"""Characters; a longer word is unknown, as in BERT."""

CACHED_WORDS = 65_536

_PLAIN = re.compile(r"[\t\n\r -~]*")
_PLAIN_WORDS = re.compile(r"[a-z0-9]+|[^a-z0-9\s]")

_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """Turns texts into lists of token numbers. May be used from several threads at once."""

    def __init__(self, tokens: Sequence[str]) -> None:
        """Take the vocabulary in order of its numbers; a token that continues a word begins with `##`."""
        self._numbers = {token: number for number, token in enumerate(tokens)}
        self._cache: dict[str, tuple[int, ...]] = {}

    def tokens(self, text: str) -> list[int]:
        """Return the numbers of the text's tokens in order; unknown words are left out."""
        plain = _PLAIN.fullmatch(text)
        words = _PLAIN_WORDS.findall(text.lower()) if plain else _words(text)
        cache = self._cache
        numbers: list[int] = []
        for word in words:
            pieces = cache.get(word)
            numbers += self._learn(word) if pieces is None else pieces
        return numbers

    def _learn(self, word: str) -> tuple[int, ...]:
        pieces = self._pieces(word)
        if len(word) <= LONGEST_WORD:
            if len(self._cache) >= CACHED_WORDS:
                self._cache.clear()
            self._cache[word] = pieces
        return pieces

    def _pieces(self, word: str) -> tuple[int, ...]:
        """Return the longest pieces from left to right, or nothing when some part of the word is in no piece."""
        if len(word) > LONGEST_WORD:
            return ()
        pieces = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                number = self._numbers.get(prefix + word[start:end])
                if number is not None:
                    pieces.append(number)
                    start = end
                    break
            else:
                return ()
        return tuple(pieces)


def _words(text: str) -> list[str]:
    """Return the lower-case words of any text without accents; punctuation, symbols and CJK characters stand alone."""
    out = []
    for char in unicodedata.normalize("NFD", text):
        kind = unicodedata.category(char)
        if char in "\t\n\r" or char.isspace():
            out.append(" ")
        elif kind[0] == "C" or kind == "Mn" or char == "\ufffd":
            continue
        elif kind[0] in "PS" or _is_cjk(char):
            out.append(f" {char} ")
        else:
            out.append(char.lower())
    return "".join(out).split()


def _is_cjk(char: str) -> bool:
    code = ord(char)
    return code >= 0x3400 and any(first <= code <= last for first, last in _CJK)
