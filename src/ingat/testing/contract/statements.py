"""Statements: what `Tx` returns, and the SQL that the shared statements of store/tables are written in."""

from __future__ import annotations

import pytest

from ingat.store.contract import Store, Tx
from ingat.testing.contract.engine import Suite
from ingat.testing.contract.notes import note, notes

_CLAIM = "INSERT INTO job (name, state, owner) VALUES (?, 'running', ?)"


class Statements(Suite):
    """What `run`, `many`, `one` and `all` return."""

    def test_run_returns_the_number_of_changed_rows(self, store: Store) -> None:
        for n in range(3):
            store.write(note("a", n))
        assert store.write(lambda tx: tx.run("UPDATE note SET body = ? WHERE n > ?", ("y", 0))) == 2

    def test_many_runs_once_for_each_row(self, store: Store) -> None:
        rows = (("a", n) for n in range(5))
        store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES (?, ?)", rows))
        assert store.read(notes) == [("a", n) for n in range(5)]

    def test_one_returns_none_without_a_row(self, store: Store) -> None:
        assert store.read(lambda tx: tx.one("SELECT n FROM note WHERE n = ?", (7,))) is None

    def test_one_returns_what_a_statement_returns_and_its_change_is_kept(self, store: Store) -> None:
        sql = "INSERT INTO note (author, n) VALUES (?, ?) RETURNING n"
        assert store.write(lambda tx: tx.one(sql, ("a", 4))) == (4,)
        assert store.read(notes) == [("a", 4)]

    def test_all_returns_no_rows_for_a_change_that_a_conflict_stopped(self, store: Store) -> None:
        store.write(note("a", 1))
        sql = "INSERT INTO note (author, n) VALUES ('a', 1) ON CONFLICT DO NOTHING RETURNING n"
        assert store.write(lambda tx: tx.all(sql)) == []

    def test_many_takes_no_rows_and_thousands(self, store: Store) -> None:
        sql = "INSERT INTO note (author, n, body) VALUES (?, ?, ?)"
        store.write(lambda tx: tx.many(sql, []))
        store.write(lambda tx: tx.many(sql, (("a", n, None if n % 2 else "x") for n in range(5_000))))
        counted = store.read(lambda tx: tx.one("SELECT COUNT(*), COUNT(body), MAX(n) FROM note"))
        assert counted == (5_000, 2_500, 4_999)

    def test_run_counts_inserts_and_deletes(self, store: Store) -> None:
        sql = "INSERT INTO note (author, n) SELECT 'b', n FROM note WHERE n > ?"
        store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES ('a', ?)", [(n,) for n in range(5)]))
        assert store.write(lambda tx: tx.run(sql, (1,))) == 3
        assert store.write(lambda tx: tx.run("DELETE FROM note WHERE n = ?", (4,))) == 2
        assert store.write(lambda tx: tx.run("DELETE FROM note WHERE n = ?", (4,))) == 0

    def test_one_of_several_returned_rows_changes_them_all(self, store: Store) -> None:
        store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES ('a', ?)", [(n,) for n in range(5)]))
        row = store.write(lambda tx: tx.one("UPDATE note SET body = 'new' WHERE n > 0 RETURNING body"))
        assert row == ("new",)
        assert store.read(lambda tx: tx.one("SELECT COUNT(*) FROM note WHERE body = 'new'")) == (4,)

    def test_a_deleted_row_is_returned(self, store: Store) -> None:
        store.write(note("a", 1, "gone"))
        sql = "DELETE FROM note WHERE author = ? RETURNING n, body"
        assert store.write(lambda tx: tx.all(sql, ("a",))) == [(1, "gone")]
        assert store.read(notes) == []

    def test_a_function_sees_its_own_changes(self, store: Store) -> None:
        def changes(tx: Tx) -> list[tuple[object, ...]]:
            note("a", 1)(tx)
            note("a", 2)(tx)
            tx.run("DELETE FROM note WHERE n = 1")
            return notes(tx)

        assert store.write(changes) == [("a", 2)]


