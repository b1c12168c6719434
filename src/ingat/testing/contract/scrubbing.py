"""Scrubbing: nothing stays of rows that were deleted, and who holds it up is told of."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ingat.core.errors import StoreClosed
from ingat.store.contract import Store, Tx
from ingat.testing.contract.engine import Suite
from ingat.testing.contract.notes import note, notes


class Scrubbing(Suite):
    """What `scrub` does."""

    def test_a_scrub_finds_what_rows_hold_and_nothing_of_what_is_gone(self, store: Store) -> None:
        kept, gone = "kept-0123456789abcdef", "gone-0123456789abcdef"
        store.write(
            lambda tx: tx.many(
                "INSERT INTO note (author, n, body) VALUES ('a', ?, ?)", [(n, kept + gone) for n in range(200)]
            )
        )
        store.write(lambda tx: tx.run("UPDATE note SET body = ?", (kept,)))
        store.write(lambda tx: tx.run("DELETE FROM note WHERE n > 0"))

        scrubbed = store.scrub([kept.encode(), gone.encode()])

        assert not scrubbed.busy
        assert scrubbed.found == ((kept.encode(),) if scrubbed.size_bytes else ())
        assert store.read(notes) == [("a", 0)]

    def test_a_scrub_may_write_the_files_anew_while_others_go_on(self, store: Store) -> None:
        store.write(
            lambda tx: tx.many(
                "INSERT INTO note (author, n, body) VALUES ('a', ?, ?)", [(n, "x" * 1_000) for n in range(500)]
            )
        )
        store.write(lambda tx: tx.run("DELETE FROM note WHERE n > 0"))
        before = store.size_bytes()

        with ThreadPoolExecutor(4) as threads:
            writing = [threads.submit(store.write, note("b", n)) for n in range(20)]
            scrubbed = store.scrub([b"xxxx"], rewrite=True)
            assert [each.result(30) for each in writing] == [1] * 20

        assert not scrubbed.busy
        assert scrubbed.anew or not scrubbed.size_bytes
        assert store.size_bytes() <= before
        assert len(store.read(notes)) == 21
        assert store.check() == []

    def test_a_scrub_gives_up_on_one_who_keeps_an_old_view(self, concurrent_store: Store) -> None:
        concurrent_store.write(note("a", 1))

        def looks(tx: Tx) -> bool:
            notes(tx)
            thread = ThreadPoolExecutor(1)
            thread.submit(concurrent_store.write, note("a", 2)).result(30)
            return thread.submit(concurrent_store.scrub, [b"x"], timeout_s=0.0).result(30).busy

        assert concurrent_store.read(looks)
        assert not concurrent_store.scrub([b"x"]).busy

    def test_a_scrub_inside_read_or_write_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreClosed):
            store.read(lambda _: store.scrub([]))
        with pytest.raises(StoreClosed):
            store.write(lambda _: store.scrub([]))
        assert store.write(note("a", 1)) == 1

    def test_a_scrub_for_some_users_leaves_everyones_rows(self, store: Store) -> None:
        store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES (?, 1)", [("a",), ("b",), ("c",)]))
        store.write(lambda tx: tx.run("DELETE FROM note WHERE author = 'b'"))
        assert not store.scrub([b"b"], users=["b"]).busy
        assert store.read(notes) == [("a", 1), ("c", 1)]

    def test_places_that_cannot_be_cleaned_have_a_code_each(self, store: Store) -> None:
        codes = [place.code for place in store.elsewhere()]
        assert all(codes)
        assert len(set(codes)) == len(codes)
