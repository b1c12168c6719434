"""Text to term ids: Unicode words, function words out, stems per language.

A *group* is one kept word: its main term, and other terms under which the same word may be met. The main term depends
on the word alone (script default: English for Latin, Russian for Cyrillic, …), never on a guess about the text. When
the text's function words say that its language is another one of the same script, the stem of that language is a second
term of the group. A turn is indexed under all terms of its groups, and a question asks for any of them, so a word
meets itself even when the language of a short question cannot be told, and meets its inflections when it can.

Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese runs become character bigrams (a single character when alone);
Chinese characters are indexed singly as well, with a small weight. Hebrew and Arabic words are also indexed without
their prefixes.
"""

from __future__ import annotations

import re
import threading
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import Stemmer

from ingat.search.stopwords import HAN_STOPS, KANA_STOPS, LANGUAGES, THAI_STOPS
from ingat.search.times import marks_of

Group = tuple[int, tuple[tuple[int, float], ...]]
"""Main term id, then (term id, weight) of the other terms under which the word is met."""

FOREIGN = 16
"""Mark of a word that is a function word of a language other than its script's default."""

CODES = tuple(LANGUAGES)
"""Language codes in their stored order."""

_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0900-\u0963\u0966-\u0dff\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0edf"
    "\u1000-\u1049\u1050-\u109f\u1780-\u17d3"
)
_ASCII_WORD = re.compile(r"\w+", re.ASCII)
_WORD = re.compile(rf"\w[\w{_MARKS}]*")
_DROPPED = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]"
)
_HAN = "\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_KANA = "\u3041-\u309f\u30a0-\u30ff\u31f0-\u31ff"
_SOUTHEAST = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff"
_HANGUL = "\u1100-\u11ff\uac00-\ud7af"
_UNSPACED = re.compile(f"[{_HAN}{_KANA}{_SOUTHEAST}{_HANGUL}]")
_RUNS = re.compile(f"[{_HAN}{_KANA}]+|[{_SOUTHEAST}]+|[{_HANGUL}]+|[^{_HAN}{_KANA}{_SOUTHEAST}{_HANGUL}]+")
_HAN_CHAR = re.compile(f"[{_HAN}]")
_KANA_CHAR = re.compile(f"[{_KANA}]")


def _any_of(phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(sorted(phrases.split(), key=len, reverse=True)))


_HAN_CUT = _any_of(HAN_STOPS)
_KANA_CUT = _any_of(KANA_STOPS)
_THAI_CUT = _any_of(THAI_STOPS)
_HAN_WEIGHT = 0.3
_LONGEST_WORD = 64
_CACHED_WORDS = 200_000
_CACHED_COMPLEX = 30_000
_LONGEST_COMPLEX = 24
_CACHED_BIGRAMS = 65_536

_DEFAULTS = (
    (0x0370, 0x0400, "el"),
    (0x0400, 0x0530, "ru"),
    (0x0530, 0x0590, "hy"),
    (0x0590, 0x0600, "he"),
    (0x0600, 0x0780, "ar"),
    (0x0900, 0x0980, "hi"),
    (0x0B80, 0x0C00, "ta"),
)
_STOPS = {code: frozenset(stops.casefold().split()) for code, (_, stops) in LANGUAGES.items()}
_SPEAKS: dict[str, list[str]] = {}
for _code, _words in _STOPS.items():
    for _word in _words:
        _SPEAKS.setdefault(_word, []).append(_code)
_STEMMERS = {code: Stemmer.Stemmer(name, 0) for code, (name, _) in LANGUAGES.items() if name}
_LOCK = threading.Lock()
_SIMPLE: dict[str, tuple[int, int]] = {}
_COMPLEX: dict[str, tuple[tuple[str, Group], ...]] = {}
_COMPLEX_TERM = -1
_SURE_HITS = 2
"""Function words of a language from which on they are dropped; one alone may be a word of another language."""


class Looked(NamedTuple):
    """What one text holds: its words, the kept groups with the word each came from, language code and time marks."""

    words: list[str]
    kept: list[str]
    groups: list[Group]
    language: str
    marks: list[int]


