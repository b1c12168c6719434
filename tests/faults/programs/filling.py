"""Reach the limit for the size of a file in each way a store can, lift it, and print what was seen.

Arguments: the folder for the stores. Each line printed is a fact that the test compares.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from ingat.core.errors import StoreError
from ingat.store.contract import Store, Tx
from ingat.store.open import open_store

LARGE = "x" * 20_000


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def add(n: int) -> Callable[[Tx], int]:
    return lambda tx: tx.run("INSERT INTO t (n, body) VALUES (?, ?)", (n, LARGE))


def kept(store: Store) -> list[object]:
    return [row[0] for row in store.read(lambda tx: tx.all("SELECT n FROM t ORDER BY n"))]


def outcome(act: Callable[[], object]) -> object:
    try:
        return act()
    except StoreError as error:
        return error.code


def fill(store: Store) -> list[int]:
    """Write until it is full; return what was acknowledged."""
    done: list[int] = []
    while outcome(lambda: store.write(add(len(done)))) == 1:
        done.append(len(done))
    return done


def main(folder: Path) -> None:
    store = open_store(f"sqlite:///{folder}/store.db")
    store.write(lambda tx: tx.run("CREATE TABLE t (n INTEGER PRIMARY KEY, body TEXT)"))
    limit(1_000_000)
    acknowledged = fill(store)
    print("some were acknowledged", len(acknowledged) > 3)
    print("the next one", outcome(lambda: store.write(add(-1))))
    print("kept is what was acknowledged", kept(store) == acknowledged)

    async def together() -> list[object]:
        writes = [store.awrite(add(1000 + n)) for n in range(80)]
        answers = await asyncio.gather(*writes, return_exceptions=True)
        return [answer.code if isinstance(answer, StoreError) else answer for answer in answers]

    answers = asyncio.run(together())
    print("answers to many at once", sorted({str(answer) for answer in answers}))
    acknowledged += [1000 + n for n, answer in enumerate(answers) if answer == 1]
    print("kept is still what was acknowledged", kept(store) == acknowledged)

    limit(resource.RLIM_INFINITY)
    print("after lifting the limit", outcome(lambda: store.write(add(5000))))
    print("all is there", kept(store) == [*acknowledged, 5000])
    print("check", store.check())
    store.close()

    limit(0)
    print("a new store without room", outcome(lambda: open_store(f"sqlite:///{folder}/other.db")))
    print("an old store without room", outcome(lambda: open_store(f"sqlite:///{folder}/store.db")))
    limit(resource.RLIM_INFINITY)
    for name in ("other", "store"):
        again = open_store(f"sqlite:///{folder}/{name}.db")
        print("opens with room", again.check())
        again.close()


main(Path(sys.argv[1]))
