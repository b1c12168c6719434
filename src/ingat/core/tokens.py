"""Token counting without a tokenizer's tables, and the plug for exact tokenizers.

`count_tokens` estimates what `o200k_base` would count; docs/tokens.md tells how and how closely. It is pure,
accepts any `str` (lone surrogates too) and takes time linear in the length of the text.
"""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Callable, Mapping

from ingat.core.errors import InvalidInput, InvalidSettings, MissingExtra, TokenizerUnavailable

Tokenizer = Callable[[str], int]
"""Counts the tokens of a text: 0 for the empty text, at least 1 for any other, never an exception."""

HEURISTIC = "heuristic"

MESSAGE_OVERHEAD_TOKENS = 4
"""What a chat message costs besides its text: chat templates add a start mark, the role, a separator, an end mark."""

# Costs are whole hundredths of a token, so that a sum is exact.
_TOKEN = 100
_PIECE_COST = 97

# Letters outside ASCII, with their combining marks; punctuation, symbols and emoji are left out.
_FOREIGN = "\u00a1-\u1fff\u2c00-\u2dff\u3040-\u9fff\ua000-\udfff\uf900-\ufaff\U00010000-\U0001efff\U00020000-\U0010ffff"
_NOT_A = f"b-z{_FOREIGN}"

# The split that o200k_base makes before it looks for tokens, except that a piece ends before its second `a`.
_PIECE = re.compile(
    rf"""
      [^\r\nA-Za-z0-9{_FOREIGN}]?              # one space, dot, bracket ... goes with the word behind it
      (?: [A-Z]*+ (?: [{_NOT_A}]++ (?:a[{_NOT_A}]*+)? | a[{_NOT_A}]*+ ) (?:'[a-z]{{0,2}})?
        | [A-Z]++ )
    | [0-9]{{1,3}}
    | [ ]?[^\sA-Za-z0-9{_FOREIGN}]++[\r\n/]{{0,2}}
    | [\r\n]++
    | [^\S\r\n]+(?=[^\S\r\n][A-Za-z{_FOREIGN}]|[ ][^\sA-Za-z0-9])   # a blank that goes with what follows stays
    | [^\S\r\n]++
    """,
    re.VERBOSE,
)

# What a character costs besides its piece, by its first byte of UTF-8. Other bytes and digits are free.
_ASCII_WEIGHTS: Mapping[str, int] = {
    "bcdfghlmnprstvwyeo.,:;!?": 2,
    "i": 16,
    "u": 4,
    "a": 5,
    "x": 20,
    "q": 30,
    "k": 40,
    "j": 50,
    "z": 60,
    "BCDEFGHILMNOPRSTUVWY": 20,
    "A": 60,
    "JKQXZ": 80,
    "()[]{}<>": 22,
    "\"'`": 12,
    "=+*/-_": 20,
    "|&%^~@#$": 30,
    "\\": 80,
}
_FOREIGN_WEIGHTS: Mapping[range, int] = {
    range(0xB8, 0xBA): 12,  # the second byte of Thai, which costs more than its neighbours under 0xE0
    range(0xC2, 0xC3): 53,  # Latin-1 punctuation
    range(0xC3, 0xC4): 30,  # Latin with accents, western
    range(0xC4, 0xCB): 60,  # Latin with accents, other
    range(0xCB, 0xCE): 50,  # combining accents
    range(0xCE, 0xD0): 24,  # Greek
    range(0xD0, 0xD2): 16,  # Cyrillic
    range(0xD2, 0xD4): 50,  # rarer Cyrillic
    range(0xD4, 0xD6): 15,  # Armenian
    range(0xD6, 0xD7): 150,  # Hebrew points
    range(0xD7, 0xD8): 30,  # Hebrew letters
    range(0xD8, 0xDC): 20,  # Arabic
    range(0xDC, 0xE0): 60,  # Syriac, Thaana, N'Ko
    range(0xE0, 0xE1): 28,  # Indic scripts, Thai
    range(0xE1, 0xE2): 25,  # Vietnamese accents, Georgian, Khmer
    range(0xE2, 0xE3): 30,  # dashes, quotes, symbols
    range(0xE3, 0xE4): 75,  # Japanese syllables
    range(0xE4, 0xEA): 82,  # Han characters
    range(0xEA, 0xEE): 40,  # Hangul
    range(0xEE, 0xEF): 200,  # private use
    range(0xEF, 0xF0): 20,  # full-width forms
    range(0xF0, 0xF5): 200,  # emoji, rare characters
}


