"""Errors: what each becomes, and that nothing of the function is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ingat.core.errors import StoreConflict, StoreError
from ingat.store.contract import MISSING, TABLE, Store, Tx
from ingat.testing.contract.engine import Suite
from ingat.testing.contract.notes import note, notes

REFUSED: dict[str, Callable[[Tx], object]] = {
    "no such table": lambda tx: tx.run("INSERT INTO nowhere (a) VALUES (1)"),
    "no such column": lambda tx: tx.all("SELECT nothing FROM note"),
    "no sentence": lambda tx: tx.run("INSERT INTO"),
    "too few arguments": lambda tx: tx.run("INSERT INTO note (author, n) VALUES (?, ?)", ("a",)),
}


class Errors(Suite):
    """What comes out of a function that goes wrong."""

    def test_a_key_that_is_there_is_a_conflict(self, store: Store) -> None:
        store.write(note("a", 1))
        with pytest.raises(StoreConflict):
            store.write(note("a", 1))

    def test_a_reference_to_a_row_that_is_not_there_is_a_conflict(self, store: Store) -> None:
        with pytest.raises(StoreConflict):
            store.write(lambda tx: tx.run("INSERT INTO reply (id, author, n) VALUES (1, 'nobody', 1)"))

    def test_a_statement_that_makes_no_sense_is_a_store_error(self, store: Store) -> None:
        with pytest.raises(StoreError) as caught:
            store.write(lambda tx: tx.run("INSERT INTO nowhere (a) VALUES (1)"))
        assert caught.value.code == "store_error"

    @pytest.mark.parametrize("value", [2**70, "\ud800"], ids=["too large a number", "lone surrogate"])
    def test_a_value_that_no_column_holds_is_a_store_error(self, store: Store, value: str | int) -> None:
        with pytest.raises(StoreError) as caught:
            store.write(lambda tx: tx.run("INSERT INTO note (author, n, body) VALUES ('a', 1, ?)", (value,)))
        assert caught.value.code == "store_error"
        assert store.read(notes) == []

    def test_a_missing_value_is_a_conflict_that_tells_the_drivers_words(self, store: Store) -> None:
        with pytest.raises(StoreConflict) as caught:
            store.write(lambda tx: tx.run("INSERT INTO note (author, n) VALUES (?, ?)", (None, 1)))
        assert "author" in str(caught.value.details["driver"])

    def test_an_error_holds_no_value_of_a_row(self, store: Store) -> None:
        store.write(note("secret-author", 1, "secret-body"))
        for author in (None, "secret-author"):
            values = (author, 1, "secret-body")
            with pytest.raises(StoreConflict) as caught:
                store.write(lambda tx, row=values: tx.run("INSERT INTO note (author, n, body) VALUES (?, ?, ?)", row))  # type: ignore[misc]
            assert "secret" not in f"{caught.value.message} {caught.value.details}"

    def test_a_table_that_is_not_there_is_told_apart(self, store: Store) -> None:
        with pytest.raises(StoreError) as caught:
            store.read(lambda tx: tx.all("SELECT a FROM nowhere"))
        assert caught.value.details[MISSING] == TABLE
        with pytest.raises(StoreError) as caught:
            store.read(lambda tx: tx.all("SELECT nothing FROM note"))
        assert MISSING not in caught.value.details

    def test_a_hurt_unique_index_is_a_conflict(self, store: Store) -> None:
        sql = "INSERT INTO job (name, state, owner) VALUES (?, 'running', 'o')"
        store.write(lambda tx: tx.run(sql, ("first",)))
        with pytest.raises(StoreConflict):
            store.write(lambda tx: tx.run(sql, ("second",)))

    def test_a_row_that_others_refer_to_cannot_go(self, store: Store) -> None:
        store.write(note("a", 1))
        store.write(lambda tx: tx.run("INSERT INTO reply (id, author, n) VALUES (1, 'a', 1)"))
        with pytest.raises(StoreConflict):
            store.write(lambda tx: tx.run("DELETE FROM note"))
        assert store.read(notes) == [("a", 1)]

    @pytest.mark.parametrize("statement", REFUSED.values(), ids=list(REFUSED))
    def test_a_statement_that_cannot_be_run_is_a_store_error(
        self, store: Store, statement: Callable[[Tx], object]
    ) -> None:
        def fails(tx: Tx) -> None:
            note("a", 1)(tx)
            statement(tx)

        with pytest.raises(StoreError) as caught:
            store.write(fails)
        assert caught.value.code == "store_error"
        assert store.read(notes) == []
        assert store.write(note("a", 2)) == 1

    def test_a_read_that_fails_leaves_the_next_one_well(self, store: Store) -> None:
        store.write(note("a", 1))
        for _ in range(3):
            with pytest.raises(StoreError) as caught:
                store.read(lambda tx: tx.all("SELECT nothing FROM note"))
            assert caught.value.code == "store_error"
            assert store.read(notes) == [("a", 1)]

    def test_one_of_many_rows_that_does_not_fit_undoes_them_all(self, store: Store) -> None:
        rows = [("a", n % 7) for n in range(10)]
        with pytest.raises(StoreConflict):
            store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES (?, ?)", rows))
        assert store.read(notes) == []

    def test_rows_that_raise_while_they_are_made_keep_nothing(self, store: Store) -> None:
        def rows() -> Iterator[tuple[str, int]]:
            yield "a", 1
            raise LookupError("mine")

        with pytest.raises(LookupError, match="mine"):
            store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES (?, ?)", rows()))
        assert store.read(notes) == []
        assert store.write(note("a", 2)) == 1

    def test_a_function_that_goes_on_after_an_error_keeps_all_it_did_or_nothing(self, store: Store) -> None:
        """The contract says that it must end. Where it does not, the answer and the rows agree all the same."""
        store.write(note("a", 1))

        def goes_on(tx: Tx) -> None:
            note("b", 1)(tx)
            try:
                note("a", 1)(tx)
            except StoreConflict:
                note("b", 2)(tx)

        try:
            store.write(goes_on)
        except StoreError:
            assert store.read(notes) == [("a", 1)]
        else:
            assert store.read(notes) == [("a", 1), ("b", 1), ("b", 2)]
        assert store.write(note("c", 1)) == 1

    def test_an_error_that_is_swallowed_at_the_end_keeps_all_before_it_or_nothing(self, store: Store) -> None:
        store.write(note("a", 1))

        def swallows(tx: Tx) -> None:
            note("b", 1)(tx)
            try:
                note("a", 1)(tx)
            except StoreConflict:
                return

        try:
            store.write(swallows)
        except StoreError:
            assert store.read(notes) == [("a", 1)]
        else:
            assert store.read(notes) == [("a", 1), ("b", 1)]
