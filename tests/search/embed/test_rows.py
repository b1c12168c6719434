"""Arithmetic on rows, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np

from ingat.search.embed.rows import run_sums, unit_rows


def test_unit_rows_have_length_one() -> None:
    assert unit_rows(np.array([[3, 4]], np.float32)).tolist() == [[np.float32(0.6), np.float32(0.8)]]


def test_a_row_of_zeros_stays_zero() -> None:
    assert unit_rows(np.zeros((1, 2), np.float32)).tolist() == [[0, 0]]


def test_run_sums_add_runs_and_give_zeros_for_empty_ones() -> None:
    rows = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    assert run_sums(rows, [0, 2, 0, 1, 0]).tolist() == [[0, 0], [4, 6], [0, 0], [5, 6], [0, 0]]


def test_run_sums_of_nothing_are_empty_runs() -> None:
    assert run_sums(np.zeros((0, 3), np.float32), [0, 0]).tolist() == [[0, 0, 0], [0, 0, 0]]
