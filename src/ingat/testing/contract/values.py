"""Values: what goes into a column comes out the same, and what a statement computes is a plain value."""

from __future__ import annotations

from math import copysign

import pytest

from ingat.core.errors import StoreError
from ingat.store.contract import Row, Store, Tx, Value
from ingat.testing.contract.engine import Suite
from ingat.testing.contract.notes import note

TEXTS = {
    "empty": "",
    "NUL": "a\0b",
    "NUL alone": "\0",
    "a noncharacter": "a\ufdd0b",
    "noncharacters and NUL": "\ufdd0\0\ufdd0n\ufdd0e\ufdd0\ufdd0",
    "the last character": "\U0010ffff\uffff",
    "a byte order mark": "\ufeffa",
    "lines": "a\r\nb\rc\n",
    "quotes": "'\"`\\'' -- ; /*",
    "emoji": "👩‍👩‍👧 ब्ا",
    "not composed": "e\u0301 \u00e9",
    "long": "é" * 400_000,
}
WHOLE = (0, 1, -1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63))
PARTS = (0.0, 0.1, -2.5, 1 / 3, 1e308, 5e-324, 1.0, 123456789.123456789, 2.0**60)
RAW = {
    "empty": b"",
    "every byte": bytes(range(256)),
    "NUL": b"\0",
    "not text": b"\xff\xfe\\x41",
    "long": b"\x80" * 400_000,
}


def keep(store: Store, column: str, value: Value) -> Row | None:
    """Write a value into a column and return the row that is read back."""
    store.write(lambda tx: tx.run(f"INSERT INTO kept (id, {column}) VALUES (1, ?)", (value,)))
    return store.read(lambda tx: tx.one(f"SELECT {column} FROM kept WHERE id = 1"))


def same(value: Value, other: Value) -> bool:
    """Tell whether two values are equal and of one type: 1, 1.0 and True are three values."""
    return type(value) is type(other) and value == other


class Columns(Suite):
    """What a column gives back."""

    @pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
    def test_a_text_comes_back_as_it_was(self, store: Store, text: str) -> None:
        assert keep(store, "body", text) == (text,)
        assert store.read(lambda tx: tx.one("SELECT id FROM kept WHERE body = ?", (text,))) == (1,)
        assert store.write(lambda tx: tx.one("UPDATE kept SET body = ? RETURNING body", (text,))) == (text,)

    @pytest.mark.parametrize("number", WHOLE)
    def test_a_whole_number_of_eight_bytes_comes_back_as_int(self, store: Store, number: int) -> None:
        row = keep(store, "whole", number)
        assert row is not None
        assert same(row[0], number)
        assert store.read(lambda tx: tx.one("SELECT id FROM kept WHERE whole = ?", (number,))) == (1,)

    @pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
    def test_a_larger_number_is_a_store_error(self, store: Store, number: int) -> None:
        with pytest.raises(StoreError) as caught:
            keep(store, "whole", number)
        assert caught.value.code == "store_error"
        assert store.write(note("a", 1)) == 1

    @pytest.mark.parametrize("number", PARTS)
    def test_a_finite_float_comes_back_to_the_last_bit(self, store: Store, number: float) -> None:
        row = keep(store, "part", number)
        assert row is not None
        assert same(row[0], number)

    def test_a_whole_number_in_a_column_of_floats_comes_back_as_float(self, store: Store) -> None:
        row = keep(store, "part", 3)
        assert row is not None
        assert same(row[0], 3.0)
        assert copysign(1, float(row[0] or 0)) == 1

    @pytest.mark.parametrize("raw", RAW.values(), ids=list(RAW))
    def test_bytes_come_back_as_bytes(self, store: Store, raw: bytes) -> None:
        row = keep(store, "raw", raw)
        assert row is not None
        assert same(row[0], raw)
        assert store.read(lambda tx: tx.one("SELECT id FROM kept WHERE raw = ?", (raw,))) == (1,)

    @pytest.mark.parametrize("column", ["body", "whole", "part", "raw"])
    def test_none_comes_back_as_none(self, store: Store, column: str) -> None:
        assert keep(store, column, None) == (None,)
        assert store.read(lambda tx: tx.one(f"SELECT id FROM kept WHERE {column} IS NULL")) == (1,)

    def test_a_truth_value_comes_back_as_a_number(self, store: Store) -> None:
        row = keep(store, "whole", True)
        assert row is not None
        assert same(row[0], 1)

    def test_an_empty_text_is_not_null(self, store: Store) -> None:
        rows: list[tuple[int, str | None]] = [(1, ""), (2, None), (3, " ")]
        store.write(lambda tx: tx.many("INSERT INTO kept (id, body) VALUES (?, ?)", rows))
        assert store.read(lambda tx: tx.all("SELECT id, body FROM kept ORDER BY id")) == rows
        assert store.read(lambda tx: tx.all("SELECT id FROM kept WHERE body = ''")) == [(1,)]

    def test_rows_of_many_may_hold_other_types_than_the_first(self, store: Store) -> None:
        rows: list[tuple[int, Value, Value]] = [(1, None, None), (2, "x", 0.5), (3, None, 2), (4, "y\0", None)]
        store.write(lambda tx: tx.many("INSERT INTO kept (id, body, part) VALUES (?, ?, ?)", rows))
        assert store.read(lambda tx: tx.all("SELECT id, body, part FROM kept ORDER BY id")) == rows

    def test_one_statement_takes_other_types_from_one_call_to_the_next(self, store: Store) -> None:
        def writes(tx: Tx) -> list[Row]:
            for n, value in enumerate((1, 2.5, None, 2**40, -1.0, None, 7)):
                tx.run("INSERT INTO kept (id, part) VALUES (?, ?)", (n, value))
            return tx.all("SELECT part FROM kept ORDER BY id")

        assert store.write(writes) == [(1.0,), (2.5,), (None,), (float(2**40),), (-1.0,), (None,), (7.0,)]


