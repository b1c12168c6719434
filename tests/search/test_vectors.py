from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingat.search import vectors as module
from ingat.search.vectors import Vectors

DIM = 8


def made(counts: list[int], seed: int) -> list[NDArray[np.int8]]:
    random = np.random.default_rng(seed)
    return [random.integers(-127, 128, (count + 1, DIM), np.int8) for count in counts]


def expected(parts: list[NDArray[np.int8]], question: NDArray[np.float32]) -> tuple[list[float], list[float]]:
    cosines = [part.astype(float) @ question / np.linalg.norm(part.astype(float), axis=1) for part in parts]
    return [own[-1] for own in cosines], [max(own[:-1], default=own[-1]) for own in cosines]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(0, 9))
def test_cosines_are_exact_whatever_the_order_of_arrival(counts: list[int], seed: int) -> None:
    parts = made(counts, seed)
    question = np.full(DIM, DIM**-0.5, np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", 16)
        patch.setattr(module, "_STEP", 16)
        held = Vectors(DIM)
        order = np.random.default_rng(seed).permutation(len(parts))
        for row in order:
            held.put(np.array([row]), [parts[row]])
        wholes = held.whole_cosines(question, len(parts))
        sentences = held.sentence_cosines(question, wholes)
        rows = np.arange(0, len(parts), 2)
        some = held.sentence_cosines_of(question, wholes, rows)
    whole, best = expected(parts, question)
    assert np.allclose(wholes, whole, atol=1e-5)
    assert np.allclose(sentences, best, atol=1e-5)
    assert np.allclose(some, np.array(best)[rows], atol=1e-5)


@pytest.mark.parametrize("filled", [1, 16, 17, 100])
def test_rows_beyond_those_with_vectors_have_cosine_zero(filled: int) -> None:
    held = Vectors(DIM)
    held.put(np.arange(filled), made([1] * filled, 1))
    cosines = held.whole_cosines(np.full(DIM, DIM**-0.5, np.float32), 5000)
    assert len(cosines) == 5000
    assert not cosines[filled:].any()


def test_all_zero_vector_counts_as_present_and_has_cosine_zero() -> None:
    held = Vectors(DIM)
    held.put(np.array([1]), [np.zeros((1, DIM), np.int8)])
    assert held.has(3).tolist() == [False, True, False]
    assert held.whole_cosines(np.ones(DIM, np.float32), 3).tolist() == [0, 0, 0]
