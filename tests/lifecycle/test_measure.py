"""Stats tell what is there, and the day's measures are kept, added up over processes and forgotten in time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from ingat.aio import AsyncMemory
from ingat.core.context import Context
from ingat.core.errors import EmbedderUnavailable, SessionClosed, StoreFull
from ingat.core.stats import Measure, Stats, Target, Timings
from ingat.lifecycle import counting
from ingat.lifecycle.turn import Answer
from ingat.memory import Memory
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables import measures
from ingat.testing import START_MS, TurnableClock, open_memory
from tests.engine import same_store, store_url

DAY_MS = 86_400_000


@pytest.fixture
def memory(clock: TurnableClock) -> Iterator[Memory]:
    with open_memory(now=clock) as opened:
        yield opened


def timings(memory: Memory, kind: str) -> Timings:
    (found,) = [each for each in memory.stats().performance.timings if each.kind == kind]
    return found


def target(stats: Stats, name: str) -> Target:
    (found,) = [each for each in stats.targets if each.name == name and each.week is None]
    return found


def kept(memory: Memory, days: int = 500) -> list[Measure]:
    return memory.store.read(lambda tx: measures.newest(tx, days))


def measure(memory: Memory) -> None:
    job = memory.jobs.run("measure")
    assert job.last_error is None


# -- what is counted and timed -------------------------------------------------------------------------------------


def test_work_is_counted_by_kind(memory: Memory) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.append(session.id, "user", "My dog is called Bruno.")
    memory.sessions.append_many(
        session.id, [{"role": "user", "content": "He is two."}, {"role": "user", "content": "x"}]
    )
    memory.recall("ana", "dog")
    memory.context("ana", session.id)

    found = memory.stats()
    assert found.performance.messages_appended == 3
    counts = {each.kind: each.count for each in found.performance.timings}
    assert counts["append"] == 2
    assert counts["recall"] == 2  # one of them for the context
    assert counts["context"] == 1
    assert counts["chat"] == 0
    assert timings(memory, "append").p50_ms is not None
    assert found.database.writes > 0
    assert found.process.started_at == START_MS


def test_texts_for_the_embedder_are_counted(memory: Memory) -> None:
    memory.sessions.append(memory.sessions.open("ana").id, "user", "My dog is called Bruno.")
    assert memory.vectors is not None
    memory.vectors.flush()

    assert memory.stats().performance.texts_embedded == cast(Any, memory.embedder).texts > 0


def test_refusals_are_counted_but_are_no_errors(memory: Memory) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.close(session.id)
    with pytest.raises(SessionClosed):
        memory.sessions.append(session.id, "user", "Hello")

    assert (timings(memory, "append").count, timings(memory, "append").errors) == (1, 0)
    assert memory.stats().performance.errors == {"session_closed": 1}


def test_awaited_appends_are_counted_like_others(memory: Memory) -> None:
    async def talk() -> None:
        face = AsyncMemory.over(memory)
        session = await face.sessions.open("ana")
        await face.sessions.append(session.id, "user", "Hello")
        await face.sessions.close(session.id)
        with pytest.raises(SessionClosed):
            await face.sessions.append(session.id, "user", "Hello?")
        await face.sessions.append_many((await face.sessions.open("ana")).id, [{"role": "user", "content": "x"}] * 3)
        face._pools.shutdown()

    asyncio.run(talk())

    assert (timings(memory, "append").count, timings(memory, "append").errors) == (3, 0)
    assert memory.stats().performance.messages_appended == 4
    assert memory.stats().performance.errors == {"session_closed": 1}


def test_what_memory_adds_leaves_the_answerer_out(clock: TurnableClock) -> None:
    def answer(text: str, context: Context) -> Answer:
        clock.turn(seconds=1)
        return Answer("Good.")

    with open_memory(now=clock, answerer=answer) as memory:
        memory.chat("ana", "How are you?")

        assert timings(memory, "chat").count == timings(memory, "added by memory").count == 1
        chat, added = timings(memory, "chat").mean_ms, timings(memory, "added by memory").mean_ms
        assert chat is not None
        assert added is not None
        assert added <= chat


def test_a_chat_that_fails_is_an_error_of_ours(clock: TurnableClock) -> None:
    def answer(text: str, context: Context) -> Answer:
        raise EmbedderUnavailable("gone")

    with open_memory(now=clock, answerer=answer) as memory:
        for _ in range(20):
            with pytest.raises(EmbedderUnavailable):
                memory.chat("ana", "How are you?")

        rate = target(memory.stats(), "error rate")
        assert (rate.value, rate.state) == (100.0, "bad")


def test_a_full_disk_counts_against_the_error_rate(memory: Memory) -> None:
    for _ in range(20):
        with pytest.raises(StoreFull), memory.meter.time(memory.meter.appends):
            raise StoreFull("full")

    assert target(memory.stats(), "error rate").state == "bad"


def test_files_are_counted(memory: Memory) -> None:
    written: list[bytes] = []
    memory.export(written.append)

    (use,) = [each for each in memory.stats().files if each.kind == "export"]
    assert (use.count, use.size_bytes) == (1, sum(map(len, written)))


# -- counts --------------------------------------------------------------------------------------------------------


def test_counts_of_a_small_store_are_of_this_moment(memory: Memory) -> None:
    session = memory.sessions.open("ana")
    for number in range(5):
        memory.sessions.append(session.id, "user", f"line {number}")
        assert memory.stats().messages.total == number + 1
    assert memory.stats().counted_at is None


def test_counts_of_a_large_store_say_how_old_they_are(clock: TurnableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "SMALL_ROWS", 3)
    monkeypatch.setattr(counting, "CHEAP_S", -1)
    with open_memory(now=clock) as memory:
        session = memory.sessions.open("ana")
        for number in range(5):
            memory.sessions.append(session.id, "user", f"line {number}")
        assert (memory.stats().messages.total, memory.stats().counted_at) == (5, START_MS)
        clock.turn(hours=1)
        memory.sessions.append(session.id, "user", "one more")

        assert (memory.stats().messages.total, memory.stats().counted_at) == (5, START_MS)
        measure(memory)
        assert (memory.stats().messages.total, memory.stats().counted_at) == (6, clock())


def test_another_process_takes_the_counts_of_the_last_measure(
    clock: TurnableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "SMALL_ROWS", 3)
    url = store_url(tmp_path / "store.db")
    with open_memory(**same_store(url), now=clock) as memory:
        session = memory.sessions.open("ana")
        for number in range(5):
            memory.sessions.append(session.id, "user", f"line {number}")
        measure(memory)
        memory.sessions.append(session.id, "user", "one more")
    with open_memory(**same_store(url), now=clock) as other:
        assert (other.stats().messages.total, other.stats().counted_at) == (5, START_MS)
        clock.turn(days=2)
        assert (other.stats().messages.total, other.stats().counted_at) == (6, clock())


class Explaining:
    """A transaction that notes how the engine would look for the rows of each query."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.plans: dict[str, str] = {}

    def _note(self, sql: str, args: Sequence[Value]) -> None:
        rows = self._tx.all(f"EXPLAIN QUERY PLAN {sql}", args)
        self.plans[sql] = " ".join(str(row[-1]) for row in rows)

    def one(self, sql: str, args: Sequence[Value] = ()) -> Row | None:
        self._note(sql, args)
        return self._tx.one(sql, args)

    def all(self, sql: str, args: Sequence[Value] = ()) -> list[Row]:
        self._note(sql, args)
        return self._tx.all(sql, args)