class Computed(Suite):
    """What a statement computes."""

    def test_texts_are_ordered_by_their_bytes(self, store: Store) -> None:
        texts = [
            "",
            " ",
            "-",
            "10",
            "9",
            "A",
            "Z",
            "_",
            "a",
            "a b",
            "ab",
            "z",
            "É",
            "é",
            "ß",
            "Ω",
            "ア",
            "字",
            "👋",
            "e\u0301",
        ]
        store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES (?, 1)", [(text,) for text in texts]))
        by_bytes = sorted(texts, key=str.encode)
        assert store.read(lambda tx: [row[0] for row in tx.all("SELECT author FROM note ORDER BY author")]) == by_bytes
        after = store.read(lambda tx: tx.all("SELECT author FROM note WHERE author > ? ORDER BY author", ("a",)))
        assert [row[0] for row in after] == [text for text in by_bytes if text.encode() > b"a"]
        assert store.read(lambda tx: tx.one("SELECT MIN(author), MAX(author) FROM note")) == ("", "👋")

    def test_texts_are_equal_only_when_their_bytes_are(self, store: Store) -> None:
        texts = ["é", "e\u0301", "É", "E", "e", "ss", "ß", "e ", "e\0", "e\0\0"]
        store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES (?, 1)", [(text,) for text in texts]))
        counts = store.read(
            lambda tx: [tx.one("SELECT COUNT(*) FROM note WHERE author = ?", (text,)) for text in texts]
        )
        assert counts == [(1,)] * len(texts)

    def test_null_equals_nothing(self, store: Store) -> None:
        rows: list[tuple[int, Value, Value]] = [(1, None, None), (2, "x", 5)]
        store.write(lambda tx: tx.many("INSERT INTO kept (id, body, whole) VALUES (?, ?, ?)", rows))
        conditions = ("body = ?", "body <> ?", "whole > ?", "whole <= ?", "whole IN (?)")
        found = store.read(lambda tx: [tx.all(f"SELECT id FROM kept WHERE {each}", (None,)) for each in conditions])
        assert found == [[]] * len(conditions)
        assert store.read(lambda tx: tx.all("SELECT id FROM kept WHERE whole = COALESCE(?, whole)", (None,))) == [(2,)]

    def test_comparisons_are_numbers(self, store: Store) -> None:
        store.write(note("a", 2))
        sql = (
            "SELECT n = 2, n > ?, body IS NULL, n IN (1, 2), EXISTS (SELECT 1 FROM note WHERE n = 9), author LIKE 'a%'"
            " FROM note"
        )
        row = store.read(lambda tx: tx.one(sql, (5,)))
        assert row is not None
        assert row == (1, 0, 0, 1, 0, 1)
        assert {type(value) for value in row} == {int}

    def test_what_is_counted_and_summed_is_plain(self, store: Store) -> None:
        rows = [(1, 10, 0.5), (2, 20, 0.25), (3, None, None)]
        store.write(lambda tx: tx.many("INSERT INTO kept (id, whole, part) VALUES (?, ?, ?)", rows))
        sql = (
            "SELECT COUNT(*), COUNT(whole), SUM(whole), MAX(whole), AVG(whole), SUM(part), AVG(part), MIN(part),"
            " whole + 1 FROM kept WHERE {} GROUP BY whole + 1"
        )
        row = store.read(lambda tx: tx.one(sql.format("id = 2")))
        assert row is not None
        assert row == (1, 1, 20, 20, 20.0, 0.25, 0.25, 0.25, 21)
        assert [type(value) for value in row] == [int, int, int, int, float, float, float, float, int]
        sums = store.read(lambda tx: tx.one("SELECT SUM(whole), AVG(whole), SUM(part) FROM kept"))
        assert sums == (30, 15.0, 0.75)

    def test_the_sum_of_nothing_is_none_and_its_count_0(self, store: Store) -> None:
        sql = "SELECT SUM(whole), AVG(whole), MAX(whole), COUNT(*), COALESCE(SUM(whole), 0) FROM kept"
        assert store.read(lambda tx: tx.one(sql)) == (None, None, None, 0, 0)

    def test_large_sums_are_exact(self, store: Store) -> None:
        rows = [(1, 2**62), (2, 2**61), (3, 1)]
        store.write(lambda tx: tx.many("INSERT INTO kept (id, whole) VALUES (?, ?)", rows))
        row = store.read(lambda tx: tx.one("SELECT SUM(whole) FROM kept"))
        assert row is not None
        assert same(row[0], 2**62 + 2**61 + 1)

    def test_whole_numbers_are_divided_to_whole_numbers(self, store: Store) -> None:
        assert keep(store, "whole", -7) == (-7,)
        row = store.read(lambda tx: tx.one("SELECT whole / 2, whole % 4, -whole / 2 FROM kept"))
        assert row == (-3, -3, 3)

    def test_texts_are_joined_and_chosen(self, store: Store) -> None:
        store.write(note("é", 1, "x"))
        sql = (
            "SELECT author || '-' || body, CASE WHEN n > 0 THEN body ELSE author END, LENGTH(author || body),"
            " COALESCE(NULL, body) FROM note"
        )
        assert store.read(lambda tx: tx.one(sql)) == ("é-x", "x", 2, "x")
