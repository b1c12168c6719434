"""What is deleted is the same when the engine has to undo a transaction and run its function again."""

from __future__ import annotations

import pytest

from ingat.testing import filled_memory
from tests.twice import run_twice

pytestmark = pytest.mark.sqlite_only("the functions are run twice by the writer of SQLite")


def test_everything_is_erased_and_comes_back_when_functions_run_twice() -> None:
    with run_twice(), filled_memory() as memory:
        before = {each.user_id for each in memory.users.list().items}
        memory.erase.everything(reason="a test", force=True)
        assert memory.users.list().items == ()
        memory.undo()
        assert {each.user_id for each in memory.users.list().items} == before


def test_a_purge_counts_once_when_functions_run_twice() -> None:
    with filled_memory() as memory:
        once = memory.purge("ana", reason="a test")
    with run_twice(), filled_memory() as memory:
        twice = memory.purge("ana", reason="a test")
    assert [(each.place, each.removed) for each in twice.searched] == [
        (each.place, each.removed) for each in once.searched
    ]
