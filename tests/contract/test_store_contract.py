"""What every engine must do. A new engine is added to `ENGINES`; nothing else changes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path

import pytest

from ingat.core.errors import StoreClosed, StoreConflict, StoreError
from ingat.store.contract import Store, Tx
from tests.contract.engines import ENGINES, READS_WAIT_FOR_WRITES

TABLES = (
    "CREATE TABLE note (author TEXT NOT NULL, n BIGINT NOT NULL, body TEXT, PRIMARY KEY (author, n))",
    "CREATE TABLE reply (id BIGINT NOT NULL PRIMARY KEY, author TEXT NOT NULL, n BIGINT NOT NULL,"
    " FOREIGN KEY (author, n) REFERENCES note (author, n))",
)


def make_tables(tx: Tx) -> None:
    for sql in TABLES:
        tx.run(sql)


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = ENGINES[request.param](tmp_path)
    opened.write(make_tables)
    yield opened
    opened.close()


@pytest.fixture(params=[name for name in ENGINES if name not in READS_WAIT_FOR_WRITES])
def concurrent_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = ENGINES[request.param](tmp_path)
    opened.write(make_tables)
    yield opened
    opened.close()


def note(author: str, n: int, body: str = "x") -> Callable[[Tx], int]:
    return lambda tx: tx.run("INSERT INTO note (author, n, body) VALUES (?, ?, ?)", (author, n, body))


def notes(tx: Tx) -> list[tuple[object, ...]]:
    return list(tx.all("SELECT author, n FROM note ORDER BY author, n"))


class Held:
    """A write that has started and does not end until it is let go."""

    def __init__(self, store: Store) -> None:
        self.started, self.release = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=store.write, args=(self._run,))
        self.thread.start()
        assert self.started.wait(30)

    def _run(self, tx: Tx) -> None:
        note("held", 0)(tx)
        self.started.set()
        assert self.release.wait(30)

    def let_go(self) -> None:
        self.release.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


# -- transactions --------------------------------------------------------------------------------------------------


def test_write_returns_the_value_of_its_function(store: Store) -> None:
    assert store.write(note("a", 1)) == 1


def test_a_read_sees_what_was_written_before(store: Store) -> None:
    store.write(note("a", 1))
    assert store.read(notes) == [("a", 1)]


def test_a_function_that_raises_keeps_nothing(store: Store) -> None:
    def fails(tx: Tx) -> None:
        note("a", 1)(tx)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        store.write(fails)
    assert store.read(notes) == []


def test_an_error_undoes_no_other_write(store: Store) -> None:
    def one_thread(author: str) -> list[int]:
        kept = []
        for n in range(40):

            def fails(tx: Tx, n: int = n) -> None:
                note(author, n)(tx)
                raise LookupError

            try:
                store.write(fails if n % 3 == 0 else note(author, n))
                kept.append(n)
            except LookupError:
                pass
        return kept

    authors = [f"t{i:02}" for i in range(16)]
    with ThreadPoolExecutor(16) as threads:
        kept = dict(zip(authors, threads.map(one_thread, authors), strict=True))
    assert store.read(notes) == [(author, n) for author in authors for n in kept[author]]
    assert all(len(numbers) == 26 for numbers in kept.values())


def test_a_base_exception_comes_out_and_keeps_nothing(store: Store) -> None:
    def leaves(tx: Tx) -> None:
        note("a", 1)(tx)
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        store.write(leaves)
    assert store.read(notes) == []


def test_each_thread_reads_its_own_writes(store: Store) -> None:
    def one_thread(author: str) -> None:
        for n in range(50):
            store.write(note(author, n))
            row = store.read(lambda tx: tx.one("SELECT count(*) FROM note WHERE author = ?", (author,)))
            assert row == (n + 1,)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(one_thread, [f"t{i}" for i in range(12)]))


def test_a_read_never_sees_half_a_write(store: Store) -> None:
    finished = threading.Event()

    def pair(n: int, fail: bool) -> Callable[[Tx], None]:
        def run(tx: Tx) -> None:
            note("left", n)(tx)
            note("right", n)(tx)
            if fail:
                raise LookupError

        return run

    def read_all_the_time() -> int:
        seen = 0
        while not finished.is_set():
            left, right, top = store.read(
                lambda tx: [
                    tx.one(sql)
                    for sql in (
                        "SELECT count(*) FROM note WHERE author = 'left'",
                        "SELECT count(*) FROM note WHERE author = 'right'",
                        "SELECT max(n) FROM note WHERE n % 5 = 0",
                    )
                ]
            )
            assert left == right
            assert top == (None,)
            seen += 1
        return seen

    def write_pairs(offset: int) -> None:
        for n in range(offset, offset + 100):
            try:
                store.write(pair(n, fail=n % 5 == 0))
            except LookupError:
                pass

    with ThreadPoolExecutor(8) as threads:
        readers = [threads.submit(read_all_the_time) for _ in range(4)]
        list(threads.map(write_pairs, range(0, 400, 100)))
        finished.set()
        assert all(reader.result(30) > 0 for reader in readers)


def test_a_read_does_not_wait_for_a_write(concurrent_store: Store) -> None:
    held = Held(concurrent_store)
    try:
        assert concurrent_store.read(notes) == []
    finally:
        held.let_go()
    assert concurrent_store.read(notes) == [("held", 0)]


def test_a_read_keeps_its_view_while_others_write(concurrent_store: Store) -> None:
    def looks_twice(tx: Tx) -> tuple[object, object]:
        first = notes(tx)
        thread = threading.Thread(target=concurrent_store.write, args=(note("a", 1),))
        thread.start()
        thread.join(30)
        return first, notes(tx)

    assert concurrent_store.read(looks_twice) == ([], [])
    assert concurrent_store.read(notes) == [("a", 1)]


def test_more_threads_than_readers_take_turns(concurrent_store: Store) -> None:
    together = threading.Barrier(8)

    def meets_seven_others(tx: Tx) -> int:
        tx.all("SELECT 1")
        return together.wait(30)

    with ThreadPoolExecutor(24) as threads:
        places = list(threads.map(lambda _: concurrent_store.read(meets_seven_others), range(24)))
    assert sorted(places) == sorted(list(range(8)) * 3)


def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        store.read(note("a", 1))
    assert caught.value.code == "store_error"
    assert store.read(notes) == []
    assert store.write(note("a", 1)) == 1


# -- nesting -------------------------------------------------------------------------------------------------------


def test_write_inside_write_is_refused_and_undoes_the_outer_one(store: Store) -> None:
    def outer(tx: Tx) -> None:
        note("a", 1)(tx)
        store.write(note("a", 2))

    with pytest.raises(StoreClosed, match="inside write"):
        store.write(outer)
    assert store.read(notes) == []
    assert store.write(note("a", 3)) == 1


def test_read_inside_write_is_refused(store: Store) -> None:
    with pytest.raises(StoreClosed, match="inside write"):
        store.write(lambda _: store.read(notes))


def test_write_inside_read_is_refused(store: Store) -> None:
    with pytest.raises(StoreClosed, match="inside read"):
        store.read(lambda _: store.write(note("a", 1)))
    assert store.read(notes) == []


def test_awrite_inside_write_is_refused(store: Store) -> None:
    with pytest.raises(StoreClosed, match="inside write"):
        store.write(lambda _: asyncio.run(store.awrite(note("a", 1))))


def test_close_inside_write_is_refused(store: Store) -> None:
    with pytest.raises(StoreClosed, match="stays open"):
        store.write(lambda _: store.close())
    assert store.write(note("a", 1)) == 1


def test_a_read_inside_a_read_shares_its_view(store: Store) -> None:
    store.write(note("a", 1))
    assert store.read(lambda tx: store.read(notes) == notes(tx))


# -- statements ----------------------------------------------------------------------------------------------------


def test_run_returns_the_number_of_changed_rows(store: Store) -> None:
    for n in range(3):
        store.write(note("a", n))
    assert store.write(lambda tx: tx.run("UPDATE note SET body = ? WHERE n > ?", ("y", 0))) == 2


def test_many_runs_once_for_each_row(store: Store) -> None:
    rows = (("a", n) for n in range(5))
    store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES (?, ?)", rows))
    assert store.read(notes) == [("a", n) for n in range(5)]


def test_one_returns_none_without_a_row(store: Store) -> None:
    assert store.read(lambda tx: tx.one("SELECT n FROM note WHERE n = ?", (7,))) is None


def test_one_returns_what_a_statement_returns_and_its_change_is_kept(store: Store) -> None:
    sql = "INSERT INTO note (author, n) VALUES (?, ?) RETURNING n"
    assert store.write(lambda tx: tx.one(sql, ("a", 4))) == (4,)
    assert store.read(notes) == [("a", 4)]


def test_all_returns_no_rows_for_a_change_that_a_conflict_stopped(store: Store) -> None:
    store.write(note("a", 1))
    sql = "INSERT INTO note (author, n) VALUES ('a', 1) ON CONFLICT DO NOTHING RETURNING n"
    assert store.write(lambda tx: tx.all(sql)) == []


# -- errors --------------------------------------------------------------------------------------------------------


def test_a_key_that_is_there_is_a_conflict(store: Store) -> None:
    store.write(note("a", 1))
    with pytest.raises(StoreConflict):
        store.write(note("a", 1))


def test_a_reference_to_a_row_that_is_not_there_is_a_conflict(store: Store) -> None:
    with pytest.raises(StoreConflict):
        store.write(lambda tx: tx.run("INSERT INTO reply (id, author, n) VALUES (1, 'nobody', 1)"))


def test_a_statement_that_makes_no_sense_is_a_store_error(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        store.write(lambda tx: tx.run("INSERT INTO nowhere (a) VALUES (1)"))
    assert caught.value.code == "store_error"


@pytest.mark.parametrize("value", [2**70, "\ud800"], ids=["too large a number", "lone surrogate"])
def test_a_value_that_no_column_holds_is_a_store_error(store: Store, value: str | int) -> None:
    with pytest.raises(StoreError) as caught:
        store.write(lambda tx: tx.run("INSERT INTO note (author, n, body) VALUES ('a', 1, ?)", (value,)))
    assert caught.value.code == "store_error"
    assert store.read(notes) == []


# -- coroutines ----------------------------------------------------------------------------------------------------


def test_awrite_returns_the_value_after_the_commit(store: Store) -> None:
    async def main() -> int:
        return await store.awrite(note("a", 1))

    assert asyncio.run(main()) == 1
    assert store.read(notes) == [("a", 1)]


def test_awrite_raises_what_its_function_raises_and_keeps_nothing(store: Store) -> None:
    def fails(tx: Tx) -> None:
        note("a", 1)(tx)
        raise LookupError

    async def main() -> None:
        await store.awrite(fails)

    with pytest.raises(LookupError):
        asyncio.run(main())
    assert store.read(notes) == []


def test_awrite_survives_a_function_that_raises_stop_iteration(store: Store) -> None:
    async def main() -> list[object]:
        writes = (store.awrite(lambda _: next(iter(()))), store.awrite(note("a", 1)))
        return list(await asyncio.wait_for(asyncio.gather(*writes, return_exceptions=True), 30))

    error, value = asyncio.run(main())
    assert isinstance(error, RuntimeError)
    assert value == 1


def test_awrite_cancelled_before_its_function_starts_is_not_run(store: Store) -> None:
    held = Held(store)

    async def main() -> None:
        task = asyncio.create_task(store.awrite(note("cancelled", 1)))
        kept = asyncio.create_task(store.awrite(note("kept", 1)))
        await asyncio.sleep(0)  # both have queued
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(held.let_go)
        await asyncio.wait_for(kept, 30)

    asyncio.run(main())
    assert store.read(notes) == [("held", 0), ("kept", 1)]


def test_awrite_cancelled_after_its_function_started_is_committed(store: Store) -> None:
    started, release = threading.Event(), threading.Event()

    def waits(tx: Tx) -> None:
        note("a", 1)(tx)
        started.set()
        assert release.wait(30)

    async def main() -> None:
        task = asyncio.create_task(store.awrite(waits))
        assert await asyncio.to_thread(started.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()
        await asyncio.wait_for(store.awrite(note("a", 2)), 30)

    asyncio.run(main())
    assert store.read(notes) == [("a", 1), ("a", 2)]


def test_tasks_and_threads_write_side_by_side(store: Store) -> None:
    async def one_task(author: str) -> None:
        for n in range(20):
            await store.awrite(note(author, n))

    def one_thread(author: str) -> None:
        for n in range(40):
            store.write(note(author, n))

    async def main() -> None:
        tasks = [one_task(f"task{i}") for i in range(30)]
        threads = [asyncio.to_thread(one_thread, f"thread{i}") for i in range(8)]
        await asyncio.wait_for(asyncio.gather(*tasks, *threads), 120)

    asyncio.run(main())
    assert len(store.read(notes)) == 30 * 20 + 8 * 40


# -- what follows the caller ---------------------------------------------------------------------------------------

caller: ContextVar[str] = ContextVar("caller")


def test_the_callers_context_follows_its_function(store: Store) -> None:
    def one_thread(name: str) -> set[str]:
        caller.set(name)
        return {store.write(lambda _: caller.get()) for _ in range(50)}

    names = [f"t{i}" for i in range(12)]
    with ThreadPoolExecutor(12) as threads:
        assert list(threads.map(one_thread, names)) == [{name} for name in names]


def test_the_tasks_context_follows_its_function(store: Store) -> None:
    async def one_task(name: str) -> str:
        caller.set(name)
        return await store.awrite(lambda _: caller.get())

    async def main() -> list[str]:
        return await asyncio.gather(*[one_task(f"t{i}") for i in range(40)])

    assert asyncio.run(main()) == [f"t{i}" for i in range(40)]


# -- the store itself ----------------------------------------------------------------------------------------------


def test_check_finds_nothing_in_a_sound_store(store: Store) -> None:
    store.write(note("a", 1))
    assert store.check() == []


def test_size_grows_with_what_is_kept(store: Store) -> None:
    before = store.size_bytes()
    store.write(note("a", 1, "x" * 1_000_000))
    assert store.size_bytes() - before > 900_000


def test_used_bytes_grow_with_what_is_kept_and_shrink_when_it_goes(store: Store) -> None:
    before = store.used_bytes()
    store.write(lambda tx: tx.many("INSERT INTO note VALUES ('a', ?, ?)", [(n, "x" * 1_000) for n in range(1_000)]))
    full = store.used_bytes()
    store.write(lambda tx: tx.run("DELETE FROM note"))

    assert full - before > 900_000
    assert store.used_bytes() - before < 50_000


def test_close_finishes_the_writes_that_wait(store: Store) -> None:
    held = Held(store)
    closed = threading.Event()

    def let_go_once_closing() -> None:
        held.let_go()
        closed.set()

    async def main() -> list[object]:
        waiting = [asyncio.create_task(store.awrite(note("a", n))) for n in range(300)]
        await asyncio.sleep(0)
        threading.Thread(target=let_go_once_closing).start()
        await asyncio.to_thread(store.close)
        return list(await asyncio.wait_for(asyncio.gather(*waiting), 30))

    assert asyncio.run(main()) == [1] * 300
    assert closed.wait(30)


def test_a_second_close_does_nothing(store: Store) -> None:
    store.close()
    store.close()


def test_a_closed_store_refuses_everything(store: Store) -> None:
    store.close()
    with pytest.raises(StoreClosed):
        store.read(notes)
    with pytest.raises(StoreClosed):
        store.write(note("a", 1))
    with pytest.raises(StoreClosed):
        asyncio.run(store.awrite(note("a", 1)))
    with pytest.raises(StoreClosed):
        store.check()
    with pytest.raises(StoreClosed):
        store.scrub([])
