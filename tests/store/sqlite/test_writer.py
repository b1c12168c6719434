"""Group commit on a file. What every engine must do is in tests/contract."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep

import pytest

from ingat.core.errors import StoreBusy, StoreConflict, StoreError
from ingat.store.contract import Tx
from ingat.store.sqlite.engine import SQLiteStore
from ingat.store.turns import MAX_BATCH


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(path, synchronous="NORMAL", busy_timeout_ms=30_000, readers=4)
    opened.write(
        lambda tx: [
            tx.run("CREATE TABLE note (author TEXT NOT NULL, n INTEGER NOT NULL, UNIQUE (author, n))"),
            tx.run("CREATE TABLE late (n INTEGER REFERENCES parent (n) DEFERRABLE INITIALLY DEFERRED)"),
            tx.run("CREATE TABLE parent (n INTEGER PRIMARY KEY)"),
        ]
    )
    yield opened
    opened.close()


def note(author: str, n: int) -> Callable[[Tx], int]:
    return lambda tx: tx.run("INSERT INTO note (author, n) VALUES (?, ?)", (author, n))


def notes(store: SQLiteStore) -> list[tuple[object, ...]]:
    return list(store.read(lambda tx: tx.all("SELECT author, n FROM note ORDER BY rowid")))


def until(condition: Callable[[], bool]) -> None:
    for _ in range(30_000):
        if condition():
            return
        sleep(0.001)
    pytest.fail("it did not come about in 30 s")


class Batch:
    """Writes that are sure to be served in one turn: they queue one by one behind a write that is held."""

    def __init__(self, store: SQLiteStore) -> None:
        self.store = store
        self.outcomes: dict[int, object] = {}
        self._release = threading.Event()
        started = threading.Event()
        self._threads = [threading.Thread(target=store.write, args=(self._hold(started),))]
        self._threads[0].start()
        assert started.wait(30)

    def _hold(self, started: threading.Event) -> Callable[[Tx], None]:
        def run(_: Tx) -> None:
            started.set()
            assert self._release.wait(30)

        return run

    def add(self, fn: Callable[[Tx], object]) -> None:
        place = len(self._threads)

        def run() -> None:
            try:
                self.outcomes[place] = self.store.write(fn)
            except (StoreError, LookupError, SystemExit) as error:
                self.outcomes[place] = error

        waiting = self.store.waiting()
        thread = threading.Thread(target=run)
        thread.start()
        self._threads.append(thread)
        until(lambda: self.store.waiting() == waiting + 1)

    def run(self) -> list[object]:
        """Let them go and return their outcomes in the order they came."""
        self._release.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a wake-up was lost"
        return [self.outcomes[place] for place in sorted(self.outcomes)]


def commits(store: SQLiteStore) -> list[str]:
    """Record the writer's BEGIN and COMMIT statements from now on."""
    seen: list[str] = []
    store._conn.set_trace_callback(lambda sql: seen.append(sql) if sql in ("BEGIN IMMEDIATE", "COMMIT") else None)
    return seen


# -- one transaction for many --------------------------------------------------------------------------------------


def test_writes_that_wait_are_committed_together_in_the_order_they_came(store: SQLiteStore) -> None:
    batch = Batch(store)
    for n in range(10):
        batch.add(note("a", n))
    seen = commits(store)
    assert batch.run() == [1] * 10
    assert notes(store) == [("a", n) for n in range(10)]
    assert seen == ["COMMIT", "BEGIN IMMEDIATE", "COMMIT"]  # the held one's end, then all others in one


def test_an_error_in_a_batch_undoes_its_own_function_only(store: SQLiteStore) -> None:
    def fails(tx: Tx) -> None:
        note("b", 1)(tx)
        raise LookupError("mine")

    batch = Batch(store)
    for fn in (note("a", 1), fails, note("a", 1), note("c", 1)):
        batch.add(fn)
    first, mine, conflict, last = batch.run()
    assert (first, last) == (1, 1)
    assert isinstance(mine, LookupError)
    assert isinstance(conflict, StoreConflict)
    assert notes(store) == [("a", 1), ("c", 1)]


