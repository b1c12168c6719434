"""A store that runs each function twice, as an engine may that has to undo a transaction: the first run is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from ingat.store.contract import Tx
from ingat.store.sqlite import writer
from ingat.store.turns import Job

T = TypeVar("T")


@contextmanager
def run_twice() -> Iterator[None]:
    """Let every function that SQLite stores write with inside the `with` block be run twice, its first run undone."""
    with pytest.MonkeyPatch.context() as patch:
        alone, together = writer.Writer._transact, writer.Writer._run

        def transact(self: writer.Writer, fn: Callable[[Tx], T], me: int) -> T:
            return alone(self, _twice(self._conn.execute, fn), me)

        def run(self: writer.Writer, job: Job) -> None:
            job.fn = _twice(self._conn.execute, job.fn)
            together(self, job)

        patch.setattr(writer.Writer, "_transact", transact)
        patch.setattr(writer.Writer, "_run", run)
        yield


def _twice(execute: Callable[[str], object], fn: Callable[[Tx], T]) -> Callable[[Tx], T]:
    def both(tx: Tx) -> T:
        execute("SAVEPOINT first")
        fn(tx)  # what it raises, it would raise again
        execute("ROLLBACK TO first")
        execute("RELEASE first")
        return fn(tx)

    return both
