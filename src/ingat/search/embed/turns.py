"""The vectors that are stored for a turn: one for each of its first sentences, and one for the whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ingat.search.embed.contract import Additive, Embedder
from ingat.search.embed.rows import run_sums, unit_rows

SENTENCES = 8
"""Sentences of a turn that get a vector of their own."""

SHORTEST_SENTENCE = 2
"""Words; a shorter sentence has no vector of its own. In a script without spaces every sentence is long enough."""

TURN_WORDS = 150
"""Words from the beginning of a turn that its whole vector is made of."""

TURN_CHARACTERS = 3_000
"""The same limit for text without spaces; also the most that is read of one sentence."""

READ_CHARACTERS = 10 * TURN_CHARACTERS
"""Where reading a turn ends in any case."""

_END = re.compile(r"[.!?](?=\s)|[。！？｡]|[\n\r\u2028\u2029]")
_NO_SPACES = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


class Parts:
    """A turn cut into pieces that do not overlap, so that each is read once.

    `sentences` holds, for each sentence with a vector of its own, its pieces' positions; `whole` those of the first
    `TURN_WORDS` words. The one piece boundary inside a sentence is where the whole ends.
    """

    __slots__ = ("pieces", "sentences", "whole")

    def __init__(self, text: str) -> None:
        self.pieces: list[str] = []
        self.sentences: list[list[int]] = []
        self.whole: list[int] = []
        words_left, characters_left = TURN_WORDS, TURN_CHARACTERS
        for sentence in _sentences(text[:READ_CHARACTERS]):
            words = sentence.split()
            if not words:
                continue
            own = len(self.sentences) < SENTENCES and _long_enough(words)
            if len(words) <= words_left and len(sentence) <= characters_left:
                head, tail = sentence, ""
                words_left, characters_left = words_left - len(words), characters_left - len(sentence)
            else:
                head = " ".join(words[:words_left])[:characters_left]
                tail = " ".join(words)[len(head) :].lstrip()
                words_left = characters_left = 0
            self._take(head, tail, own)
            if not words_left and len(self.sentences) == SENTENCES:
                break

    def _take(self, head: str, tail: str, own: bool) -> None:
        first = len(self.pieces)
        if head:
            self.whole.append(first)
            self.pieces.append(head)
        if tail and own:
            self.pieces.append(tail)
        if own:
            self.sentences.append(list(range(first, len(self.pieces))))

    def text_of(self, pieces: list[int]) -> str:
        """Return the text of the pieces at these positions."""
        return " ".join(self.pieces[piece] for piece in pieces)


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences one after another, so that a long text is cut only as far as it is read."""
    start = 0
    for end in _END.finditer(text):
        yield text[start : min(end.end(), start + TURN_CHARACTERS)]
        start = end.end()
    yield text[start : start + TURN_CHARACTERS]


def _long_enough(words: list[str]) -> bool:
    return len(words) >= SHORTEST_SENTENCE or _NO_SPACES.search(words[0]) is not None


def encode_turn(embedder: Embedder, text: str) -> NDArray[np.int8]:
    """Return the vectors of one turn; see `encode_turns`."""
    return encode_turns(embedder, [text])[0]


def encode_turns(embedder: Embedder, texts: Sequence[str]) -> list[NDArray[np.int8]]:
    """Return for each turn an array of shape (sentences + 1, dim): 127 times the unit vectors, rounded.

    The first rows are its sentences (none to `SENTENCES`), the last row is the turn as a whole. A row whose words the
    embedder does not know is all zero. Errors: those of `Embedder.encode`.
    """
    turns = [Parts(text) for text in texts]
    rows = _summed(embedder, turns) if isinstance(embedder, Additive) else _encoded(embedder, turns)
    small = np.rint(rows * np.float32(127)).astype(np.int8)
    out, first = [], 0
    for turn in turns:
        last = first + len(turn.sentences) + 1
        out.append(small[first:last])
        first = last
    return out


def _encoded(embedder: Embedder, turns: list[Parts]) -> NDArray[np.float32]:
    """Return every row of the turns from an embedder that must read each text by itself."""
    return embedder.encode([turn.text_of(row) for turn in turns for row in (*turn.sentences, turn.whole)])


def _summed(embedder: Additive, turns: list[Parts]) -> NDArray[np.float32]:
    """Return every row of the turns from sums of their pieces."""
    sums = embedder.sums([piece for turn in turns for piece in turn.pieces])
    taken: list[int] = []
    counts: list[int] = []
    offset = 0
    for turn in turns:
        for row in (*turn.sentences, turn.whole):
            taken.extend(offset + piece for piece in row)
            counts.append(len(row))
        offset += len(turn.pieces)
    return unit_rows(run_sums(sums[taken], counts))
