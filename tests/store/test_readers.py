"""A pool of readers: how many there are, who waits, and what Ctrl-C at any step leaves of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from ingat.core.errors import StoreClosed
from ingat.store import readers
from ingat.store.contract import Row, Tx
from ingat.store.readers import PooledReaders


class View:
    """A view of nothing, which is stuck when its function says so."""

    def __init__(self) -> None:
        self.stuck = self.closed = False

    def view(self, fn: Callable[[Tx], Any]) -> Any:
        return fn(self)

    def close(self) -> None:
        self.closed = True

    def run(self, sql: str, args: Any = ()) -> int:
        return 0

    def many(self, sql: str, rows: Any) -> None:
        return

    def one(self, sql: str, args: Any = ()) -> Row | None:
        return None

    def all(self, sql: str, args: Any = ()) -> list[Row]:
        return []


def held(pool: PooledReaders[View], number: int) -> list[View]:
    """Return the connections of so many reads that run at once."""
    taken, all_in = list[View](), threading.Barrier(number)

    def hold(tx: Tx) -> None:
        assert isinstance(tx, View)
        taken.append(tx)
        all_in.wait(20)

    threads = [threading.Thread(target=pool.read, args=(hold,), daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return taken


def interrupted(pool: PooledReaders[View], step: int) -> bool:
    """Read, and raise KeyboardInterrupt at the so manieth place where a signal can be handled; False if it has fewer.

    Such places are where a function of the pool begins, and behind each call that it makes.
    """
    left = step

    def look(frame: FrameType, event: str, _: Any) -> None:
        nonlocal left
        if frame.f_code.co_filename == readers.__file__ and event in ("call", "return", "c_return"):
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        pool.read(lambda tx: tx.one(""))
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(before)
    return False


def test_ctrl_c_at_any_step_takes_no_connection_away() -> None:
    made: list[View] = []
    pool = PooledReaders(lambda: made.append(View()) or made[-1], 2)  # type: ignore[func-returns-value]
    step = 1
    while interrupted(pool, step):
        assert pool.views == {}
        assert len(set(held(pool, 2))) == 2
        step += 1
    assert step > 9
    pool.close()
    assert [each for each in made if not each.closed] == []


def test_more_reads_than_connections_wait_for_one() -> None:
    pool = PooledReaders(View, 2)
    running, most, lock = 0, 0, threading.Lock()

    def look(_: Tx) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1

    threads = [threading.Thread(target=lambda: [pool.read(look) for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most <= 2
    pool.close()


def test_a_connection_that_is_stuck_is_replaced() -> None:
    pool = PooledReaders(View, 1)

    def stick(tx: Tx) -> Tx:
        assert isinstance(tx, View)
        tx.stuck = True
        return tx

    stuck = pool.read(stick)
    assert isinstance(stuck, View)
    assert stuck.closed
    assert pool.read(lambda tx: tx) is not stuck


def test_closing_waits_for_a_read_and_refuses_those_that_wait() -> None:
    pool = PooledReaders(View, 1)
    begun, released, refused = threading.Event(), threading.Event(), list[object]()

    def hold(_: Tx) -> bool:
        begun.set()
        return released.wait(20)

    def wait() -> None:
        with pytest.raises(StoreClosed) as caught:
            pool.read(lambda tx: None)
        refused.append(caught.value)

    first, second = threading.Thread(target=pool.read, args=(hold,)), threading.Thread(target=wait)
    closing = threading.Thread(target=pool.close)
    first.start()
    assert begun.wait(20)
    for thread in (second, closing):
        thread.start()
    second.join(20)
    assert len(refused) == 1
    assert closing.is_alive()
    released.set()
    for thread in (first, closing):
        thread.join(20)
        assert not thread.is_alive()
