"""The writer beside others: what it locks, what is run again, and who waits for whom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest

from ingat.store.contract import Store, Tx
from ingat.store.open import open_store
from tests import postgres


@pytest.fixture
def url() -> Iterator[str]:
    with postgres.empty_store() as lent:
        yield lent


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(open_store(url)) as opened:
        yield opened


@pytest.fixture
def other(url: str) -> Iterator[Store]:
    """The same store, as another process has it."""
    with closing(open_store(url)) as opened:
        yield opened


def put(name: str) -> Callable[[Tx], int]:
    return lambda tx: tx.run("INSERT INTO setting (name, value) VALUES (?, 'x')", (name,))


def counted(tx: Tx) -> int:
    """Look at all that `put` has written, which collides with every other who does."""
    (number,) = tx.one("SELECT count(*) FROM setting WHERE value = 'x'") or (0,)
    assert isinstance(number, int)
    return number


def test_a_writer_takes_the_index_also_of_a_table_of_one_page(store: Store, url: str) -> None:
    for n in range(30):
        store.write(put(f"n{n}"))
    with psycopg.connect(postgres.schemas()._url, autocommit=True) as conn:
        conn.execute(f"ANALYZE {url.rpartition('schema=')[2]}.setting".encode())
    plan: list[object] = []

    def explain(tx: Tx) -> None:
        plan.extend(row[0] for row in tx.all("EXPLAIN SELECT value FROM setting WHERE name = 'n1'"))

    store.write(explain)  # a scan of the whole table would collide with all who write to it
    assert "Index Scan" in str(plan[0])


def test_an_awrite_that_is_cancelled_while_it_collides_is_run_again_and_kept(store: Store, other: Store) -> None:
    runs: list[int] = []
    begun, released = threading.Event(), threading.Event()

    def collides(tx: Tx) -> None:
        runs.append(counted(tx))
        begun.set()
        assert released.wait(30)
        put("mine")(tx)

    async def main() -> None:
        task = asyncio.create_task(store.awrite(collides))
        assert await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        def theirs(tx: Tx) -> None:
            counted(tx)
            put("theirs")(tx)

        await other.awrite(theirs)
        released.set()
        await store.awrite(put("after"))

    asyncio.run(main())
    assert runs == [0, 1]
    assert store.read(counted) == 3


def test_others_write_beside_a_long_write_and_it_comes_to_its_end(store: Store, other: Store) -> None:
    runs: list[int] = []
    begun, released = threading.Event(), threading.Event()

    def long(tx: Tx) -> None:
        runs.append(1)
        tx.run("INSERT INTO setting (name, value) VALUES ('long', 'y')")
        begun.set()
        assert released.wait(30)

    thread = threading.Thread(target=store.write, args=(long,))
    thread.start()
    assert begun.wait(30)
    for n in range(20):
        other.write(put(f"n{n}"))
    assert thread.is_alive()
    released.set()
    thread.join(30)
    assert not thread.is_alive()
    assert len(runs) == 1
    assert store.read(counted) == 20
    assert store.read(lambda tx: tx.one("SELECT value FROM setting WHERE name = 'long'")) == ("y",)


def test_a_write_that_collides_with_whatever_is_written_comes_to_its_end(store: Store, other: Store) -> None:
    ended = threading.Event()
    runs: list[int] = []

    def noise() -> None:
        n = 0
        while not ended.is_set():
            n += 1

            def work(tx: Tx, n: int = n) -> None:
                counted(tx)
                put(f"noise{n}")(tx)

            other.write(work)

    def greedy(tx: Tx) -> int:
        runs.append(counted(tx))
        while not ended.is_set() and len(runs) < 3:  # until somebody has written meanwhile
            with closing(psycopg.connect(postgres.schemas()._url, autocommit=True)) as conn:
                schema = url_schema(store)
                row = conn.execute(f"SELECT count(*) FROM {schema}.setting WHERE value = 'x'".encode()).fetchone()
            if row is not None and row[0] > runs[-1] + 1:
                break
        return put("greedy")(tx)

    thread = threading.Thread(target=noise)
    thread.start()
    try:
        assert store.write(greedy) == 1
    finally:
        ended.set()
        thread.join(30)
    assert len(runs) == 3  # the third alone
    assert runs[0] < runs[1] <= runs[2]


def url_schema(store: Store) -> str:
    return store.url.rpartition("schema=")[2]
