"""The int8 vectors of one user's turns, in blocks, and their cosines with a question.

A turn has one whole vector and up to a few sentence vectors. Blocks hold `BLOCK` rows of whole vectors, or as many
sentence vectors; a full block never moves, so growing does not stall, and a reader keeps what it has.
"""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T", bound=np.generic)

BLOCK = 4096
"""Vectors in a block."""
_STEP = 1024
_NONE = np.float32(-1.0)


class _Scratch(threading.local):
    """A float32 buffer for each thread, reused between searches."""

    def __init__(self) -> None:
        self.buffer = np.empty((0, 0), np.float32)

    def of(self, dim: int) -> NDArray[np.float32]:
        if self.buffer.shape != (_STEP, dim):
            self.buffer = np.empty((_STEP, dim), np.float32)
        return self.buffer


_SCRATCH = _Scratch()


class Sentences(NamedTuple):
    """Where the sentence vectors of rows are: groups in order of arrival, a group being one row's sentences."""

    rows: NDArray[np.int32]
    starts: NDArray[np.int32]
    number: int
    used: int


class Vectors:
    """Whole and sentence vectors by row. One writer at a time; readers use what was there when they began."""

    def __init__(self, dim: int) -> None:
        """Hold vectors of `dim` components."""
        self.dim = dim
        self._wholes: list[NDArray[np.int8]] = []
        self._inverse = np.zeros(0, np.float32)
        self._present = np.zeros(0, np.bool_)
        self._blocks: list[NDArray[np.int8]] = []
        self._sentence_inverse = np.zeros(0, np.float32)
        self._rows = np.empty(0, np.int32)
        self._starts = np.empty(0, np.int32)
        self._group_of_row = np.empty(0, np.int32)
        self.sentences = Sentences(self._rows, self._starts, 0, 0)
        self.filled = 0

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        arrays: tuple[NDArray[Any], ...] = (self._inverse, self._present, self._group_of_row)
        arrays += (self._sentence_inverse, self._rows, self._starts)
        return sum(a.nbytes for a in arrays) + sum(block.nbytes for block in (*self._wholes, *self._blocks))

    def put(self, rows: NDArray[np.int64], parts: list[NDArray[np.int8]]) -> None:
        """Store the vectors of rows that have none yet: each array's last row is the whole, the others sentences."""
        if not len(rows):
            return
        self._reserve(int(np.max(rows)) + 1)
        flat = np.concatenate(parts)
        inverse = _inverse_norms(flat)
        ends = np.cumsum([len(part) for part in parts]) - 1
        wholes = flat[ends]
        blocks = rows // BLOCK
        for block in range(int(np.min(blocks)), int(np.max(blocks)) + 1):
            here = blocks == block
            self._wholes[block][rows[here] % BLOCK] = wholes[here]
        self._inverse[rows] = inverse[ends]
        counts = np.diff(ends, prepend=-1) - 1
        if len(flat) > len(rows):
            sentence = np.ones(len(flat), np.bool_)
            sentence[ends] = False
            having = np.flatnonzero(counts)
            self._put_sentences(rows[having], counts[having], flat[sentence], inverse[sentence])
        self._present[rows] = True
        self.filled += len(rows)

    def _reserve(self, rows: int) -> None:
        _make_room(self._wholes, rows, self.dim)
        if len(self._inverse) < rows:
            self._inverse = _grown(self._inverse, rows, 0)
            self._present = _grown(self._present, rows, 0)
            self._group_of_row = _grown(self._group_of_row, rows, -1)

    def _put_sentences(
        self,
        rows: NDArray[np.int64],
        counts: NDArray[np.int64],
        flat: NDArray[np.int8],
        inverse: NDArray[np.float32],
    ) -> None:
        number, used = self.sentences.number, self.sentences.used
        total = len(flat)
        _make_room(self._blocks, used + total, self.dim)
        done = 0
        while done < total:
            place = used + done
            take = min(total - done, BLOCK - place % BLOCK)
            self._blocks[place // BLOCK][place % BLOCK : place % BLOCK + take] = flat[done : done + take]
            done += take
        if len(self._sentence_inverse) < used + total:
            self._sentence_inverse = _grown(self._sentence_inverse, used + total, 0)
        self._sentence_inverse[used : used + total] = inverse
        if len(self._rows) < number + len(rows) + 1:
            self._rows = _grown(self._rows, number + len(rows) + 1, 0)
            self._starts = _grown(self._starts, number + len(rows) + 1, 0)
        self._rows[number : number + len(rows)] = rows
        ends = used + np.cumsum(counts)
        self._starts[number : number + len(rows)] = ends - counts
        self._starts[number + len(rows)] = used + total
        self._group_of_row[rows] = np.arange(number, number + len(rows))
        self.sentences = Sentences(self._rows, self._starts, number + len(rows), used + total)

    def whole_cosines(self, question: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
        """Return the cosine of each row's whole vector with the unit question; 0 where a row has none."""
        out = np.zeros(rows, np.float32)
        known = min(rows, len(self._inverse), sum(map(len, self._wholes)))
        _products(self._wholes, question, out[:known])
        out[:known] *= self._inverse[:known]
        return out

    def has(self, rows: int) -> NDArray[np.bool_]:
        """Return which of the first rows have vectors."""
        out = np.zeros(rows, np.bool_)
        known = min(rows, len(self._present))
        out[:known] = self._present[:known]
        return out

    def known(self, rows: int) -> NDArray[np.bool_]:
        """Return which of the first rows have a whole vector that is not zero."""
        out = np.zeros(rows, np.bool_)
        held = min(rows, len(self._inverse))
        out[:held] = self._inverse[:held] > 0
        return out

    def sentence_cosines(self, question: NDArray[np.float32], wholes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the greatest sentence cosine of each row; a row without sentences has its whole cosine."""
        held = self.sentences
        best = wholes.copy()
        if held.number:
            cosines = np.empty(held.used, np.float32)
            _products(self._blocks, question, cosines)
            cosines *= self._sentence_inverse[: held.used]
            greatest = np.maximum.reduceat(cosines, held.starts[: held.number])
            owners = held.rows[: held.number]
            inside = owners < len(best)
            best[owners[inside]] = greatest[inside]
        return best

    def sentence_cosines_of(
        self, question: NDArray[np.float32], wholes: NDArray[np.float32], rows: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the greatest sentence cosine of some rows only."""
        held = self.sentences
        best = wholes[rows].copy()
        known = rows < len(self._group_of_row)
        groups = np.where(known, self._group_of_row[np.where(known, rows, 0)], -1)
        groups[groups >= held.number] = -1
        having = np.flatnonzero(groups >= 0)
        if not len(having):
            return best
        first = held.starts[groups[having]].astype(np.int64)
        number = held.starts[groups[having] + 1].astype(np.int64) - first
        begins = np.cumsum(number) - number
        places = np.arange(int(number.sum())) + np.repeat(first - begins, number)
        cosines = np.empty(len(places), np.float32)
        order = np.argsort(places)
        self._product_of_places(places[order], order, question, cosines)
        best[having] = np.maximum.reduceat(cosines, begins)
        return best

    def _product_of_places(
        self,
        places: NDArray[np.int64],
        order: NDArray[np.int64],
        question: NDArray[np.float32],
        out: NDArray[np.float32],
    ) -> None:
        """Write the cosine of the sentence vector at each sorted place to `out[order]`."""
        scratch = _SCRATCH.of(self.dim)
        bounds = np.searchsorted(places, np.arange(len(self._blocks) + 1) * BLOCK)
        for block, (begin, end) in enumerate(pairwise(bounds)):
            for start in range(int(begin), int(end), _STEP):
                stop = min(start + _STEP, int(end))
                part = scratch[: stop - start]
                part[:] = self._blocks[block][places[start:stop] - block * BLOCK]
                out[order[start:stop]] = part @ question
        out[order] *= self._sentence_inverse[places]


def _make_room(blocks: list[NDArray[np.int8]], total: int, dim: int) -> None:
    """Add blocks for `total` vectors; only the first block starts small and is replaced by a larger copy of itself."""
    held = len(blocks[0]) if blocks else 0
    if held < min(total, BLOCK):
        first = np.zeros((min(BLOCK, max(total, 2 * held, 16)), dim), np.int8)
        if blocks:
            first[:held] = blocks[0]
        blocks[:1] = [first]
    while len(blocks) * BLOCK < total:
        blocks.append(np.zeros((BLOCK, dim), np.int8))


def _products(blocks: list[NDArray[np.int8]], question: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    scratch = _SCRATCH.of(len(question))
    for start in range(0, len(out), _STEP):
        stop = min(start + _STEP, len(out))
        block = blocks[start // BLOCK]
        part = scratch[: stop - start]
        np.copyto(part, block[start % BLOCK : start % BLOCK + stop - start])
        np.dot(part, question, out=out[start:stop])


def _inverse_norms(vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    norms = np.empty(len(vectors), np.float32)
    scratch = _SCRATCH.of(vectors.shape[1])
    for start in range(0, len(vectors), _STEP):
        part = scratch[: min(_STEP, len(vectors) - start)]
        np.copyto(part, vectors[start : start + _STEP])
        np.einsum("ij,ij->i", part, part, out=norms[start : start + _STEP])
    np.sqrt(norms, out=norms)
    norms[norms == 0] = np.inf
    inverse: NDArray[np.float32] = 1.0 / norms
    return inverse


def _grown(old: NDArray[_T], least: int, fill: int) -> NDArray[_T]:
    new = np.full(max(least, len(old) * 2, 64), fill, old.dtype)
    new[: len(old)] = old
    return new
