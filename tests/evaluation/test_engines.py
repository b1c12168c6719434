"""Both engines recall the same lines with the same scores, and so are measured alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingat.evaluation.dataset import Dataset
from ingat.evaluation.measure import evaluate
from ingat.evaluation.readers import read_dataset
from ingat.memory import Memory
from tests import postgres
from tests.evaluation.files import BEAM, LOCOMO, written


@pytest.fixture
def memories(tmp_path: Path) -> Iterator[tuple[Memory, Memory]]:
    with (
        postgres.empty_store() as url,
        Memory(url, data=str(tmp_path / "data")) as on_postgres,
        Memory(f"sqlite:///{tmp_path}/ingat.db") as on_sqlite,
    ):
        yield on_sqlite, on_postgres


@pytest.mark.parametrize(("kind", "content"), [("locomo", LOCOMO), ("beam", BEAM)])
def test_figures_and_hits_are_the_same(
    memories: tuple[Memory, Memory], kind: str, content: list[dict[str, Any]], tmp_path: Path
) -> None:
    dataset: Dataset = read_dataset(kind, written(tmp_path, content))
    measured = [evaluate(memory, dataset) for memory in memories]
    hits = [
        [
            (hit.source_id, hit.text, hit.score, hit.why)
            for user_id, question in dataset.questions()
            for hit in memory.recall(user_id, question.text, 20).hits
        ]
        for memory in memories
    ]

    assert measured[0].overall == measured[1].overall
    assert measured[0].categories == measured[1].categories
    assert measured[0].imported == measured[1].imported
    assert hits[0] == hits[1]
    assert hits[0]
