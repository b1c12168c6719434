"""`ingat doctor` finds what is wrong, and `ingat reindex` makes derived data anew."""

from __future__ import annotations

import sqlite3

import pytest

from tests.cli.runner import Ingat


@pytest.fixture
def damaged(ingat: Ingat) -> Ingat:
    """A store whose index has lost an entry."""
    ingat.said("remember", "budi", "has a cat")
    ingat.said("remember", "budi", "has a dog")
    with sqlite3.connect(ingat.folder / "ingat.db") as conn:
        conn.execute("PRAGMA foreign_keys=ON")
        conn.execute("DELETE FROM recall_vector WHERE position = 1")
        conn.execute("DELETE FROM recall_entry WHERE position = 1")
    conn.close()
    return ingat


def test_something_bad_ends_with_one(damaged: Ingat) -> None:
    result = damaged("doctor")

    assert result.exit_code == 1
    assert "`ingat reindex` rebuilds the index" in result.stdout


def test_json_says_the_same(damaged: Ingat) -> None:
    result = damaged("doctor", "--json")

    assert result.exit_code == 1
    assert '"state":"bad"' in result.stdout


def test_reindex_repairs_it(damaged: Ingat) -> None:
    assert damaged.json("reindex") == {"entries": 2}
    assert damaged("doctor").exit_code == 0
    assert damaged.json("recall", "budi", "which cat?")["hits"][0]["text"].endswith("has a cat")
