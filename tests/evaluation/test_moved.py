"""The development files on their way to the other engine and back, where INGAT_EVAL_DATA names their folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ingat
from ingat.core.records import Hit
from ingat.evaluation.dataset import Dataset
from ingat.evaluation.measure import evaluate
from ingat.evaluation.readers import read_dataset
from ingat.lifecycle.move import move
from ingat.memory import Memory
from tests import postgres
from tests.lifecycle.moving import rows_of

FOLDER = os.environ.get("INGAT_EVAL_DATA")
MOVING = Path(__file__).parents[1] / "faults" / "programs" / "moving.py"
KILLED_AT, QUESTIONS = 250, 30

pytestmark = pytest.mark.skipif(not FOLDER, reason="INGAT_EVAL_DATA names no folder with locomo-dev.json")


def found(url: str, data: Path, dataset: Dataset) -> list[tuple[Hit, ...]]:
    """Return what some of the questions find in a store, to the last hit."""
    with Memory(url, data=str(data)) as memory:
        asked = list(dataset.questions())[:: max(1, sum(1 for _ in dataset.questions()) // QUESTIONS)]
        return [memory.recall(user_id, each.text, 20, explain=True).hits for user_id, each in asked]


def test_locomo_is_the_same_after_a_way_there_and_back_that_was_killed(tmp_path: Path) -> None:
    dataset = read_dataset("locomo", Path(FOLDER or "") / "locomo-dev.json")
    source, back = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/back.db"
    with Memory(source) as memory:
        scores = evaluate(memory, dataset).overall
    before, hits = rows_of(source), found(source, tmp_path / "a.db.data", dataset)

    with postgres.empty_store() as there:
        words = [sys.executable, str(MOVING), source, there, str(tmp_path / "there"), str(KILLED_AT)]
        environment = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}
        killed = subprocess.run(words, env=environment, capture_output=True, timeout=120, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr

        moved = move(source, there, target_data=str(tmp_path / "there"))

        assert moved.resumed
        assert 0 < moved.rows_copied < moved.rows
        assert found(there, tmp_path / "there", dataset) == hits
        again = move(there, back, source_data=str(tmp_path / "there"))

    assert again.tables == moved.tables
    assert rows_of(back) == rows_of(source) == before
    assert found(back, tmp_path / "back.db.data", dataset) == hits
    assert scores.recall_10 >= 79
