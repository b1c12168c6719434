"""A pass of expiry looks at what is idle or unfinished only, however many sessions there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import pytest

from ingat.memory import Memory
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables import expiry


class Explaining:
    """A transaction that returns how the engine would look for the rows of its last query."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.plan = ""

    def all(self, sql: str, args: Sequence[Value] = ()) -> list[Row]:
        """Note the plan of a query; it has no rows."""
        self.plan = " ".join(str(row[-1]) for row in self._tx.all(f"EXPLAIN QUERY PLAN {sql}", args))
        return []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (lambda tx: expiry.idle(tx, 5, (3, "s"), 10), "session_active (state=? AND (active_at,id)>(?,?)"),
        (lambda tx: expiry.untried(tx, (3, "s"), 10), "session_expiry_pending (attempts=?"),
        (lambda tx: expiry.failed_before(tx, 10), "session_expiry_pending (attempts>?"),
    ],
    ids=["idle", "untried", "failed before"],
)
def test_a_listing_of_expiry_takes_the_index_and_sorts_nothing(query: Callable[[Tx], object], index: str) -> None:
    def look(tx: Tx) -> str:
        explaining = Explaining(tx)
        query(cast(Tx, explaining))
        return explaining.plan

    with Memory(":memory:", embedder="none") as memory:
        plan = memory.store.read(look)

    assert index in plan
    assert "TEMP B-TREE" not in plan
