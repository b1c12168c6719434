"""Append with many threads, counting on from what is there, and print each row once it is acknowledged.

Arguments: the store's URL, this process's name, the number of threads, the rows each appends (0: without end).
"""

from __future__ import annotations

import os
import sys
import threading

from ingat.store.contract import Tx
from ingat.store.open import open_store


def main(url: str, name: str, threads: str, rows: str) -> None:
    store = open_store(url, busy_timeout_ms=60_000)

    def append(author: str, n: int) -> int:
        def run(tx: Tx) -> int:
            row = tx.one("SELECT coalesce(max(place), 0) + 1 FROM entry")
            place = int(row[0] or 0) if row else 0
            tx.run("INSERT INTO entry (place, author, n) VALUES (?, ?, ?)", (place, author, n))
            return place

        return store.write(run)

    def one_thread(author: str) -> None:
        n = 0
        while not int(rows) or n < int(rows):
            place = append(author, n)
            os.write(1, f"{place} {author} {n}\n".encode())
            n += 1

    running = [threading.Thread(target=one_thread, args=(f"{name}-{i}",)) for i in range(int(threads))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    store.close()


main(*sys.argv[1:])