def _weight_table() -> bytes:
    """The 256 weights, one a byte, for `bytes.translate`."""
    table = bytearray(256)
    for characters, weight in _ASCII_WEIGHTS.items():
        for character in characters:
            table[ord(character)] = weight
    for values, weight in _FOREIGN_WEIGHTS.items():
        for value in values:
            table[value] = weight
    return bytes(table)


_WEIGHTS = _weight_table()


def count_tokens(text: str) -> int:
    """Estimate how many `o200k_base` tokens `text` has.

    0 for the empty text, at least 1 for any other. Adding text to the end never lowers the count, and a joined
    text counts at most one more than its two parts.
    """
    pieces = _PIECE.subn("", text)[1]
    weights = sum(text.encode("utf-8", "surrogatepass").translate(_WEIGHTS))
    return -(-(_PIECE_COST * pieces + weights) // _TOKEN)


def open_tokenizer(name: str = HEURISTIC) -> Tokenizer:
    """Return the tokenizer called `name`: "heuristic", or a tiktoken encoding such as "o200k_base".

    tiktoken reads its table from its cache folder (`TIKTOKEN_CACHE_DIR`) or from the network, here and once.
    Raises MissingExtra without tiktoken, InvalidSettings for a name it does not know, and TokenizerUnavailable
    when the table cannot be read.
    """
    if name == HEURISTIC:
        return count_tokens
    try:
        tiktoken = importlib.import_module("tiktoken")
    except ImportError as error:
        raise MissingExtra(
            f"The tokenizer {name!r} needs tiktoken: pip install ingat[tokens], or use {HEURISTIC!r}.", extra="tokens"
        ) from error
    known = sorted(tiktoken.list_encoding_names())
    if name not in known:
        choices = ", ".join([HEURISTIC, *known])
        raise InvalidSettings(f"There is no tokenizer {name!r}; use one of {choices}.", tokenizer=name)
    try:
        encoding = tiktoken.get_encoding(name)
    except (OSError, ValueError) as error:
        raise TokenizerUnavailable(
            f"The table of the tokenizer {name!r} could not be read: {error}. Put it into the folder that"
            f" TIKTOKEN_CACHE_DIR names, connect to the network once, or use {HEURISTIC!r}.",
            tokenizer=name,
        ) from error
    return lambda text: len(encoding.encode_ordinary(text))


def cut_to_tokens(text: str, budget: int, count: Tokenizer = count_tokens) -> str:
    """Return the longest prefix of `text` that has at most `budget` tokens by `count`.

    The cut never falls inside a surrogate pair, before a combining mark, or inside an emoji sequence, unless such
    a sequence is longer than 64 code points. Counts O(log n) prefixes, none of them much longer than twice the
    result or 8 code points a token. With a `count` that may fall when text is added, the prefix still fits, but a
    longer one may fit too. Raises InvalidInput for a negative budget.
    """
    if budget < 0:
        raise InvalidInput("A token budget cannot be negative.", budget=budget)
    if budget == 0:
        return ""
    fits, too_long = 0, min(len(text), 8 * budget)
    while count(text[:too_long]) <= budget:
        if too_long == len(text):
            return text
        fits, too_long = too_long, min(len(text), 2 * too_long)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if count(text[:middle]) <= budget:
            fits = middle
        else:
            too_long = middle
    return _whole_prefix(text, fits, budget, count)


_ZERO_WIDTH_JOINER = "\u200d"
_LONGEST_SEQUENCE = 64


def _whole_prefix(text: str, end: int, budget: int, count: Tokenizer) -> str:
    """`text[:end]`, shortened to where no sequence is torn, if that is near and still fits."""
    for shorter in range(end, max(end - _LONGEST_SEQUENCE, -1), -1):
        if not _tears(text, shorter):
            prefix = text[:shorter]
            return prefix if count(prefix) <= budget else text[:end]
    return text[:end]


def _tears(text: str, index: int) -> bool:
    """Whether a cut before `text[index]` splits what a reader sees as one character."""
    if not 0 < index < len(text):
        return False
    before, after = text[index - 1], text[index]
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":
        return True
    if _ZERO_WIDTH_JOINER in (before, after) or "\U0001f3fb" <= after <= "\U0001f3ff":
        return True
    if _is_flag_half(after):
        start = index
        while start > 0 and _is_flag_half(text[start - 1]):
            start -= 1
        return (index - start) % 2 == 1
    return (before == "\r" and after == "\n") or unicodedata.category(after) in ("Mn", "Mc", "Me")


def _is_flag_half(character: str) -> bool:
    """Whether it is one of the letters that make a flag in pairs."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"
