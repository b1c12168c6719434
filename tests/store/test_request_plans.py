"""What somebody waits for goes through no table: every query finds its rows by an index, or stops at its limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

import pytest

from ingat.memory import Memory
from ingat.store.contract import Row, Store, Tx, Value
from ingat.testing import filled_memory

T = TypeVar("T")

BY_THE_DAY = {"daily_measure", "job", "job_slot", "log_count", "retention_policy", "session_expiry"}
"""Tables with a row a day, a job, a change or a kind; of session_expiry only the index of what is pending is read."""

REQUESTS: dict[str, Callable[[Memory], object]] = {
    "users": lambda memory: memory.users.list(),
    "users by name": lambda memory: memory.users.list(sort="name"),
    "users by change": lambda memory: memory.users.list(sort="updated_at", descending=True),
    "sessions": lambda memory: memory.sessions.list(),
    "sessions by creation": lambda memory: memory.sessions.list(sort="created_at"),
    "sessions in a state": lambda memory: memory.sessions.list(state="archived", sort="created_at"),
    "sessions of a user": lambda memory: memory.sessions.list("ana"),
    "messages of a session": lambda memory: memory.sessions.messages(memory.sessions.list("ana")[0].id),
    "messages of a user": lambda memory: memory.sessions.history("ana"),
    "memories": lambda memory: memory.memories.list("ana"),
    "search": lambda memory: memory.search("ana", "Porto"),
    "recall": lambda memory: memory.recall("ana", "Porto"),
    "context": lambda memory: memory.context("ana", memory.sessions.list("ana")[0].id),
    "logs": lambda memory: memory.logs.list(),
    "logs of a level": lambda memory: memory.logs.list(level="error"),
    "logs from a level on": lambda memory: memory.logs.list(min_level="warn"),
    "logs of a category": lambda memory: memory.logs.list(category="chat"),
    "logs of a source": lambda memory: memory.logs.list(source="api"),
    "logs of a user": lambda memory: memory.logs.list(user_id="ana"),
    "logs with a text": lambda memory: memory.logs.list(search="anything"),
    "log statistics": lambda memory: memory.logs.stats(),
    "snapshots": lambda memory: memory.snapshots.list(),
    "snapshots of a user": lambda memory: memory.snapshots.list(user_id="ana"),
    "operations": lambda memory: memory.operations.list(),
    "audit trail": lambda memory: memory.audit.list(),
    "audit trail of an action": lambda memory: memory.audit.list(action="erase"),
    "audit trail of an actor": lambda memory: memory.audit.list(actor="cli:budi"),
    "audit trail of a user": lambda memory: memory.audit.list(user_id="ana"),
    "audit trail of a time": lambda memory: memory.audit.list(since=1, until=2),
    "policies": lambda memory: memory.retention.history(),
    "jobs": lambda memory: memory.jobs.list(),
}


class Noting:
    """A transaction that notes the queries that it is asked."""

    def __init__(self, tx: Tx, seen: dict[str, Sequence[Value]]) -> None:
        self._tx, self._seen = tx, seen

    def one(self, sql: str, args: Sequence[Value] = ()) -> Row | None:
        self._seen[sql] = args
        return self._tx.one(sql, args)

    def all(self, sql: str, args: Sequence[Value] = ()) -> list[Row]:
        self._seen[sql] = args
        return self._tx.all(sql, args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)


class Spied:
    """A store that notes the queries of every read."""

    def __init__(self, behind: Store) -> None:
        self._behind = behind
        self.seen: dict[str, Sequence[Value]] = {}

    def read(self, fn: Callable[[Tx], T]) -> T:
        return self._behind.read(lambda tx: fn(cast(Tx, Noting(tx, self.seen))))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


@pytest.fixture(scope="module")
def memory() -> Iterator[Memory]:
    with filled_memory(embedder=None) as opened:
        yield opened


def full_scans(memory: Memory, ask: Callable[[Memory], object]) -> list[str]:
    """Return the steps of the plans of what is asked that go through a whole table or index, or sort one."""
    spied = Spied(memory.store.behind)
    memory.store.behind = cast(Store, spied)
    try:
        ask(memory)
    finally:
        memory.store.behind = spied._behind
    assert spied.seen
    found: list[str] = []
    for sql, args in spied.seen.items():
        rows = memory.store.read(lambda tx, sql=sql, args=args: tx.all(f"EXPLAIN QUERY PLAN {sql}", args))  # type: ignore[misc]
        steps = [str(row[-1]) for row in rows]
        sorts = any("TEMP B-TREE FOR ORDER BY" in step for step in steps)
        for step in steps:
            scanned = re.match(r"SCAN (?!CONSTANT ROW)(\w+)", step)
            table = scanned[1] if scanned else ""
            if scanned and table not in BY_THE_DAY and (sorts or not re.search(r"\bLIMIT\b", sql)):
                found.append(f"{step}: {sql}")
    return found


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_goes_through_no_table(memory: Memory, name: str) -> None:
    assert full_scans(memory, REQUESTS[name]) == []


def test_a_scan_would_be_found(memory: Memory) -> None:
    def scan(memory: Memory) -> object:
        return memory.store.read(lambda tx: tx.all("SELECT id FROM message WHERE content = 'x'"))

    assert len(full_scans(memory, scan)) == 1