def test_a_base_exception_in_a_batch_is_raised_where_it_was_asked_for(store: SQLiteStore) -> None:
    def leaves(tx: Tx) -> None:
        note("b", 1)(tx)
        raise SystemExit(3)

    batch = Batch(store)
    for fn in (note("a", 1), leaves, note("c", 1)):
        batch.add(fn)
    first, left, last = batch.run()
    assert (first, last) == (1, 1)
    assert isinstance(left, SystemExit)
    assert notes(store) == [("a", 1), ("c", 1)]


def test_a_batch_has_a_largest_size(store: SQLiteStore) -> None:
    async def main() -> None:
        batch = Batch(store)
        tasks = [asyncio.create_task(store.awrite(note("a", n))) for n in range(MAX_BATCH + 10)]
        await asyncio.sleep(0)
        seen = commits(store)
        await asyncio.to_thread(batch.run)
        assert await asyncio.gather(*tasks) == [1] * (MAX_BATCH + 10)
        assert seen.count("COMMIT") == 3  # the held one, a full batch, the rest

    asyncio.run(main())
    assert notes(store) == [("a", n) for n in range(MAX_BATCH + 10)]


def test_a_loop_is_woken_once_for_a_batch(store: SQLiteStore) -> None:
    async def main() -> None:
        batch = Batch(store)
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(store.awrite(note("a", n))) for n in range(50)]
        await asyncio.sleep(0)
        wake_ups: list[object] = []
        original = loop.call_soon_threadsafe

        def counted(callback: Callable[..., object], *args: object, **options: object) -> asyncio.Handle:
            if (getattr(callback, "__module__", None) or "").startswith("ingat."):
                wake_ups.append(callback)
            return original(callback, *args, **options)  # type: ignore[arg-type]  # handed on as it came

        loop.call_soon_threadsafe = counted  # type: ignore[method-assign]  # to count, nothing else
        await asyncio.to_thread(batch.run)
        await asyncio.gather(*tasks)
        assert len(wake_ups) == 1

    asyncio.run(main())


def test_a_closed_loop_does_not_hinder_the_others(store: SQLiteStore) -> None:
    batch = Batch(store)

    async def asks_and_leaves() -> None:
        task = asyncio.create_task(store.awrite(note("left", 1)))
        await asyncio.sleep(0)
        task.cancel()
        batch.add(note("a", 1))

    asyncio.run(asks_and_leaves())
    assert batch.run() == [1]
    assert notes(store) == [("a", 1)]


# -- a transaction that is lost ------------------------------------------------------------------------------------


def loses_all(tx: Tx) -> None:
    tx.run("INSERT OR ROLLBACK INTO note (author, n) VALUES ('k', 0), ('k', 0)")


def test_a_lost_transaction_fails_all_that_ran_in_it_and_none_that_had_not_started(store: SQLiteStore) -> None:
    batch = Batch(store)
    for fn in (note("before", 1), note("before", 2), loses_all, note("after", 1), note("after", 2)):
        batch.add(fn)
    *before, culprit, after, last = batch.run()
    assert [type(error) for error in before] == [StoreError, StoreError]
    assert isinstance(culprit, StoreConflict)
    assert (after, last) == (1, 1)
    assert notes(store) == [("after", 1), ("after", 2)]


def test_a_function_that_hides_the_loss_cannot_write_on(store: SQLiteStore) -> None:
    def hides(tx: Tx) -> None:
        try:
            loses_all(tx)
        except StoreConflict:
            note("hidden", 1)(tx)

    with pytest.raises(StoreError):
        store.write(hides)
    assert notes(store) == []
    assert store.write(note("a", 1)) == 1


def test_a_function_that_swallows_the_loss_gets_its_error_all_the_same(store: SQLiteStore) -> None:
    def swallows(tx: Tx) -> None:
        try:
            loses_all(tx)
        except StoreConflict:
            pass

    with pytest.raises(StoreConflict):
        store.write(swallows)
    batch = Batch(store)
    batch.add(swallows)
    batch.add(note("a", 1))
    lost, kept = batch.run()
    assert isinstance(lost, StoreConflict)
    assert kept == 1
    assert notes(store) == [("a", 1)]


def test_a_commit_that_fails_fails_the_whole_batch(store: SQLiteStore) -> None:
    batch = Batch(store)
    for fn in (note("a", 1), lambda tx: tx.run("INSERT INTO late (n) VALUES (9)"), note("a", 2)):
        batch.add(fn)
    assert [type(error) for error in batch.run()] == [StoreError] * 3
    assert notes(store) == []
    assert store.write(note("a", 1)) == 1


