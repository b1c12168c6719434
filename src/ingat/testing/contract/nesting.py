"""Nesting: what may not be called inside what, so that nobody waits for themselves."""

from __future__ import annotations

import asyncio

import pytest

from ingat.core.errors import StoreClosed
from ingat.store.contract import Store, Tx
from ingat.testing.contract.engine import Suite
from ingat.testing.contract.notes import note, notes


class Nesting(Suite):
    """Calls inside `read` and `write`."""

    def test_write_inside_write_is_refused_and_undoes_the_outer_one(self, store: Store) -> None:
        def outer(tx: Tx) -> None:
            note("a", 1)(tx)
            store.write(note("a", 2))

        with pytest.raises(StoreClosed):
            store.write(outer)
        assert store.read(notes) == []
        assert store.write(note("a", 3)) == 1

    def test_read_inside_write_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreClosed):
            store.write(lambda _: store.read(notes))
        assert store.write(note("a", 1)) == 1

    def test_write_inside_read_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreClosed):
            store.read(lambda _: store.write(note("a", 1)))
        assert store.read(notes) == []

    def test_awrite_inside_write_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreClosed):
            store.write(lambda _: asyncio.run(store.awrite(note("a", 1))))
        assert store.write(note("a", 1)) == 1

    def test_close_inside_write_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreClosed):
            store.write(lambda _: store.close())
        assert store.write(note("a", 1)) == 1

    def test_a_read_inside_a_read_shares_its_view(self, store: Store) -> None:
        store.write(note("a", 1))
        assert store.read(lambda tx: store.read(notes) == notes(tx))
