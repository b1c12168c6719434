"""The quality of recall on the development files, where INGAT_EVAL_DATA names the folder that holds them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingat.evaluation.measure import Scores, evaluate
from ingat.evaluation.readers import read_dataset
from ingat.memory import Memory

FOLDER = os.environ.get("INGAT_EVAL_DATA")

pytestmark = pytest.mark.skipif(not FOLDER, reason="INGAT_EVAL_DATA names no folder with locomo-dev.json")


def _measured(kind: str, file: str, embedder: str) -> Scores:
    dataset = read_dataset(kind, Path(FOLDER or "") / file)
    with Memory(":memory:", embedder=embedder) as memory:
        return evaluate(memory, dataset).overall


def test_locomo_is_recalled_with_the_shipped_settings() -> None:
    scores = _measured("locomo", "locomo-dev.json", "static")

    assert scores.recall_10 >= 79
    assert scores.recall_5 >= 71
    assert scores.ndcg_10 >= 63


def test_beam_is_recalled_with_the_same_settings() -> None:
    assert _measured("beam", "beam-100k-dev.json", "static").recall_10 >= 60


def test_locomo_is_recalled_by_words_alone() -> None:
    assert _measured("locomo", "locomo-dev.json", "none").recall_10 >= 77
