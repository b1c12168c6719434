"""`ingat import` and `ingat eval` on a small file of each kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import Ingat

LOCOMO: list[dict[str, Any]] = [
    {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ayu",
            "speaker_b": "Bram",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ayu", "dia_id": "D1:1", "text": "I adopted a grey kitten yesterday"},
                {"speaker": "Bram", "dia_id": "D1:2", "text": "My tomatoes are finally ripe"},
            ],
        },
        "qa": [{"question": "What did Ayu adopt?", "answer": "a kitten", "evidence": ["D1:1"], "category": 4}],
    }
]


@pytest.fixture
def file(ingat: Ingat) -> str:
    path = ingat.folder / "small.json"
    path.write_text(json.dumps(LOCOMO))
    return str(path)


def test_an_import_can_be_recalled(ingat: Ingat, file: str) -> None:
    done = ingat.json("import", "locomo", file)
    (user,) = ingat.json("users", "list")["users"]

    assert (done["users"], done["sessions"], done["messages"]) == (1, 1, 2)
    assert (
        "kitten" in ingat.json("recall", user["user_id"], "who adopted a kitten?", "--author", "Ayu")["hits"][0]["text"]
    )


def test_a_second_import_adds_nothing(ingat: Ingat, file: str) -> None:
    ingat.said("import", "locomo", file)

    assert "2 messages were there already" in ingat.said("import", "locomo", file)


def test_an_evaluation_leaves_the_store_alone(ingat: Ingat, file: str) -> None:
    measured = ingat.json("eval", "locomo", file)

    assert measured["overall"]["R@5"] == 100.0
    assert {"R@5", "R@10", "R@20", "nDCG@10"} <= measured["overall"].keys()
    assert list(measured["categories"]) == ["single-hop"]
    assert not (ingat.folder / "ingat.db").exists()


def test_an_evaluation_uses_the_store_that_is_named(ingat: Ingat, file: str) -> None:
    ingat.said("eval", "locomo", file, "--store", ingat.url)

    assert ingat.json("stats")["messages"]["total"] == 2


def test_a_measurement_is_a_table_for_people(ingat: Ingat, file: str) -> None:
    shown = ingat.said("eval", "locomo", file)

    assert "nDCG@10" in shown
    assert "questions a second" in shown


def test_another_format_is_refused(ingat: Ingat, file: str) -> None:
    Path(file).write_text("{}")

    ingat.refused("import", "beam", file, code="invalid_file")
