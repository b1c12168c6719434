"""Coroutines: `awrite` beside threads, what a cancelled one leaves, and whose context a function runs in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from ingat.store.contract import Store, Tx
from ingat.testing.contract.engine import Suite
from ingat.testing.contract.notes import Held, note, notes

caller: ContextVar[str] = ContextVar("caller")


class Coroutines(Suite):
    """What `awrite` does."""

    def test_awrite_returns_the_value_after_the_commit(self, store: Store) -> None:
        async def main() -> int:
            return await store.awrite(note("a", 1))

        assert asyncio.run(main()) == 1
        assert store.read(notes) == [("a", 1)]

    def test_awrite_raises_what_its_function_raises_and_keeps_nothing(self, store: Store) -> None:
        def fails(tx: Tx) -> None:
            note("a", 1)(tx)
            raise LookupError

        async def main() -> None:
            await store.awrite(fails)

        with pytest.raises(LookupError):
            asyncio.run(main())
        assert store.read(notes) == []

    def test_awrite_survives_a_function_that_raises_stop_iteration(self, store: Store) -> None:
        async def main() -> list[object]:
            writes = (store.awrite(lambda _: next(iter(()))), store.awrite(note("a", 1)))
            return list(await asyncio.wait_for(asyncio.gather(*writes, return_exceptions=True), 30))

        error, value = asyncio.run(main())
        assert isinstance(error, RuntimeError)
        assert value == 1

    def test_awrite_cancelled_before_its_function_starts_is_not_run(self, store: Store) -> None:
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

    def test_awrite_cancelled_after_its_function_started_is_committed(self, store: Store) -> None:
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

    def test_tasks_and_threads_write_side_by_side(self, store: Store) -> None:
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

    def test_writes_are_served_in_the_order_they_came(self, store: Store) -> None:
        sql = "INSERT INTO kept (id, whole) SELECT COUNT(*), CAST(? AS BIGINT) FROM kept"

        def numbered(n: int) -> Callable[[Tx], int]:
            return lambda tx: tx.run(sql, (n,))

        async def main() -> None:
            held = await asyncio.to_thread(Held, store)
            waiting = [asyncio.create_task(store.awrite(numbered(n))) for n in range(300)]
            await asyncio.sleep(0)  # all have queued
            await asyncio.to_thread(held.let_go)
            await asyncio.wait_for(asyncio.gather(*waiting), 60)

        asyncio.run(main())
        for n in range(300, 320):
            store.write(numbered(n))
        assert store.read(lambda tx: tx.all("SELECT id, whole FROM kept ORDER BY id")) == [(n, n) for n in range(320)]

    def test_what_one_task_awaited_is_there_for_the_next(self, store: Store) -> None:
        async def main() -> list[int]:
            seen = []
            for n in range(20):
                await store.awrite(note("a", n))
                seen.append(len(await asyncio.to_thread(store.read, notes)))
            return seen

        assert asyncio.run(main()) == list(range(1, 21))


class Callers(Suite):
    """What follows the caller into the function."""

    def test_the_callers_context_follows_its_function(self, store: Store) -> None:
        def one_thread(name: str) -> set[str]:
            caller.set(name)
            return {store.write(lambda _: caller.get()) for _ in range(50)}

        names = [f"t{i}" for i in range(12)]
        with ThreadPoolExecutor(12) as threads:
            assert list(threads.map(one_thread, names)) == [{name} for name in names]

    def test_the_tasks_context_follows_its_function(self, store: Store) -> None:
        async def one_task(name: str) -> str:
            caller.set(name)
            return await store.awrite(lambda _: caller.get())

        async def main() -> list[str]:
            return await asyncio.gather(*[one_task(f"t{i}") for i in range(40)])

        assert asyncio.run(main()) == [f"t{i}" for i in range(40)]
