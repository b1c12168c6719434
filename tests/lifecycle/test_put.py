"""Rows that are put into a store are there as they were, and can be recalled."""

from __future__ import annotations

import pytest

from ingat.core.errors import StoreConflict
from ingat.core.records import Message
from ingat.lifecycle.lines import Record
from ingat.lifecycle.outgoing import outgoing
from ingat.lifecycle.put import Written, prepare, put
from ingat.memory import Memory
from ingat.testing import filled_memory, open_memory


def rows_of(memory: Memory) -> list[Record]:
    return memory.store.read(
        lambda tx: [
            record for _, records in outgoing(tx, None, include_logs=True, files=memory._files) for record in records
        ]
    )


@pytest.fixture
def rows() -> list[Record]:
    with filled_memory() as filled:
        filled.snapshots.save("A", state={"a": 1.0})
        filled.logs.add("something", data={"n": 1})
        filled.retention.set(max_sessions=7)
        return rows_of(filled)


def put_all(memory: Memory, rows: list[Record]) -> list[Written]:
    ready = [prepare(row) for row in rows]
    return memory.store.write(lambda tx: put(tx, ready))


def test_rows_come_back_as_they_were(memory: Memory, rows: list[Record]) -> None:
    put_all(memory, rows)

    assert rows_of(memory) == rows


def test_what_lacks_vectors_is_returned_with_its_texts(memory: Memory, rows: list[Record]) -> None:
    written = put_all(memory, rows)

    assert memory.vectors is not None
    for each in written:
        assert len(each.positions) == len(each.texts) > 0
        memory.vectors.add(*each)
    memory.vectors.flush()
    assert memory.stats().vectors_missing == 0


def test_a_put_store_is_healthy_and_recalls(memory: Memory, rows: list[Record]) -> None:
    for each in put_all(memory, rows):
        assert memory.vectors is not None
        memory.vectors.add(*each)
    assert memory.vectors is not None
    memory.vectors.flush()
    message = next(row for row in rows if isinstance(row, Message))

    assert [check for check in memory.doctor() if check.state == "bad"] == []
    assert memory.recall(message.user_id, message.content).hits


def test_a_row_that_is_there_undoes_all_that_was_put(memory: Memory, rows: list[Record]) -> None:
    put_all(memory, rows[:1])
    before = rows_of(memory)

    with pytest.raises(StoreConflict):
        put_all(memory, [*rows[1:], rows[0]])

    assert rows_of(memory) == before


def test_a_recall_index_in_memory_takes_in_what_was_put() -> None:
    with filled_memory() as filled:
        rows = rows_of(filled)
    message = next(row for row in rows if isinstance(row, Message))
    with open_memory() as memory:
        memory.recall(message.user_id, "anything")
        put_all(memory, rows)

        assert memory.recall(message.user_id, message.content).hits
