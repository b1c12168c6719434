"""`ingat import` and `ingat eval` on a small file of each kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingat.evaluation.dataset import Dataset
from ingat.evaluation.importing import Progress, import_dataset
from ingat.memory import Memory
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


@pytest.mark.parametrize("command", ["import", "eval"])
def test_people_are_told_of_a_store_that_stays_and_of_no_other(unmade: Ingat, file: str, command: str) -> None:
    assert ("new store" in unmade(command, "locomo", file).stderr) == (command == "import")


def stop_after_one(memory: Memory, dataset: Dataset, progress: Progress) -> None:
    """Import one session, and be interrupted as by Ctrl-C."""

    def tell(done: int, total: int) -> None:
        progress(done, total)
        raise KeyboardInterrupt

    import_dataset(memory, dataset, tell)


def test_an_import_that_is_interrupted_says_how_much_is_in(
    ingat: Ingat, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as change:
        change.setattr("ingat.cli.datasets.import_dataset", stop_after_one)
        result = ingat("import", "locomo", file)

    assert result.exit_code == 130
    assert "Interrupted. 1 of 1 sessions are in; run it again to bring in the rest.\n" in result.stderr
    assert ingat.json("import", "locomo", file)["already_there"] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [(["eval"], "Nothing is kept: the store is gone."), (["import", "--store", ":memory:"], "Nothing is kept: ")],
)
def test_an_interruption_claims_nothing_for_a_store_that_is_gone(
    ingat: Ingat, file: str, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.setattr("ingat.cli.datasets.import_dataset", stop_after_one)
    monkeypatch.setattr("ingat.cli.datasets.evaluate", stop_after_one)
    result = ingat(words[0], "locomo", file, *words[1:])

    assert result.exit_code == 130
    assert f"Interrupted. {said}" in result.stderr
    assert "run it again" not in result.stderr


def test_a_second_import_adds_nothing(ingat: Ingat, file: str) -> None:
    ingat.said("import", "locomo", file)

    assert "2 messages were there already" in ingat.said("import", "locomo", file)


def test_an_evaluation_leaves_the_store_alone(ingat: Ingat, file: str) -> None:
    measured = ingat.json("eval", "locomo", file)

    assert measured["overall"]["R@5"] == 100.0
    assert {"R@5", "R@10", "R@20", "nDCG@10"} <= measured["overall"].keys()
    assert list(measured["categories"]) == ["single-hop"]
    assert not (ingat.folder / "ingat.db").exists()


@pytest.mark.sqlite_only("on PostgreSQL it uses a schema of its own")
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