def test_a_commit_that_fails_alone_is_a_conflict(store: SQLiteStore) -> None:
    with pytest.raises(StoreConflict):
        store.write(lambda tx: tx.run("INSERT INTO late (n) VALUES (9)"))
    assert store.write(note("a", 1)) == 1


def test_a_function_may_go_on_after_a_conflict_that_it_catches(store: SQLiteStore) -> None:
    def tries_twice(tx: Tx) -> None:
        note("a", 1)(tx)
        try:
            note("a", 1)(tx)
        except StoreConflict:
            note("a", 2)(tx)

    store.write(tries_twice)
    assert notes(store) == [("a", 1), ("a", 2)]


# -- threads and signals -------------------------------------------------------------------------------------------


def test_no_wake_up_is_lost_when_threads_switch_all_the_time(store: SQLiteStore) -> None:
    def one_thread(author: str) -> None:
        for n in range(60):
            store.write(note(author, n))

    threads = [threading.Thread(target=one_thread, args=(f"t{i}",)) for i in range(48)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        one_thread("main")
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive(), "a wake-up was lost"
    finally:
        sys.setswitchinterval(before)
    assert len(notes(store)) == 49 * 60
    assert store.waiting() == 0


def test_ctrl_c_while_waiting_leaves_the_write_to_be_done_and_the_turn_to_others(store: SQLiteStore) -> None:
    batch = Batch(store)

    def interrupts() -> None:
        until(lambda: store.waiting() == 1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupts)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        store.write(note("interrupted", 1))
    thread.join(30)
    batch.add(note("a", 1))
    assert batch.run() == [1]
    assert notes(store) == [("interrupted", 1), ("a", 1)]
    assert store.write(note("a", 2)) == 1


def test_ctrl_c_while_running_undoes_the_write(store: SQLiteStore) -> None:
    def interrupted(tx: Tx) -> None:
        note("a", 1)(tx)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        store.write(interrupted)
    assert notes(store) == []
    assert store.write(note("a", 1)) == 1


# -- beside other processes ----------------------------------------------------------------------------------------


@pytest.fixture
def intruder(store: SQLiteStore, path: Path) -> Iterator[sqlite3.Connection]:
    """Another connection that holds the write lock."""
    conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    conn.execute("BEGIN IMMEDIATE")
    yield conn
    conn.close()


@pytest.mark.usefixtures("intruder")
def test_a_lock_held_too_long_is_busy_and_keeps_nothing(path: Path) -> None:
    ran = []
    impatient = SQLiteStore(path, synchronous="NORMAL", busy_timeout_ms=50, readers=1)
    with pytest.raises(StoreBusy) as caught:
        impatient.write(lambda _: ran.append(1))
    assert caught.value.details["busy_timeout_ms"] == 50
    with pytest.raises(StoreBusy):
        asyncio.run(impatient.awrite(lambda _: ran.append(1)))
    assert ran == []
    impatient.close()


def test_a_busy_store_can_be_written_afterwards(path: Path, intruder: sqlite3.Connection) -> None:
    impatient = SQLiteStore(path, synchronous="NORMAL", busy_timeout_ms=0, readers=1)
    with pytest.raises(StoreBusy):
        impatient.write(note("a", 1))
    intruder.execute("COMMIT")
    assert impatient.write(note("a", 1)) == 1
    impatient.close()


def test_a_write_waits_for_another_process_to_let_go(store: SQLiteStore, intruder: sqlite3.Connection) -> None:
    intruder.execute("INSERT INTO note (author, n) VALUES ('intruder', 1)")
    threads = [threading.Thread(target=store.write, args=(note("a", n),)) for n in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: store.waiting() == 1)  # the other one has the turn and waits for the lock
    intruder.execute("COMMIT")
    for thread in threads:
        thread.join(30)
    assert sorted(notes(store)) == [("a", 0), ("a", 1), ("intruder", 1)]


@pytest.mark.usefixtures("intruder")
def test_reads_go_on_while_another_process_writes(store: SQLiteStore) -> None:
    assert notes(store) == []