class Dialect(Suite):
    """The SQL that an engine takes as it is written."""

    def test_a_question_mark_in_quotes_or_a_comment_is_no_place_holder(self, store: Store) -> None:
        sql = (
            "SELECT '?', 'it''s ?', \"author\", n -- really?\n"
            " FROM note /* or\n what? */ WHERE author = ? AND body <> '? %s $1 :a' AND n = ?"
        )
        store.write(note("a", 1))
        assert store.read(lambda tx: tx.one(sql, ("a", 1))) == ("?", "it's ?", "a", 1)

    def test_percent_signs_dollars_and_colons_are_text(self, store: Store) -> None:
        said = "100 % of %s, %(name)s, $1, :name, ?, \\ and {0}"
        store.write(lambda tx: tx.run("INSERT INTO kept (id, body) VALUES (1, ?)", (said,)))
        assert store.read(lambda tx: tx.one("SELECT body, '100 %s $1 :a {0} \\' FROM kept")) == (
            said,
            "100 %s $1 :a {0} \\",
        )

    def test_an_upsert_takes_the_row_that_was_to_be_inserted(self, store: Store) -> None:
        sql = (
            "INSERT INTO note (author, n, body) VALUES (?, 1, ?)"
            " ON CONFLICT (author, n) DO UPDATE SET body = note.body || excluded.body RETURNING body"
        )
        assert store.write(lambda tx: tx.one(sql, ("a", "x"))) == ("x",)
        assert store.write(lambda tx: tx.one(sql, ("a", "y"))) == ("xy",)

    def test_an_upsert_leaves_alone_what_its_condition_leaves_out(self, store: Store) -> None:
        sql = (
            "INSERT INTO kept (id, whole) VALUES (1, ?)"
            " ON CONFLICT (id) DO UPDATE SET whole = excluded.whole WHERE kept.whole < excluded.whole RETURNING whole"
        )
        answers = store.write(lambda tx: [tx.one(sql, (n,)) for n in (5, 4, 6)])
        assert answers == [(5,), None, (6,)]

    def test_an_insert_that_conflicts_does_nothing_when_it_says_so(self, store: Store) -> None:
        sql = "INSERT INTO note (author, n, body) VALUES ('a', ?, 'new') ON CONFLICT (author, n) DO NOTHING RETURNING n"
        store.write(note("a", 1, "old"))
        assert store.write(lambda tx: [tx.one(sql, (n,)) for n in (1, 2)]) == [None, (2,)]
        assert store.read(lambda tx: tx.all("SELECT body FROM note ORDER BY n")) == [("old",), ("new",)]

    def test_a_partial_index_is_unique_among_its_own_rows_only(self, store: Store) -> None:
        done = "UPDATE job SET state = 'done' WHERE owner = ?"
        store.write(lambda tx: tx.run(_CLAIM, ("one", "o")))
        store.write(lambda tx: tx.run(done, ("o",)))
        store.write(lambda tx: tx.run(_CLAIM, ("two", "o")))
        store.write(lambda tx: tx.many(_CLAIM, [("three", None), ("four", None)]))
        rows = store.read(
            lambda tx: tx.all("SELECT name FROM job WHERE state = 'running' ORDER BY COALESCE(owner, ''), name")
        )
        assert rows == [("four",), ("three",), ("two",)]

    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            ("%ab%", ["%ab_", "ab", "xaby"]),
            ("%\\%ab\\_%", ["%ab_"]),
            ("a\\\\b", ["a\\b"]),
            ("a_", ["ab"]),
            ("%ä%", ["ä%"]),
            ("%", ["%ab_", "a\\b", "ab", "xaby", "ä%"]),
        ],
    )
    def test_like_takes_an_escape(self, store: Store, pattern: str, found: list[str]) -> None:
        texts = ["ab", "xaby", "%ab_", "a\\b", "ä%"]
        store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES (?, 1)", [(text,) for text in texts]))
        sql = "SELECT author FROM note WHERE LOWER(author) LIKE ? ESCAPE '\\' ORDER BY author"
        assert store.read(lambda tx: [row[0] for row in tx.all(sql, (pattern,))]) == found

    def test_like_finds_what_is_written_the_same(self, store: Store) -> None:
        store.write(note("a", 1, "Ünïx_ID is MiXeD"))
        sql = "SELECT n FROM note WHERE body LIKE ? ESCAPE '\\'"
        found = store.read(lambda tx: [tx.one(sql, (f"%{text}%",)) for text in ("Ünïx\\_ID", "MiXeD", "Ünïx\\%ID")])
        assert found == [(1,), (1,), None]

    @pytest.mark.parametrize("text", ["AÄÉΩÑ", "ÇİĞŞ", "ΟΔΟΣ", "ПРИВЕТ", "ԲԱՐԵՎ", "ẞ", "字A", "a\0B"])
    def test_lower_knows_every_alphabet_as_python_does(self, store: Store, text: str) -> None:
        store.write(note("a", 1, text))
        assert store.read(lambda tx: tx.one("SELECT LOWER(body) FROM note")) == (text.lower(),)
        sql = "SELECT n FROM note WHERE LOWER(COALESCE(body, '')) LIKE ? ESCAPE '\\'"
        assert store.read(lambda tx: tx.one(sql, (f"%{text.lower()}%",))) == (1,)

    def test_rows_are_compared_as_pairs(self, store: Store) -> None:
        store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES (?, ?)", [("a", 1), ("a", 2), ("b", 1)]))
        sql = "SELECT author, n FROM note WHERE (author, n) > (?, ?) ORDER BY author, n LIMIT ?"
        assert store.read(lambda tx: tx.all(sql, ("a", 1, 1))) == [("a", 2)]
        assert store.read(lambda tx: tx.all(sql, ("a", 2, 9))) == [("b", 1)]

    def test_a_list_of_place_holders_may_be_long(self, store: Store) -> None:
        store.write(lambda tx: tx.many("INSERT INTO note (author, n) VALUES ('a', ?)", [(n,) for n in range(600)]))
        wanted = tuple(range(0, 1_000, 2))
        sql = f"SELECT COUNT(*) FROM note WHERE n IN ({', '.join('?' * len(wanted))})"
        assert store.read(lambda tx: tx.one(sql, wanted)) == (300,)
