"""Listing one user's sessions looks at their rows only, however many others there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from ingat.core.records import SessionState
from ingat.memory import Memory
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables import sessions
from ingat.store.tables.sessions import SessionSort


class Explaining:
    """A transaction that notes how the engine would look for the rows."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.plans: list[str] = []

    def all(self, sql: str, args: Sequence[Value] = ()) -> list[Row]:
        """Note the plan of a query, and run it."""
        rows = self._tx.all(f"EXPLAIN QUERY PLAN {sql}", args)
        self.plans.append(" ".join(str(row[-1]) for row in rows))
        return self._tx.all(sql, args)


@pytest.mark.parametrize("sort", ["active_at", "created_at"])
@pytest.mark.parametrize("state", [None, "active"])
def test_the_sessions_of_one_user_are_found_by_the_user(sort: SessionSort, state: SessionState | None) -> None:
    def look(tx: Tx) -> list[str]:
        explaining = Explaining(tx)
        sessions.page(
            cast(Tx, explaining),
            10,
            cursor=None,
            user_id="ana",
            state=state,
            channel=None,
            project_id=None,
            search=None,
            sort=sort,
            descending=True,
        )
        return explaining.plans

    with Memory(":memory:", embedder="none") as memory:
        plans = memory.store.read(look)

    assert plans
    assert all("PRIMARY KEY (user_id=?" in plan for plan in plans)


@pytest.mark.parametrize("sort", ["active_at", "created_at"])
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("state", [None, "active", "archived"])
def test_everybodys_sessions_come_in_the_order_of_an_index(
    sort: SessionSort, descending: bool, state: SessionState | None
) -> None:
    def look(tx: Tx) -> list[str]:
        explaining = Explaining(tx)
        sessions.page(
            cast(Tx, explaining),
            10,
            cursor=None,
            user_id=None,
            state=state,
            channel=None,
            project_id=None,
            search=None,
            sort=sort,
            descending=descending,
        )
        return explaining.plans

    with Memory(":memory:", embedder="none") as memory:
        plans = memory.store.read(look)

    assert plans
    assert all(plan.startswith("SEARCH session USING INDEX") for plan in plans)
    assert not any("TEMP B-TREE" in plan for plan in plans)
