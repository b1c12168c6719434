"""The quality of recall on the development files, where INGAT_EVAL_DATA names the folder that holds them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingat.evaluation.measure import Scores, evaluate
from ingat.evaluation.readers import read_dataset
from ingat.memory import Memory
from tests import postgres

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


@pytest.mark.parametrize(("kind", "file"), [("locomo", "locomo-dev.json"), ("beam", "beam-100k-dev.json")])
def test_the_figures_are_the_same_on_both_engines(kind: str, file: str, tmp_path: Path) -> None:
    dataset = read_dataset(kind, Path(FOLDER or "") / file)
    with (
        postgres.empty_store() as url,
        Memory(url, data=str(tmp_path)) as on_postgres,
        Memory(":memory:") as on_sqlite,
    ):
        measured = [evaluate(memory, dataset) for memory in (on_sqlite, on_postgres)]

    assert measured[0].overall == measured[1].overall
    assert measured[0].categories == measured[1].categories
    assert measured[0].mode == measured[1].mode


def test_locomo_is_recalled_by_words_alone() -> None:
    assert _measured("locomo", "locomo-dev.json", "none").recall_10 >= 77
