"""Snapshots are listed by an index, whatever is asked for, and their states are not read for it."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest

from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.store.tables import retention, snapshots
from tests.store.test_session_plans import Explaining

FILTERS: list[dict[str, Any]] = [
    {},
    {"user_id": "ana"},
    {"user_id": ""},
    {"is_auto": True},
    {"user_id": "ana", "is_auto": False},
    {"name": "a"},
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_a_page_is_read_in_the_order_of_an_index(filters: dict[str, Any]) -> None:
    def look(tx: Tx) -> list[str]:
        explaining = Explaining(tx)
        snapshots.page(cast(Tx, explaining), 10, **filters)
        return explaining.plans

    with Memory(":memory:", embedder="none") as memory:
        (plan,) = memory.store.read(look)

    assert "USING INDEX snapshot_" in plan
    assert "TEMP B-TREE" not in plan


def test_automatic_snapshots_are_counted_in_an_index(tmp_path: Any) -> None:
    def look(tx: Tx) -> list[str]:
        explaining = Explaining(tx)
        snapshots.auto_beyond(cast(Tx, explaining), 10, 10)
        return explaining.plans

    with Memory(":memory:", embedder="none") as memory:
        (plan,) = memory.store.read(look)

    assert "USING COVERING INDEX snapshot_auto" in plan
    assert "TEMP B-TREE" not in plan


def test_automatic_snapshots_beyond_the_newest_of_each_user_are_found() -> None:
    with Memory(":memory:", embedder="none") as memory:
        for user, number in (("ana", 5), ("budi", 2), (None, 4)):
            for place in range(number):
                memory.snapshots.save(f"auto {place}", {}, user_id=user, is_auto=True)
            memory.snapshots.save("by hand", {}, user_id=user)

        def found(keep: int, limit: int) -> list[tuple[str | None, str]]:
            return memory.store.read(
                lambda tx: [(head.user_id, head.name) for head in snapshots.auto_beyond(tx, keep, limit)]
            )

        assert found(2, 10) == [
            (None, "auto 0"),
            (None, "auto 1"),
            ("ana", "auto 0"),
            ("ana", "auto 1"),
            ("ana", "auto 2"),
        ]
        assert found(2, 3) == [(None, "auto 0"), (None, "auto 1"), ("ana", "auto 0")]
        assert found(5, 10) == []
        for keep in (1, 2, 3, 4, 5):
            heads = memory.store.read(partial(snapshots.auto_beyond, keep=keep, limit=100))
            sums = memory.store.read(partial(snapshots.auto_beyond_sums, keep=keep))
            assert sums == (len(heads), sum(head.size_bytes for head in heads))


def test_the_policy_in_force_is_one_row() -> None:
    with Memory(":memory:", embedder="none") as memory:
        for number in range(1, 4):
            memory.retention.set(max_sessions=number)
        rows = memory.store.read(
            lambda tx: tx.all("EXPLAIN QUERY PLAN SELECT policy FROM retention_policy ORDER BY number DESC LIMIT 1")
        )
        assert memory.store.read(retention.current).max_sessions == 3

    assert "TEMP B-TREE" not in str(rows)
