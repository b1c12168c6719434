"""Write and read on the main thread while Ctrl-C comes at any moment and other threads and tasks write too.

Arguments: the store's URL, the number of interruptions. Ends with the number of rows that should be there.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import threading
from collections.abc import Callable

from ingat.store.contract import Tx
from ingat.store.open import open_store


def main(url: str, interruptions: int) -> None:
    store = open_store(url)
    store.write(lambda tx: tx.run("CREATE TABLE t (author TEXT, n BIGINT, PRIMARY KEY (author, n))"))
    finished = threading.Event()
    acknowledged: list[tuple[str, int]] = []

    def add(author: str, n: int) -> Callable[[Tx], int]:
        return lambda tx: tx.run("INSERT INTO t (author, n) VALUES (?, ?)", (author, n))

    def is_kept(author: str, n: int) -> bool:
        query = "SELECT 1 FROM t WHERE author = ? AND n = ?"
        return store.read(lambda tx: tx.one(query, (author, n))) is not None

    def one_thread(author: str) -> None:
        n = 0
        while not finished.is_set():
            store.write(add(author, n))
            acknowledged.append((author, n))
            n += 1

    async def one_task() -> None:
        n = 0
        while not finished.is_set():
            await store.awrite(add("task", n))
            acknowledged.append(("task", n))
            n += 1

    # Some rounds alone, where the main thread takes the turn itself; the others beside writers.
    threads = [threading.Thread(target=one_thread, args=(f"t{i}",)) for i in range(3)]
    threads.append(threading.Thread(target=lambda: asyncio.run(one_task())))
    caught = n = 0
    while caught < interruptions:
        if caught == interruptions // 2 and not threads[0].is_alive():
            for thread in threads:
                thread.start()
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00002, 0.0008))
            while True:
                n += 1
                store.write(add("main", n))
                acknowledged.append(("main", n))
                assert is_kept("main", n)
        except KeyboardInterrupt:
            caught += 1
    finished.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "the turn was lost"
    store.write(add("last", 0))
    rows = set(store.read(lambda tx: tx.all("SELECT author, n FROM t")))
    missing = [row for row in acknowledged if row not in rows]
    print("missing", len(missing), "unacknowledged", len(rows) - 1 - len(set(acknowledged)) <= interruptions)
    print("check", store.check())
    store.close()


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


signal.signal(signal.SIGALRM, interrupt)
main(sys.argv[1], int(sys.argv[2]))
