"""Transactions: all or nothing, one consistent view for a read, and nobody hurt by another's error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ingat.core.errors import StoreError
from ingat.store.contract import Store, Tx
from ingat.testing.contract.engine import Suite
from ingat.testing.contract.notes import Held, note, notes


class Transactions(Suite):
    """What `read` and `write` do."""

    def test_write_returns_the_value_of_its_function(self, store: Store) -> None:
        assert store.write(note("a", 1)) == 1

    def test_a_read_sees_what_was_written_before(self, store: Store) -> None:
        store.write(note("a", 1))
        assert store.read(notes) == [("a", 1)]

    def test_a_function_that_raises_keeps_nothing(self, store: Store) -> None:
        def fails(tx: Tx) -> None:
            note("a", 1)(tx)
            raise LookupError("mine")

        with pytest.raises(LookupError, match="mine"):
            store.write(fails)
        assert store.read(notes) == []

    def test_an_error_undoes_no_other_write(self, store: Store) -> None:
        def one_thread(author: str) -> list[int]:
            kept = []
            for n in range(40):

                def fails(tx: Tx, n: int = n) -> None:
                    note(author, n)(tx)
                    raise LookupError

                try:
                    store.write(fails if n % 3 == 0 else note(author, n))
                    kept.append(n)
                except LookupError:
                    pass
            return kept

        authors = [f"t{i:02}" for i in range(16)]
        with ThreadPoolExecutor(16) as threads:
            kept = dict(zip(authors, threads.map(one_thread, authors), strict=True))
        assert store.read(notes) == [(author, n) for author in authors for n in kept[author]]
        assert all(len(numbers) == 26 for numbers in kept.values())

    def test_a_base_exception_comes_out_and_keeps_nothing(self, store: Store) -> None:
        def leaves(tx: Tx) -> None:
            note("a", 1)(tx)
            raise SystemExit(3)

        with pytest.raises(SystemExit):
            store.write(leaves)
        assert store.read(notes) == []

    def test_each_thread_reads_its_own_writes(self, store: Store) -> None:
        def one_thread(author: str) -> None:
            for n in range(50):
                store.write(note(author, n))
                row = store.read(lambda tx: tx.one("SELECT count(*) FROM note WHERE author = ?", (author,)))
                assert row == (n + 1,)

        with ThreadPoolExecutor(12) as threads:
            list(threads.map(one_thread, [f"t{i}" for i in range(12)]))

    def test_a_read_never_sees_half_a_write(self, store: Store) -> None:
        finished = threading.Event()

        def pair(n: int, fail: bool) -> Callable[[Tx], None]:
            def run(tx: Tx) -> None:
                note("left", n)(tx)
                note("right", n)(tx)
                if fail:
                    raise LookupError

            return run

        def read_all_the_time() -> int:
            seen = 0
            while not finished.is_set():
                left, right, top = store.read(
                    lambda tx: [
                        tx.one(sql)
                        for sql in (
                            "SELECT count(*) FROM note WHERE author = 'left'",
                            "SELECT count(*) FROM note WHERE author = 'right'",
                            "SELECT max(n) FROM note WHERE n % 5 = 0",
                        )
                    ]
                )
                assert left == right
                assert top == (None,)
                seen += 1
            return seen

        def write_pairs(offset: int) -> None:
            for n in range(offset, offset + 100):
                try:
                    store.write(pair(n, fail=n % 5 == 0))
                except LookupError:
                    pass

        with ThreadPoolExecutor(8) as threads:
            readers = [threads.submit(read_all_the_time) for _ in range(4)]
            list(threads.map(write_pairs, range(0, 400, 100)))
            finished.set()
            assert all(reader.result(30) > 0 for reader in readers)

    def test_a_read_does_not_wait_for_a_write(self, concurrent_store: Store) -> None:
        held = Held(concurrent_store)
        try:
            assert concurrent_store.read(notes) == []
        finally:
            held.let_go()
        assert concurrent_store.read(notes) == [("held", 0)]

    def test_a_read_keeps_its_view_while_others_write(self, concurrent_store: Store) -> None:
        def looks_twice(tx: Tx) -> tuple[object, object]:
            first = notes(tx)
            thread = threading.Thread(target=concurrent_store.write, args=(note("a", 1),))
            thread.start()
            thread.join(30)
            return first, notes(tx)

        assert concurrent_store.read(looks_twice) == ([], [])
        assert concurrent_store.read(notes) == [("a", 1)]

    def test_more_threads_than_readers_take_turns(self, concurrent_store: Store) -> None:
        together = threading.Barrier(8)

        def meets_seven_others(tx: Tx) -> int:
            tx.all("SELECT 1")
            return together.wait(30)

        with ThreadPoolExecutor(24) as threads:
            places = list(threads.map(lambda _: concurrent_store.read(meets_seven_others), range(24)))
        assert sorted(places) == sorted(list(range(8)) * 3)

    def test_a_read_cannot_write(self, store: Store) -> None:
        with pytest.raises(StoreError) as caught:
            store.read(note("a", 1))
        assert caught.value.code == "store_error"
        assert store.read(notes) == []
        assert store.write(note("a", 1)) == 1

    def test_a_table_that_is_made_in_a_write_that_fails_is_not_there(self, store: Store) -> None:
        def makes(tx: Tx) -> None:
            tx.run("CREATE TABLE extra (id BIGINT NOT NULL PRIMARY KEY)")
            tx.run("INSERT INTO extra (id) VALUES (1)")
            raise LookupError

        for _ in range(2):
            with pytest.raises(LookupError):
                store.write(makes)
        with pytest.raises(StoreError):
            store.read(lambda tx: tx.all("SELECT id FROM extra"))
