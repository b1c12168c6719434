"""Arithmetic on matrices with one vector a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows at length 1; rows of zeros stay zero."""
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    length[length == 0] = 1
    scaled: NDArray[np.float32] = rows / length[:, None]
    return scaled


def run_sums(rows: NDArray[np.float32], counts: Sequence[int]) -> NDArray[np.float32]:
    """Return the sums of runs of rows: the first `counts[0]` rows, the next `counts[1]`, …; an empty run gives zeros.

    The counts add up to the number of rows.
    """
    length = np.array(counts, np.intp)
    out = np.zeros((len(length), rows.shape[1]), np.float32)
    full = np.flatnonzero(length)
    if len(full):
        out[full] = np.add.reduceat(rows, np.cumsum(length)[full] - length[full], axis=0)
    return out
