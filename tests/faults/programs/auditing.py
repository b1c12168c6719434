"""Add entries to the audit trail of one store from several threads.

Arguments: the store's URL, a name, the number of threads, the entries each adds.
"""

from __future__ import annotations

import sys
import threading

from ingat.store.contract import Tx
from ingat.store.open import open_store
from ingat.store.tables import audit


def main(url: str, name: str, threads: str, entries: str) -> None:
    store = open_store(url, busy_timeout_ms=60_000)

    def add(n: int) -> None:
        def work(tx: Tx) -> None:
            audit.append(tx, n, "erase", "user", user_id=f"user {n % 7}", target=name, counts={"user": 1})
            if n % 5 == 4:
                raise LookupError("This one is not kept.")

        try:
            store.write(work)
        except LookupError:
            pass

    def some() -> None:
        for n in range(int(entries)):
            add(n)

    running = [threading.Thread(target=some) for _ in range(int(threads))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    store.close()


main(*sys.argv[1:])
