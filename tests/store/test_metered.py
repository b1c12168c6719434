"""A metered store tells its meter of reads and writes, of those that fail and of those that wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingat.core.errors import SessionNotFound, StoreClosed, StoreError
from ingat.core.meter import Meter
from ingat.store.contract import Tx
from ingat.store.metered import MeteredStore
from ingat.store.open import open_store


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def store(meter: Meter, tmp_path: Path) -> Iterator[MeteredStore]:
    opened = MeteredStore(open_store(f"sqlite:///{tmp_path}/store.db"), meter)
    opened.write(lambda tx: tx.run("CREATE TABLE note (n INTEGER PRIMARY KEY)"))
    yield opened
    opened.close()


def test_reads_and_writes_are_counted(store: MeteredStore, meter: Meter) -> None:
    store.write(lambda tx: tx.run("INSERT INTO note (n) VALUES (1)"))
    asyncio.run(store.awrite(lambda tx: tx.run("INSERT INTO note (n) VALUES (2)")))
    store.read(lambda tx: tx.all("SELECT n FROM note"))

    used = meter.database()
    assert (used.reads, used.writes) == (1, 3)
    assert used.read_s > 0
    assert used.write_s > 0


def test_a_mistake_of_the_caller_is_no_fault(store: MeteredStore, meter: Meter) -> None:
    def refuse(tx: Tx) -> None:
        raise SessionNotFound("none")

    for call in (store.read, store.write):
        with pytest.raises(SessionNotFound):
            call(refuse)

    assert (meter.reads.read().number, meter.reads.read().errors) == (1, 0)
    assert (meter.writes.read().number, meter.writes.read().errors) == (2, 0)
    assert meter.performance().errors == {}


def test_a_failing_store_is_a_fault(store: MeteredStore, meter: Meter) -> None:
    with pytest.raises(StoreError):
        store.read(lambda tx: tx.all("SELECT nothing FROM nowhere"))
    store.close()
    with pytest.raises(StoreClosed):
        store.write(lambda tx: tx.run("INSERT INTO note (n) VALUES (1)"))

    assert (meter.reads.read().errors, meter.writes.read().errors) == (1, 1)
    assert meter.performance().errors == {"store_closed": 1, "store_error": 1}


def test_the_time_that_a_write_waits_for_its_turn_is_known(store: MeteredStore, meter: Meter) -> None:
    begun, release = threading.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        begun.set()
        assert release.wait(30)

    async def wait_behind() -> None:
        assert await asyncio.to_thread(begun.wait, 30)
        queued = asyncio.ensure_future(store.awrite(lambda tx: tx.run("INSERT INTO note (n) VALUES (1)")))
        await asyncio.sleep(0)  # it is in the queue now
        before = meter.database().waiting_s
        await asyncio.to_thread(release.wait, 0.02)
        release.set()
        await queued
        assert meter.database().waiting_s - before >= 0.02

    holder = threading.Thread(target=store.write, args=(hold,))
    holder.start()
    asyncio.run(wait_behind())
    holder.join()


def test_a_cancelled_write_is_not_a_fault(store: MeteredStore, meter: Meter) -> None:
    begun, release = threading.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        begun.set()
        assert release.wait(30)

    async def cancel() -> None:
        assert await asyncio.to_thread(begun.wait, 30)
        queued = asyncio.ensure_future(store.awrite(lambda tx: tx.run("INSERT INTO note (n) VALUES (1)")))
        await asyncio.sleep(0)
        queued.cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued

    holder = threading.Thread(target=store.write, args=(hold,))
    holder.start()
    asyncio.run(cancel())
    release.set()
    holder.join()

    assert meter.writes.read().errors == 0
    assert store.read(lambda tx: tx.all("SELECT n FROM note")) == []
