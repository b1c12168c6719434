"""Rows laid out session after session, so that the turns around a turn are its neighbours in an array.

A *line* is a row's place in this order. While a user's sessions do not interleave, lines are rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DECAY = (0.4, 0.3, 0.2)
"""What a turn receives of the words of turns 1, 2 and 3 places away."""
LONG_TURN = 40
"""Words above which a turn receives less, because it stands on its own."""
NEXT_TURN = 0.3
"""What a turn receives of the score of the turn after it."""
ANSWER = 0.3
"""What a turn receives of the score of a question of another author just before it."""
LONGEST_QUESTION = 60
"""Words; a longer turn that ends in a question mark is not a question that the next turn answers."""

Floats = NDArray[np.float32]


class Layout:
    """The session order of some rows, and what a line gives to the lines around it (0 across sessions)."""

    __slots__ = ("answer", "following", "lines", "next_turn", "preceding", "rows", "session_of_line", "session_starts")

    def __init__(
        self,
        threads: NDArray[np.int32],
        seqs: NDArray[np.int64],
        words: NDArray[np.int32],
        asks: NDArray[np.bool_],
        speakers: NDArray[np.int32],
    ) -> None:
        """Take columns by row: thread (a session, or one of its own), order in it, words, ends with "?", speaker."""
        self.rows = _order(threads, seqs)
        self.lines: NDArray[np.intp] | None = None
        if self.rows is not None:
            self.lines = np.empty_like(self.rows)
            self.lines[self.rows] = np.arange(len(self.rows))
            threads, words = threads[self.rows], words[self.rows]
            asks, speakers = asks[self.rows], speakers[self.rows]
        damped = np.minimum(1.0, LONG_TURN / np.maximum(words, 1)).astype(np.float32)
        self.following: list[Floats] = []
        self.preceding: list[Floats] = []
        for distance, decay in enumerate(DECAY, 1):
            same = threads[distance:] == threads[:-distance]
            following, preceding = np.zeros(len(threads), np.float32), np.zeros(len(threads), np.float32)
            following[:-distance] = np.float32(decay) * same * damped[distance:]
            preceding[distance:] = np.float32(decay) * same * damped[:-distance]
            self.following.append(following)
            self.preceding.append(preceding)
        same = threads[1:] == threads[:-1]
        self.next_turn: Floats = np.float32(NEXT_TURN) * same
        answered = same & asks[:-1] & (words[:-1] <= LONGEST_QUESTION) & (speakers[:-1] != speakers[1:])
        self.answer: Floats = np.float32(ANSWER) * answered
        self.session_starts = np.append(0, np.flatnonzero(~same) + 1)
        self.session_of_line = np.cumsum(np.append(False, ~same))

    def to_lines(self, by_row: Floats) -> Floats:
        """Return row values in line order."""
        return by_row if self.rows is None else by_row[self.rows]

    def to_rows(self, by_line: Floats) -> Floats:
        """Return line values in row order."""
        return by_line if self.lines is None else by_line[self.lines]

    def session_best(self, by_row: Floats) -> Floats:
        """Return for each row the greatest value in its session."""
        best = np.maximum.reduceat(self.to_lines(by_row), self.session_starts)
        return self.to_rows(best[self.session_of_line])


def _order(threads: NDArray[np.int32], seqs: NDArray[np.int64]) -> NDArray[np.intp] | None:
    """Return the rows in session order, or None when they are in it already."""
    step = np.diff(threads)
    if bool(np.all((step > 0) | ((step == 0) & (np.diff(seqs) > 0)))):
        return None
    return np.lexsort((seqs, threads))
