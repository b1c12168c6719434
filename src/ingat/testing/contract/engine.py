"""What an engine's author says of the engine under test, and the stores that the tests are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

import pytest

from ingat.store.contract import Store, Tx
from ingat.testing.contract.notes import TABLES


class Engine(NamedTuple):
    """An engine under test, and one empty place for its rows, a new one for each test.

    `open` opens the place. Called again, it opens the same place a second time, as another process would. The other
    fields have the defaults of an engine that keeps the whole contract in the words of SQLite.
    """

    open: Callable[[], Store]
    shared: bool = True
    """False where each store that `open` returns has rows of its own, as in memory: nothing is asked of two on one
    place."""
    reads_beside_writes: bool = True
    """False where there is one connection, so that a read waits for the write that runs."""
    text: str = "TEXT"
    """How this engine's schema declares a column of text that is compared by its bytes: `TEXT COLLATE "C"`."""
    raw: str = "BLOB"
    """How this engine's schema declares a column of bytes."""


class Suite:
    """The stores that the tests of one part of the contract are given. The fixture `engine` is the author's."""

    @pytest.fixture
    def store(self, engine: Engine) -> Iterator[Store]:
        """A store with the tables of `notes` and no rows."""
        with closing(engine.open()) as opened:
            opened.write(lambda tx: make_tables(tx, engine))
            yield opened

    @pytest.fixture
    def concurrent_store(self, engine: Engine, store: Store) -> Store:
        """The same, for what is only asked of engines whose reads do not wait for writes."""
        if not engine.reads_beside_writes:
            pytest.skip("the engine has one connection: its reads wait for writes")
        return store

    @pytest.fixture
    def pair(self, engine: Engine, store: Store) -> Iterator[tuple[Store, Store]]:
        """Two stores on one place, as two processes have them."""
        if not engine.shared:
            pytest.skip("the engine's places cannot be opened twice")
        with closing(engine.open()) as other:
            yield store, other


def make_tables(tx: Tx, engine: Engine) -> None:
    """Make the tables of `notes` in the words of an engine's schema."""
    for sql in TABLES:
        tx.run(sql.format(text=engine.text, raw=engine.raw))