@pytest.mark.sqlite_only("asks SQLite how it would look")
def test_stats_go_through_no_table(memory: Memory) -> None:
    def look(tx: Tx) -> dict[str, str]:
        explaining = Explaining(tx)
        memory._measurer._look(cast(Tx, explaining))
        return explaining.plans

    plans = memory.store.read(look)
    # one row a change of the policy, one a day, and of the others at most so many rows as are asked for
    scans = {sql: plan for sql, plan in plans.items() if plan.startswith("SCAN")}
    assert {sql.split(" FROM ")[1].split()[0] for sql in scans} <= {
        "retention_policy",
        "daily_measure",
        "session_expiry",
    }
    assert all("session_expiry_pending" in plan for sql, plan in scans.items() if "session_expiry" in sql)
    assert len(plans) >= 9


@pytest.mark.sqlite_only("asks SQLite how it would look")
def test_a_small_store_is_known_by_so_many_rows(memory: Memory) -> None:
    def look(tx: Tx) -> list[str]:
        explaining = Explaining(tx)
        measures.is_small(cast(Tx, explaining), 10)
        return list(explaining.plans)

    assert all("LIMIT ?" in sql for sql in memory.store.read(look))


# -- the day's measures --------------------------------------------------------------------------------------------


def test_a_day_has_one_row(memory: Memory, clock: TurnableClock) -> None:
    memory.sessions.open("ana")
    measure(memory)
    clock.turn(hours=3)
    memory.sessions.open("budi")
    measure(memory)

    (row,) = kept(memory)
    assert (row.day, row.at, row.totals.sessions.active) == ("2025-01-06", clock(), 2)
    assert row.totals.users == 2
    assert row.active_last_day == 2
    assert row.size_bytes > 0


def test_each_day_has_its_own_row(memory: Memory, clock: TurnableClock) -> None:
    for _ in range(3):
        measure(memory)
        clock.turn(days=1)

    assert [row.day for row in kept(memory)] == ["2025-01-08", "2025-01-07", "2025-01-06"]


def test_old_days_are_forgotten_but_not_the_first_week(memory: Memory, clock: TurnableClock) -> None:
    for _ in range(10):
        measure(memory)
        clock.turn(days=1)
    clock.turn(days=400)
    measure(memory)

    days = [row.day for row in kept(memory)]
    assert len(days) == 8
    assert days[1:] == [f"2025-01-{number:02}" for number in range(12, 5, -1)]


def chats(memory: Memory, number: int, *, fail: bool = False) -> None:
    for _ in range(number):
        memory.meter.chats.observe(0.2, fault=fail)


