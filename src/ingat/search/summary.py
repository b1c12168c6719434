"""An extractive summary: the sentences of a conversation that say the most, in the order in which they were said.

Sentences are ranked like TextRank (Mihalcea and Tarau, 2004): a graph of sentences, weighted by the words that they
share (here the cosine of tf-idf over the terms of `search.text`), and the stationary weights of a random walk with
damping .85. What a rank is worth depends on who speaks and on numbers, names, dates and words of decision.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingat.search.cues import cue, names, numbers, without_talk
from ingat.search.entry import HAS_TIME, QUESTION, analyse
from ingat.search.text import look_up

MAX_WORDS = 500
"""Words of a summary at the most; see `words_in`."""
ALL_WORDS = 150
"""Of a conversation with no more words than these, everything is taken that says something."""
SHARE = 0.5
"""Of a longer one this part is taken, in words."""
LONGEST_READ = 8_000
"""Characters of one turn that are looked at."""
LONGEST_SENTENCE = 300
"""Characters; what is longer is cut at a comma or a space."""
MOST_OF_TURN = 40
"""Sentences of one turn that are looked at."""
MOST_RANKED = 400
"""Sentences that are compared with each other; of more, those that promise most."""
SHORT_ANSWER = 12
"""Words; a shorter answer is shown with its question."""
ALIKE = 0.75
"""Part of its terms that a sentence shares with one that is taken, from which on it says the same again.

