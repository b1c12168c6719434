"""Upkeep: a sound store is found sound, sizes tell the truth, and what is closed or forked off refuses everything."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
import warnings
from contextlib import closing

import pytest

from ingat.core.errors import StoreClosed
from ingat.store.contract import Store
from ingat.testing.contract.engine import Engine, Suite
from ingat.testing.contract.notes import Held, note, notes


class Upkeep(Suite):
    """The store as a whole."""

    def test_check_finds_nothing_in_a_sound_store(self, store: Store) -> None:
        store.write(note("a", 1))
        assert store.check() == []

    def test_size_grows_with_what_is_kept(self, store: Store) -> None:
        before = store.size_bytes()
        store.write(note("a", 1, secrets.token_hex(500_000)))  # which no engine can make smaller than half of it
        assert store.size_bytes() - before > 450_000

    def test_used_bytes_grow_with_what_is_kept_and_shrink_when_it_goes(self, store: Store) -> None:
        before, rows = store.used_bytes(), [(n, "x" * 1_000) for n in range(1_000)]
        store.write(lambda tx: tx.many("INSERT INTO note (author, n, body) VALUES ('a', ?, ?)", rows))
        full = store.used_bytes()
        store.write(lambda tx: tx.run("DELETE FROM note"))
        store.scrub([])

        assert full - before > 900_000
        assert store.used_bytes() - before < 50_000

    def test_close_finishes_the_writes_that_wait(self, store: Store) -> None:
        held = Held(store)
        closed = threading.Event()

        def let_go_once_closing() -> None:
            held.let_go()
            closed.set()

        async def main() -> list[object]:
            waiting = [asyncio.create_task(store.awrite(note("a", n))) for n in range(300)]
            await asyncio.sleep(0)
            threading.Thread(target=let_go_once_closing).start()
            await asyncio.to_thread(store.close)
            return list(await asyncio.wait_for(asyncio.gather(*waiting), 30))

        assert asyncio.run(main()) == [1] * 300
        assert closed.wait(30)

    def test_a_second_close_does_nothing(self, store: Store) -> None:
        store.close()
        store.close()

    def test_a_closed_store_refuses_everything(self, store: Store) -> None:
        store.close()
        with pytest.raises(StoreClosed):
            store.read(notes)
        with pytest.raises(StoreClosed):
            store.write(note("a", 1))
        with pytest.raises(StoreClosed):
            asyncio.run(store.awrite(note("a", 1)))
        with pytest.raises(StoreClosed):
            store.check()
        with pytest.raises(StoreClosed):
            store.scrub([])

    def test_what_was_kept_is_there_when_it_is_opened_again(self, engine: Engine, store: Store) -> None:
        if not engine.shared:
            pytest.skip("the engine's places cannot be opened twice")
        store.write(note("a", 1))
        store.close()
        with closing(engine.open()) as again:
            assert again.read(notes) == [("a", 1)]
            assert again.url == store.url

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    def test_a_store_is_refused_in_a_fork_and_goes_on_in_the_parent(self, store: Store) -> None:
        store.write(note("a", 1))
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # of forks beside threads: the child does next to nothing
            child = os.fork()
        if not child:
            os._exit(_refusals(store))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
        assert store.write(note("a", 2)) == 1
        assert store.read(notes) == [("a", 1), ("a", 2)]


def _refusals(store: Store) -> int:
    """Return how many of a read and a write are refused as they must be; then close, which does nothing."""
    refused = 0
    for call in (lambda: store.read(notes), lambda: store.write(note("child", 1))):
        try:
            call()
        except StoreClosed:
            refused += 1
    store.close()
    return refused
