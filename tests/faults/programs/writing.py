"""Write with many threads until the standard input ends, and print each row once it is acknowledged.

Arguments: the store's URL, this process's name, the number of threads.
"""

from __future__ import annotations

import os
import sys
import threading

from ingat.store.contract import Tx
from ingat.store.open import open_store


def main(url: str, name: str, threads: str) -> None:
    store = open_store(url, busy_timeout_ms=60_000)
    finished = threading.Event()

    def one_thread(author: str) -> None:
        n = 0
        while not finished.is_set():

            def write(tx: Tx, n: int = n) -> int:
                tx.run("INSERT INTO written (author, n) VALUES (?, ?)", (author, n))
                return tx.run("UPDATE total SET n = n + 1 WHERE author = ?", (author,))

            assert store.write(write) == 1
            os.write(1, f"{author} {n}\n".encode())
            n += 1

    running = [threading.Thread(target=one_thread, args=(f"{name}-{i}",)) for i in range(int(threads))]
    for thread in running:
        thread.start()
    sys.stdin.read()
    finished.set()
    for thread in running:
        thread.join()
    store.close()


main(*sys.argv[1:])
