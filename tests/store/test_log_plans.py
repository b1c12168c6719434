"""Every way to list log entries goes through an index, and through a bounded part of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from ingat.core.logs import LogFilters, NewLog
from ingat.memory import Memory
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables import logs

GIVEN: dict[str, Any] = {
    "level": "warn",
    "min_level": "warn",
    "category": "chat",
    "source": "bot",
    "since": 1,
    "until": 1 << 40,
    "search": "disk",
    "user_id": "ana",
    "session_id": "s1",
}
COMBINATIONS = [c for size in (0, 1, 2, 3, len(GIVEN)) for c in itertools.combinations(GIVEN, size)]


class Explaining:
    """A transaction that notes how the engine would look for the rows."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.plans: list[str] = []

    def one(self, sql: str, args: Sequence[Value] = ()) -> Row | None:
        """Note the plan of a query, and run it."""
        self._explain(sql, args)
        return self._tx.one(sql, args)

    def all(self, sql: str, args: Sequence[Value] = ()) -> list[Row]:
        """Note the plan of a query, and run it."""
        self._explain(sql, args)
        return self._tx.all(sql, args)

    def _explain(self, sql: str, args: Sequence[Value]) -> None:
        rows = self._tx.all(f"EXPLAIN QUERY PLAN {sql}", args)
        self.plans.append(" ".join(str(row[-1]) for row in rows))


@pytest.fixture(scope="module")
def store() -> Iterator[Memory]:
    with Memory(":memory:", embedder="none") as memory:
        memory.logs.add_many([NewLog(message="disk", category="chat", source="bot", level="warn", at=2)] * 5)
        yield memory


@pytest.mark.parametrize("after", [None, logs.Position(5, 7)], ids=["first page", "next page"])
@pytest.mark.parametrize("given", COMBINATIONS, ids=",".join)
def test_any_combination_of_filters_goes_through_an_index(
    store: Memory, given: tuple[str, ...], after: logs.Position | None
) -> None:
    def look(tx: Tx) -> list[str]:
        explaining = Explaining(tx)
        logs.matching(cast(Tx, explaining), LogFilters(**{name: GIVEN[name] for name in given}), 10, after)
        return explaining.plans

    plans = store.store.read(look)

    assert plans
    assert all("USING" in plan and "INDEX log_entry_" in plan and "TEMP B-TREE" not in plan for plan in plans), plans


@pytest.mark.parametrize("kind", ["after", "last", "before", "through", "beyond", "span"])
def test_what_follows_and_prunes_goes_through_an_index(store: Memory, kind: str) -> None:
    def look(tx: Tx) -> list[str]:
        explaining = Explaining(tx)
        seen = cast(Tx, explaining)
        looks: dict[str, Any] = {
            "after": lambda: logs.after(seen, 3, 10),
            "last": lambda: logs.last_seq(seen),
            "before": lambda: logs.oldest(seen, 10, before=5),
            "through": lambda: logs.oldest(seen, 10, through=logs.Position(5, 7)),
            "beyond": lambda: logs.beyond(seen, 10),
            "span": lambda: logs.span(seen),
        }
        looks[kind]()
        return explaining.plans

    (plan,) = store.store.read(look)

    assert "INDEX" in plan or "PRIMARY KEY" in plan or "SEARCH log_entry" in plan
    assert "TEMP B-TREE" not in plan