def term_id(stem: str) -> int:
    """Return the 32-bit id of a stem; fixed for ever, because it is stored."""
    return zlib.crc32(stem.encode("utf-8", "surrogatepass"))


def pair_id(first: int, second: int) -> int:
    """Return the 32-bit id of two adjacent terms."""
    return (first * 0x9E3779B1 + second) & 0xFFFFFFFF


def fold(text: str) -> str:
    """Return a text in the form in which words are compared: NFKC, case folded, without vowel points."""
    if text.isascii():
        return text.lower()
    return _DROPPED.sub("", unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


def is_function_word(word: str) -> bool:
    """Return whether a folded word is a function word of any language."""
    return word in _SPEAKS


def words_of(folded: str) -> list[str]:
    """Return the words of a folded text."""
    return (_ASCII_WORD if folded.isascii() else _WORD).findall(folded)


def look_up(folded: str, languages: Iterable[str] = ()) -> Looked:
    """Analyse a folded text; `languages` are further languages whose stems the words may be met under.

    English text costs one dictionary look-up a word.
    """
    words = words_of(folded)
    groups: list[Group] = []
    kept: list[str] = []
    marks: list[int] = []
    seen = 0
    for word in words:
        found = _SIMPLE.get(word) or _learn(word)
        term, mark = found
        if mark:
            marks.append(mark)
            seen |= mark
        else:
            marks.append(0)
        if term > 0:
            groups.append((term, ()))
            kept.append(word)
        elif term == _COMPLEX_TERM:
            for name, group in _complex(word):
                groups.append(group)
                kept.append(name)
    wanted = [code for code in languages if code != "en"]
    if seen & FOREIGN or wanted:
        language, spoken, hits = _languages_of(words)
        if wanted or spoken:
            sure = [code for code in spoken if hits >= _SURE_HITS or code in wanted]
            kept, groups = _other_stems(words, sure, [*dict.fromkeys([*spoken, *wanted])])
        return Looked(words, kept, groups, language, marks)
    return Looked(words, kept, groups, _default_of(words[0]) if words else "en", marks)


def _default_of(word: str) -> str:
    """Return the language that is assumed for a word's script; "en" for Latin and for scripts without a stemmer."""
    point = ord(word[0])
    if point < 0x0370:
        return "en"
    for first, end, code in _DEFAULTS:
        if first <= point < end:
            return code
    if _UNSPACED.match(word):
        return "th" if 0x0E01 <= point < 0x0E80 else "zh"
    return "en"


def _languages_of(words: Sequence[str]) -> tuple[str, list[str], int]:
    """Return the language of most function words, those besides the script's default to stem by, and their hits."""
    default = _default_of(words[0]) if words else "en"
    hits: dict[str, int] = {}
    for word in set(words):
        for code in _SPEAKS.get(word, ()):
            hits[code] = hits.get(code, 0) + 1
    floor = hits.get(default, 0)
    best = max(hits.values(), default=0)
    if best <= floor:
        return default, [], floor
    spoken = [code for code in CODES if hits.get(code, 0) == best and code != default][:3]
    return spoken[0], spoken, best


def _other_stems(words: Sequence[str], sure: Sequence[str], languages: Sequence[str]) -> tuple[list[str], list[Group]]:
    """Return words and groups with the stems of other languages added, and the function words of the sure ones out."""
    stops = [_STOPS[code] for code in sure]
    kept: list[str] = []
    groups: list[Group] = []
    for word in words:
        if any(word in stop for stop in stops):
            continue
        term = (_SIMPLE.get(word) or _learn(word))[0]
        if term == _COMPLEX_TERM and _default_of(word) not in ("ar", "he"):
            found = _complex(word)
        elif term == 0 and not sure:
            continue
        else:
            found = ((word, _with_stems(word, languages)),)
        for name, group in found:
            groups.append(group)
            kept.append(name)
    return kept, groups


def _with_stems(word: str, languages: Sequence[str]) -> Group:
    default = _default_of(word)
    base = _prefixed(word, default) if default in ("ar", "he") else (term_id(_stem(word, default)), ())
    extras = dict(base[1])
    for code in languages:
        if code in _STEMMERS and _same_script(code, default):
            term = term_id(_stem(word, code))
            if term != base[0]:
                extras[term] = 1.0
    return base[0], tuple(extras.items())


_SCRIPT = {"ru": "ru", "sr": "ru", "el": "el", "hy": "hy", "he": "he", "yi": "he", "ar": "ar", "fa": "ar", "hi": "hi"}
_SCRIPT |= {"ne": "hi", "ta": "ta"}


def _same_script(code: str, default: str) -> bool:
    return _SCRIPT.get(code, "en") == _SCRIPT.get(default, "en")


def _stem(word: str, code: str) -> str:
    stemmer = _STEMMERS.get(code)
    if stemmer is None:
        return word
    with _LOCK:
        return str(stemmer.stemWord(word[:_LONGEST_WORD]))


def _learn(word: str) -> tuple[int, int]:
    """Return (term or 0 for a function word or -1 for several terms, marks) of a word, and remember it."""
    default = _default_of(word)
    marks = marks_of(word)
    speaks = _SPEAKS.get(word, ())
    if any(code != default for code in speaks):
        marks |= FOREIGN
    if default in ("zh", "th", "he", "ar") or (not word.isascii() and _UNSPACED.search(word)):
        entry = (0 if default in speaks else _COMPLEX_TERM, marks)
    elif default in speaks:
        entry = (0, marks)
    else:
        entry = (term_id(_stem(word, default)) or 1, marks)
    if len(word) <= _LONGEST_WORD:
        if len(_SIMPLE) >= _CACHED_WORDS:
            _SIMPLE.clear()
        _SIMPLE[word] = entry
    return entry


def _complex(word: str) -> tuple[tuple[str, Group], ...]:
    """Return the parts, with their groups, of a word that has several terms."""
    found = _COMPLEX.get(word)
    if found is None:
        default = _default_of(word)
        found = ((word, _prefixed(word, default)),) if default in ("he", "ar") else tuple(_unspaced(word))
        if len(word) <= _LONGEST_COMPLEX and len(found) <= _LONGEST_COMPLEX // 4:
            if len(_COMPLEX) >= _CACHED_COMPLEX:
                _COMPLEX.clear()
            _COMPLEX[word] = found
    return found


def _prefixed(word: str, code: str) -> Group:
    """Return a Hebrew or Arabic word's group: itself, and without one, two or three prefix letters."""
    forms = [word]
    if code == "he":
        rest = word
        for _ in range(3):
            if rest[:1] not in "הובלמשכ" or len(rest) < (3 if rest[:1] == "ה" else 4):
                break
            rest = rest[1:]
            forms.append(rest)
    else:
        forms.append(_stem(word, code))
        for prefix in ("وال", "بال", "فال", "كال", "لل", "ال", "و", "ب", "ل", "ف", "ك"):
            if word.startswith(prefix) and len(word) - len(prefix) >= 3:
                rest = word[len(prefix) :]
                forms += [rest, _stem(rest, code)]
    terms = list(dict.fromkeys(term_id(form) for form in forms))
    return terms[0], tuple((term, 1.0) for term in terms[1:])


def _unspaced(word: str) -> Iterable[tuple[str, Group]]:
    """Yield the groups of a word that holds characters of languages written without spaces."""
    for run in _RUNS.findall(word):
        if not _UNSPACED.match(run):
            term, _ = _SIMPLE.get(run) or _learn(run)
            if term > 0:
                yield run, (term, ())
            continue
        if _KANA_CHAR.search(run):
            pieces = _KANA_CUT.split(run)
        elif _HAN_CHAR.match(run):
            pieces = _HAN_CUT.split(run)
        else:
            pieces = _THAI_CUT.split(run)
        for piece in pieces:
            yield from _bigrams(piece)


def _bigrams(piece: str) -> Iterable[tuple[str, Group]]:
    if len(piece) == 1:
        yield piece, (term_id(piece), ())
    for place in range(len(piece) - 1):
        yield _bigram(piece[place : place + 2])


@lru_cache(_CACHED_BIGRAMS)
def _bigram(bigram: str) -> tuple[str, Group]:
    singles = tuple((term_id(char), _HAN_WEIGHT) for char in bigram if _HAN_CHAR.match(char))
    return bigram, (term_id(bigram), singles)
