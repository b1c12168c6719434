"""`ingat doctor` finds what is wrong, and `ingat reindex` makes derived data anew."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from ingat.lifecycle.reindex import reindex_terms
from ingat.memory import Memory
from tests.cli.runner import Ingat
from tests.engine import behind


@pytest.fixture
def damaged(ingat: Ingat) -> Ingat:
    """A store whose index has lost an entry."""
    ingat.said("remember", "budi", "has a cat")
    ingat.said("remember", "budi", "has a dog")
    behind(ingat.url, "DELETE FROM recall_vector WHERE position = 1")
    behind(ingat.url, "DELETE FROM recall_entry WHERE position = 1")
    return ingat


def test_something_bad_ends_with_one(damaged: Ingat) -> None:
    result = damaged("doctor")

    assert result.exit_code == 1
    assert "`ingat reindex` rebuilds the index" in result.stdout


def test_json_says_the_same(damaged: Ingat) -> None:
    result = damaged("doctor", "--json")

    assert result.exit_code == 1
    assert '"state":"bad"' in result.stdout


def test_without_a_store_nothing_is_made(unmade: Ingat) -> None:
    for _ in range(2):
        error = unmade.refused("doctor", code="store_unavailable")

    assert f"There is no store at {unmade.url}," in error["message"]
    result = unmade("doctor")
    assert (result.exit_code, "Memory count" in result.stdout) == (1, False)
    assert list(unmade.folder.iterdir()) == []


def test_a_store_in_memory_is_looked_through(ingat: Ingat) -> None:
    assert "Memory count: 0" in ingat.said("doctor", "--store", ":memory:")


def test_a_misspelt_data_directory_is_told_of(ingat: Ingat) -> None:
    ingat.said("remember", "budi", "has a cat")
    ingat.said("erase", "user", "budi", "--reason", "asked", "--yes")
    result = ingat("doctor", INGAT_DATA=str(ingat.folder / "misspelt"))

    assert result.exit_code == 1
    assert re.search(r"data directory +not there +there +bad", result.stdout)
    assert "check INGAT_DATA (data directory) first" in result.stdout


def test_a_reindex_that_is_interrupted_says_what_was_rebuilt(damaged: Ingat, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged.said("remember", "siti", "has a bird")

    def stop_after_one(memory: Memory, user_id: str | None, progress: Callable[[int, int], None]) -> int:
        def tell(done: int, total: int) -> None:
            progress(done, total)
            raise KeyboardInterrupt

        return reindex_terms(memory.store, user_id, tell)

    with monkeypatch.context() as change:
        change.setattr(Memory, "reindex", stop_after_one)
        result = damaged("reindex")

    assert result.exit_code == 130
    assert "The index of 1 of 2 users was rebuilt; run it again" in result.stderr
    assert damaged("reindex").exit_code == 0
    assert damaged("doctor").exit_code == 0


def test_reindex_repairs_it(damaged: Ingat) -> None:
    assert damaged.json("reindex") == {"entries": 2}
    assert damaged("doctor").exit_code == 0
    assert damaged.json("recall", "budi", "which cat?")["hits"][0]["text"].endswith("has a cat")


@pytest.mark.parametrize("columns", ["80", "160"])
def test_advice_is_shown_where_there_is_some_and_no_value_is_said_twice(damaged: Ingat, columns: str) -> None:
    shown = damaged("doctor", COLUMNS=columns).stdout

    assert "`ingat reindex` rebuilds the index" in shown
    assert re.search(r"memories not in the index +1 row +0 +bad", shown)
    assert re.search(r"files +0 faults +0 +ok", shown)
    assert max(map(len, shown.splitlines())) <= int(columns)