def test_processes_add_up_and_each_counts_a_day_once(clock: TurnableClock, tmp_path: Path) -> None:
    url = store_url(tmp_path / "store.db")
    with open_memory(**same_store(url), now=clock) as one, open_memory(**same_store(url), now=clock) as other:
        chats(one, 10)
        measure(one)
        chats(one, 5)
        measure(one)
        chats(other, 4, fail=True)
        measure(other)
        assert sorted(each.count for each in kept(one)[0].processes.values()) == [4, 15]

        clock.turn(days=1)
        chats(one, 7)
        measure(one)

        assert [each.count for each in kept(one)[0].processes.values()] == [7]


def test_another_process_tells_of_what_the_server_answered(clock: TurnableClock, tmp_path: Path) -> None:
    url = store_url(tmp_path / "store.db")
    with open_memory(**same_store(url), now=clock) as server:
        chats(server, 90)
        chats(server, 10, fail=True)
        measure(server)
    with open_memory(**same_store(url), now=clock) as watcher:
        stats = watcher.stats()

        assert (target(stats, "error rate").value, target(stats, "error rate").state) == (10.0, "bad")
        assert target(stats, "response time").value == pytest.approx(200, rel=0.09)
        assert "day of the last measure" in target(stats, "response time").basis


@pytest.mark.parametrize(
    ("days", "of_7", "of_30"), [(0, 6.0, 6.0), (2, 3.0, 3.0), (7, 6 / 7, 6 / 7), (20, 0.0, 0.3), (31, 0.0, 0.0)]
)
def test_growth_of_sessions_is_that_of_the_days_that_there_were(
    memory: Memory, clock: TurnableClock, days: int, of_7: float, of_30: float
) -> None:
    for number in range(6):
        memory.sessions.create(f"u{number}")
    clock.turn(days=days)

    growth = memory.stats().growth
    assert growth.sessions_7_days == pytest.approx(of_7, abs=0.001)
    assert growth.sessions_30_days == pytest.approx(of_30, abs=0.001)


def test_growth_is_told_by_the_day(memory: Memory, clock: TurnableClock) -> None:
    assert memory.stats().growth.bytes_7_days is None
    measure(memory)
    before = memory.stats().size_bytes
    clock.turn(days=4)
    for number in range(14):
        session = memory.sessions.open(f"u{number}")
        memory.sessions.append(session.id, "user", "a long line " * 1_000)
    assert memory.vectors is not None
    memory.vectors.flush()

    growth = memory.stats().growth
    assert (growth.sessions_7_days, growth.sessions_30_days) == (3.5, 3.5)  # of the four days that there were
    assert growth.bytes_7_days == pytest.approx((memory.stats().size_bytes - before) / 4, abs=0.1)
    assert growth.active_last_day == 14


def ended(memory: Memory, number: int, at: int, cause: str) -> None:
    rows = [(f"{cause}{number}-{at}-{each}", cause, at, at) for each in range(number)]
    memory.store.write(
        lambda tx: tx.many(
            "INSERT INTO session_expiry (session_id, cause, expired_at, done_at, attempts) VALUES (?, ?, ?, ?, 1)", rows
        )
    )


def test_the_expiry_rate_is_of_those_that_had_to(memory: Memory, clock: TurnableClock) -> None:
    for number in range(10):
        memory.sessions.open(f"u{number}")
    clock.turn(days=2)
    ended(memory, 30, clock() - DAY_MS, "expired")
    ended(memory, 7, clock() - DAY_MS, "reset")
    ended(memory, 50, clock() - 8 * DAY_MS, "expired")

    stats = memory.stats()
    assert (stats.expiry.expired, stats.expiry.reset, stats.expiry.overdue) == (30, 7, 10)
    assert stats.expiry.percent == 75.0
    assert target(stats, "expiry rate").state == "warn"


def test_what_ended_after_the_last_measure_of_a_day_is_counted(memory: Memory, clock: TurnableClock) -> None:
    measure(memory)
    ended(memory, 3, clock() + 1_000, "expired")
    clock.turn(days=1)
    measure(memory)

    assert [row.expired for row in kept(memory)] == [0, 3]


# -- hints ---------------------------------------------------------------------------------------------------------


def test_a_user_beyond_the_size_is_named_by_the_next_measure(clock: TurnableClock) -> None:
    with open_memory(now=clock, user_hint_bytes=5_000) as memory:
        memory.sessions.append(memory.sessions.open("ana").id, "user", "word " * 2_000)
        memory.sessions.append(memory.sessions.open("budi").id, "user", "short")
        assert memory.stats().hints == ()
        measure(memory)

        (hint,) = memory.stats().hints
        assert (hint.user_id, hint.size_bytes, hint.limit_bytes) == ("ana", 10_000, 5_000)
        assert hint.advice


def test_a_store_beyond_the_size_is_told_of_at_once() -> None:
    with open_memory(store_hint_bytes=1_000) as memory:
        (hint,) = memory.stats().hints

        assert hint.user_id is None
        assert hint.size_bytes > hint.limit_bytes == 1_000


def test_stats_write_nothing(memory: Memory) -> None:
    writes = memory.stats().database.writes
    memory.stats()

    assert memory.stats().database.writes == writes