One with a number, a name, a time or a word of decision does only when it shares all.
"""
DAMPING, ROUNDS = 0.85, 30

_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f]"
)
_CHARACTERS_A_WORD = 1.6
_STOP = re.compile(
    r"""(?<=[.!?…])(?P<closing>["'”’»)\]]*)\s+|(?<=[。！？｡])(?P<wide>[」』”’）)]*)\s*|(?<=[؟۔।॥])\s*|(?<!\s)\s*[\r\n]+\s*"""
)
_ABBREVIATED = re.compile(
    r"(?:^|[\s(])(?:mr|mrs|ms|dr|prof|st|no|vs|etc|e\.g|i\.e|approx|dept|jl|bpk|sdr|tgl|hlm|nr|bzw|z\.b|sr|sra|\w)\.$",
    re.IGNORECASE,
)
_LIST_NUMBER = re.compile(r"^\(?\d{1,3}[.)]$")
_PLACE_TO_CUT = re.compile(r"[,;،、，；:]\s*|\s+")
_DIGITS = re.compile(r"\d+")
_TERM = np.dtype([("term", "<u4"), ("count", "u1")])


class Turn(NamedTuple):
    """What one person said: `speaker` is how they are named, `own` says that it is the user the summary is about."""

    speaker: str
    own: bool
    text: str


class _Sentence(NamedTuple):
    turn: int
    place: int
    text: str


class _Unit(NamedTuple):
    """What is taken together: a sentence, or a short answer with its question.

    `told`: it holds a number, a name, a time or a word of decision; `strong`: it says something.
    """

    sentences: tuple[_Sentence, ...]
    terms: dict[int, int]
    figures: frozenset[str]
    told: bool
    worth: float
    strong: bool
    words: int


def sentences(text: str) -> list[str]:
    """Return the sentences of a text in any script, none longer than LONGEST_SENTENCE."""
    parts: list[str] = []
    held = ""
    start = 0
    for stop in [*_STOP.finditer(text), None]:
        end = max(stop.start(), stop.end("closing"), stop.end("wide")) if stop else len(text)
        piece = f"{held} {text[start:end]}".strip() if held else text[start:end].strip()
        start = stop.end() if stop else end
        if stop is not None and "\n" not in stop[0] and (_ABBREVIATED.search(piece[-12:]) or _LIST_NUMBER.match(piece)):
            held = piece
            continue
        held = ""
        if piece:
            parts += _shortened(piece)
    return parts + _shortened(held) if held else parts


def _shortened(piece: str) -> list[str]:
    parts = []
    while len(piece) > LONGEST_SENTENCE:
        places = [each.end() for each in _PLACE_TO_CUT.finditer(piece, LONGEST_SENTENCE // 3, LONGEST_SENTENCE)]
        end = places[-1] if places else LONGEST_SENTENCE
        parts.append(piece[:end].strip())
        piece = piece[end:].strip()
    return [part for part in (*parts, piece) if part]


def words_in(text: str) -> int:
    """Return how many words a text has; scripts without spaces count 1.6 characters for a word."""
    if text.isascii():
        return len(text.split())
    characters = len(_UNSPACED.findall(text))
    return len(_UNSPACED.sub(" ", text).split()) + math.ceil(characters / _CHARACTERS_A_WORD)


def promise(text: str, *, own: bool) -> float:
    """Return roughly how much a turn may say, cheaply: what is chosen of a conversation too long to be read whole."""
    read = text[:1_000]
    said = 1.0 + numbers(read) + 0.7 * names(read) + 1.5 * cue(read) + min(len(read), 200) / 200
    return said * (1.0 if own else 0.5)


def cut(text: str, most_words: int = MAX_WORDS) -> str:
    """Return the beginning of a text that has no more words than these, ending with a sentence where one ends."""
    if words_in(text) <= most_words:
        return text
    kept, spent = "", 0
    for line in text.splitlines():
        for number, sentence in enumerate(sentences(line)):
            spent += words_in(sentence)
            if spent > most_words:
                return kept.strip() or sentence[: most_words * 2]
            kept += f"{'' if number == 0 else ' '}{sentence}"
        kept += "\n"
    return kept.strip()


def summarise(turns: Sequence[Turn], most_words: int = MAX_WORDS) -> str:
    """Return what was said that says the most, one line for each time somebody speaks; empty when nothing was said.

    Facts, names, numbers, dates and decisions come before the rest, what the user said before what was said to them;
    greetings, thanks and bare questions are taken only when there is nothing else. What is said twice is taken once.
    At most `most_words` words. The same turns give the same summary.
    """
    units = _units(turns)
    said = [unit for unit in units if unit.strong] or units
    if not said:
        return ""
    said = _most_promising(said)
    room = min(most_words, max(ALL_WORDS, round(SHARE * sum(unit.words for unit in said))))
    weights = _ranks(said)
    order = sorted(range(len(said)), key=lambda each: (-said[each].worth * (0.5 + float(weights[each])), each))
    taken: list[_Unit] = []
    spent = 0
    for each in order:
        unit = said[each]
        if spent + unit.words <= room and not any(_says_again(unit, other) for other in taken):
            taken.append(unit)
            spent += unit.words
    if not taken:
        return cut(" ".join(sentence.text for sentence in said[order[0]].sentences), most_words)
    return _written(turns, taken)


def _written(turns: Sequence[Turn], taken: Iterable[_Unit]) -> str:
    """Return the sentences in the order in which they were said, with who said them before each change of speaker."""
    ordered = sorted({(each.turn, each.place): each for unit in taken for each in unit.sentences}.items())
    lines: list[str] = []
    speaker: str | None = None
    for _, sentence in ordered:
        who = turns[sentence.turn].speaker
        if who == speaker:
            gap = "" if _UNSPACED.match(lines[-1][-2:-1] or " ") and not lines[-1].endswith((".", "!", "?")) else " "
            lines[-1] += gap + sentence.text
        else:
            lines.append(f"{who}: {sentence.text}")
            speaker = who
    return "\n".join(lines)


def _units(turns: Sequence[Turn]) -> list[_Unit]:
    units: list[_Unit] = []
    asked: _Sentence | None = None
    for number, turn in enumerate(turns):
        question, asked = asked, None
        for place, part in enumerate(sentences(turn.text[:LONGEST_READ])[:MOST_OF_TURN]):
            sentence = _Sentence(number, place, part)
            answers = (
                place == 0
                and question is not None
                and turns[question.turn].speaker != turn.speaker
                and words_in(part) <= SHORT_ANSWER
            )
            pair = (question, sentence) if answers and question is not None and _says(question.text) else (sentence,)
            units.append(_unit(turn, pair))
            if analyse(part, author=None, at_ms=None).flags & QUESTION:
                asked = sentence
    return units


def _unit(turn: Turn, parts: tuple[_Sentence, ...]) -> _Unit:
    text = " ".join(part.text for part in parts)
    entry = analyse(text, author=None, at_ms=None)
    records = np.frombuffer(entry.terms, _TERM)
    terms = dict(zip(records["term"].tolist(), records["count"].tolist(), strict=True))
    told, named, timed, stated = numbers(text), names(text), bool(entry.flags & HAS_TIME), cue(text)
    features = 0.5 * told + 0.4 * named + 0.5 * timed + 0.9 * stated
    asks = bool(entry.flags & QUESTION)
    worth = (1.0 + features) * (1.0 if turn.own else 0.6) * (0.5 if asks else 1.0)
    if len(terms) < 3:
        worth *= 0.6
    strong = _says(text) and (bool(features) or (turn.own and not asks) or (turn.own and len(terms) >= 4))
    if asks and not turn.own and len(parts) == 1:
        strong = strong and bool(told or timed)
    label = words_in(turn.speaker)
    words = sum(words_in(part.text) + label for part in parts)
    return _Unit(parts, terms, frozenset(_DIGITS.findall(text)), bool(features), worth, strong, words)


def _says(text: str) -> bool:
    """Return whether a sentence says more than a greeting, thanks or a filler."""
    left, greets = without_talk(text)
    groups = len(look_up(left).groups)
    if greets and not cue(text):
        return groups > 1 or bool(numbers(text))
    return groups > 0


def _most_promising(units: list[_Unit]) -> list[_Unit]:
    """Return at most MOST_RANKED units in their order."""
    if len(units) <= MOST_RANKED:
        return units
    best = sorted(range(len(units)), key=lambda each: (-units[each].worth, each))[:MOST_RANKED]
    return [units[each] for each in sorted(best)]


def _ranks(units: Sequence[_Unit]) -> NDArray[np.float32]:
    """Return the weight of each unit among the others, the greatest being 1."""
    number = len(units)
    known: dict[int, int] = {}
    for unit in units:
        for term in unit.terms:
            known.setdefault(term, len(known))
    matrix = np.zeros((number, max(1, len(known))), np.float32)
    for row, unit in enumerate(units):
        for term, count in unit.terms.items():
            matrix[row, known[term]] = 1.0 + math.log(count)
    held = np.count_nonzero(matrix, axis=0)
    matrix *= np.log1p(number / np.maximum(held, 1)).astype(np.float32)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix /= np.where(lengths > 0, lengths, 1)
    graph = matrix @ matrix.T
    np.fill_diagonal(graph, 0)
    sums = graph.sum(axis=1, keepdims=True)
    graph = np.where(sums > 0, graph / np.where(sums > 0, sums, 1), np.float32(1 / number))
    weights = np.full(number, 1 / number, np.float32)
    for _ in range(ROUNDS):
        weights = np.float32((1 - DAMPING) / number) + np.float32(DAMPING) * (weights @ graph)
    found: NDArray[np.float32] = np.round(weights / np.float32(np.max(weights)), 4)
    return found


def _says_again(unit: _Unit, other: _Unit) -> bool:
    """Return whether a unit says what another does; one that names other figures does not."""
    if unit.figures - other.figures:
        return False
    shared = len(unit.terms.keys() & other.terms.keys())
    return shared >= (1.0 if unit.told else ALIKE) * len(unit.terms)
