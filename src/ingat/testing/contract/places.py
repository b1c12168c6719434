"""Places: two stores on the same rows, as two processes have them; all writes have the outcome of one after another.

A write may be undone and its function run again from its start, so that what a function does is counted by its outcome.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ingat.core.errors import StoreConflict
from ingat.store.contract import Store, Tx
from ingat.testing.contract.engine import Suite
from ingat.testing.contract.notes import Held, note, notes

_MEET_S = 0.2

Pair = tuple[Store, Store]


class Meeting:
    """Where two functions wait for each other, so that both have read before either writes.

    On an engine that lets one write at a time they cannot meet: who waited in vain goes on. No later run waits again.
    """

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2)
        self._over = False

    def wait(self) -> None:
        """Wait for the other, for a moment; not any more when they have met, or could not."""
        if self._over:
            return
        try:
            self._barrier.wait(_MEET_S)
        except threading.BrokenBarrierError:
            pass  # the other's turn comes when this one has ended
        self._over = True


def at_once(pair: Pair, make: Callable[[int], Callable[[Tx], object]]) -> list[object]:
    """Run one write on each of two stores at the same time, and return the values, or the conflicts."""

    def one(place: int) -> object:
        try:
            return pair[place].write(make(place))
        except StoreConflict as error:
            return error

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(one, range(2)))


def put_on(names: tuple[str, ...], tx: Tx) -> None:
    """Write jobs that are on."""
    tx.many("INSERT INTO job (name, state) VALUES (?, 'on')", [(name,) for name in names])


class Places(Suite):
    """What two stores on one place may rely on."""

    def test_what_one_wrote_the_other_reads(self, pair: Pair) -> None:
        for n in range(20):
            pair[n % 2].write(note("a", n))
            assert len(pair[1 - n % 2].read(notes)) == n + 1

    def test_no_update_is_lost(self, pair: Pair) -> None:
        pair[0].write(lambda tx: tx.run("INSERT INTO kept (id, whole) VALUES (0, 0)"))

        def adds(tx: Tx) -> int:
            row = tx.one("SELECT whole FROM kept WHERE id = 0")
            assert row is not None
            value = int(row[0] or 0) + 1
            tx.run("UPDATE kept SET whole = ? WHERE id = 0", (value,))
            tx.run("INSERT INTO kept (id) VALUES (?)", (value,))
            return value

        def one_thread(n: int) -> list[int]:
            return [pair[n % 2].write(adds) for _ in range(25)]

        with ThreadPoolExecutor(4) as threads:
            told = sorted(value for values in threads.map(one_thread, range(4)) for value in values)
        assert told == list(range(1, 101))
        counted = pair[0].read(lambda tx: tx.one("SELECT MAX(whole), COUNT(*) FROM kept"))
        assert counted == (100, 101)

    def test_two_that_read_the_same_do_not_both_write_by_it(self, pair: Pair) -> None:
        """Write skew: each leaves because it saw that the other stays."""
        for n in range(5):
            meeting, names = Meeting(), (f"{n} left", f"{n} right")
            pair[0].write(partial(put_on, names))

            def leaves(place: int, names: tuple[str, str] = names, meeting: Meeting = meeting) -> Callable[[Tx], bool]:
                def run(tx: Tx) -> bool:
                    on = tx.all("SELECT name FROM job WHERE name IN (?, ?) AND state = 'on'", names)
                    meeting.wait()
                    if len(on) == 2:
                        tx.run("UPDATE job SET state = 'off' WHERE name = ?", (names[place],))
                    return len(on) == 2

                return run

            assert sorted(map(bool, at_once(pair, leaves))) == [False, True]
        assert pair[1].read(lambda tx: tx.one("SELECT COUNT(*) FROM job WHERE state = 'on'")) == (5,)

    def test_two_that_count_the_same_rows_do_not_both_add_one(self, pair: Pair) -> None:
        """A phantom: the rows that one counted became more before it wrote."""
        for n in range(5):
            meeting, author = Meeting(), f"a{n}"

            def fills(place: int, author: str = author, meeting: Meeting = meeting) -> Callable[[Tx], bool]:
                def run(tx: Tx) -> bool:
                    row = tx.one("SELECT COUNT(*) FROM note WHERE author = ?", (author,))
                    meeting.wait()
                    return row == (0,) and bool(note(author, place)(tx))

                return run

            assert sorted(map(bool, at_once(pair, fills))) == [False, True]
        assert len(pair[1].read(notes)) == 5

    def test_of_two_that_take_one_key_one_is_told_of_the_conflict(self, pair: Pair) -> None:
        winners = []
        for n in range(5):
            meeting = Meeting()

            def takes(place: int, n: int = n, meeting: Meeting = meeting) -> Callable[[Tx], int]:
                def run(tx: Tx) -> int:
                    tx.one("SELECT n FROM note WHERE author = 'a' AND n = ?", (n,))
                    meeting.wait()
                    return note("a", n, str(place))(tx)

                return run

            outcomes = at_once(pair, takes)
            assert sorted(type(each).__name__ for each in outcomes) == ["StoreConflict", "int"]
            winners.append(str(outcomes.index(1)))
        assert pair[1].read(lambda tx: [row[0] for row in tx.all("SELECT body FROM note ORDER BY n")]) == winners

    def test_of_two_that_insert_unless_it_is_there_one_does(self, pair: Pair) -> None:
        sql = "INSERT INTO note (author, n) VALUES ('a', ?) ON CONFLICT DO NOTHING RETURNING n"

        def takes_all(place: int) -> Callable[[Tx], int]:
            return lambda tx: sum(tx.one(sql, (n,)) is not None for n in range(50))

        assert sorted(map(str, at_once(pair, takes_all))) == ["0", "50"]

    def test_a_function_that_raises_beside_the_other_keeps_nothing(self, pair: Pair) -> None:
        def fails(tx: Tx) -> None:
            note("b", len(notes(tx)))(tx)
            raise LookupError

        def one_thread(n: int) -> None:
            for k in range(20):
                if n % 2:
                    pair[0].write(note("a", k + 20 * n))
                else:
                    try:
                        pair[1].write(fails)
                    except LookupError:
                        continue
                    raise AssertionError("it was told that its write was kept")

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(one_thread, range(4)))
        assert {author for author, _ in pair[0].read(notes)} == {"a"}
        assert len(pair[0].read(notes)) == 40

    def test_nobody_else_writes_beside_one_who_is_alone(self, pair: Pair) -> None:
        held, wrote = Held(pair[0], alone=True), threading.Event()

        def writes() -> None:
            pair[1].write(note("a", 1))
            wrote.set()

        thread = threading.Thread(target=writes)
        thread.start()
        try:
            assert not wrote.wait(_MEET_S)
        finally:
            held.let_go()
            thread.join(30)
        assert wrote.is_set()
        assert pair[0].read(notes) == [("a", 1), ("held", 0)]

    def test_one_who_must_be_alone_waits_for_those_who_write(self, pair: Pair) -> None:
        held, began = Held(pair[0]), threading.Event()
        seen: list[object] = []

        def looks(tx: Tx) -> None:
            began.set()
            seen[:] = notes(tx)

        thread = threading.Thread(target=pair[1].write, args=(looks,), kwargs={"alone": True})
        thread.start()
        try:
            assert not began.wait(_MEET_S)
        finally:
            held.let_go()
            thread.join(30)
        assert seen == [("held", 0)]

    def test_a_read_beside_the_others_writes_sees_them_whole(self, pair: Pair) -> None:
        finished = threading.Event()

        def both(n: int) -> Callable[[Tx], None]:
            def run(tx: Tx) -> None:
                note("left", n)(tx)
                note("right", n)(tx)

            return run

        def read_all_the_time() -> int:
            seen = 0
            while not finished.is_set():
                left, right = pair[1].read(
                    lambda tx: [
                        tx.one("SELECT COUNT(*) FROM note WHERE author = ?", (author,)) for author in ("left", "right")
                    ]
                )
                assert left == right
                seen += 1
            return seen

        with ThreadPoolExecutor(1) as threads:
            reader = threads.submit(read_all_the_time)
            for n in range(100):
                pair[0].write(both(n))
            finished.set()
            assert reader.result(30) > 0

    def test_one_that_is_closed_leaves_the_other_open(self, pair: Pair) -> None:
        pair[0].write(note("a", 1))
        pair[0].close()
        assert pair[1].write(note("a", 2)) == 1
        assert pair[1].read(notes) == [("a", 1), ("a", 2)]
