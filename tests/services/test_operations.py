"""Operations: what was deleted, by whom and why, newest first."""

from __future__ import annotations

import pytest

from ingat.core.errors import InvalidId, InvalidInput, InvalidLimit, OperationNotFound
from ingat.core.reports import Operation
from ingat.memory import Memory
from ingat.store.tables import operations as table
from ingat.testing import TurnableClock


def record(memory: Memory, number: int, at: int) -> Operation:
    operation = Operation(
        id=f"op{number:04}",
        kind="erase",
        scope="session",
        target=f"session {number}",
        actor="test",
        reason="because",
        counts={"session": 1, "message": number},
        restore_point="a file",
        created_at=at,
    )
    memory.store.write(lambda tx: table.insert(tx, operation))
    return operation


def test_an_operation_is_found_by_its_id(memory: Memory, clock: TurnableClock) -> None:
    operation = record(memory, 1, clock())

    assert memory.operations.get("op0001") == operation


def test_an_unknown_operation_is_refused(memory: Memory) -> None:
    with pytest.raises(OperationNotFound, match="ingat operations list"):
        memory.operations.get("ghost")
    with pytest.raises(InvalidId):
        memory.operations.get("../x")


def test_pages_hold_every_operation_once_newest_first(memory: Memory, clock: TurnableClock) -> None:
    made = [record(memory, number, clock() + number // 3) for number in range(10)]

    found: list[Operation] = []
    cursor: str | None = None
    while True:
        page = memory.operations.list(limit=4, cursor=cursor)
        found += page.items
        cursor = page.next
        if cursor is None:
            break

    assert found == made[::-1]


def test_an_operation_that_comes_while_paging_moves_nothing(memory: Memory, clock: TurnableClock) -> None:
    made = [record(memory, number, clock() + number) for number in range(4)]
    first = memory.operations.list(limit=2)
    record(memory, 9, clock() + 9)

    assert list(memory.operations.list(limit=2, cursor=first.next).items) == made[1::-1]


def test_a_limit_or_cursor_that_is_none_is_refused(memory: Memory) -> None:
    with pytest.raises(InvalidLimit):
        memory.operations.list(limit=0)
    with pytest.raises(InvalidInput, match="cursor"):
        memory.operations.list(cursor="nonsense")


@pytest.mark.sqlite_only("asks SQLite how it would look")
def test_a_page_is_read_from_the_index(memory: Memory, clock: TurnableClock) -> None:
    record(memory, 1, clock())
    plan = memory.store.read(
        lambda tx: tx.all("EXPLAIN QUERY PLAN SELECT * FROM operation ORDER BY created_at DESC, id DESC LIMIT 5")
    )

    assert "operation_created" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


def test_an_operation_is_undone_once(memory: Memory, clock: TurnableClock) -> None:
    record(memory, 1, clock())

    marks = [memory.store.write(lambda tx: table.mark_undone(tx, "op0001", clock(), "ana")) for _ in range(2)]

    assert marks == [True, False]
    assert memory.operations.get("op0001").undone_by == "ana"
