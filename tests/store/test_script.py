from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingat.core.errors import StoreError
from ingat.store.open import schema_folder
from ingat.store.script import statements

TRIGGER = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM b;\n  DELETE FROM c;\nEND;"
WHOLE = [
    "CREATE TABLE a (x TEXT DEFAULT ';');",
    "INSERT INTO a VALUES ('it''s; so');",
    'CREATE TABLE "odd;name" (x);',
    "CREATE TABLE `odd;name` (x);",
    TRIGGER,
    "CREATE TEMP TRIGGER t AFTER UPDATE ON a WHEN CASE WHEN NEW.x THEN 1 ELSE 0 END BEGIN SELECT 1; END;",
    "CREATE TRIGGER t AFTER UPDATE ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; SELECT 3; END;",
    "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN x; RETURN NEW; END $$;",
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $body$ BEGIN x := '$$;'; END $body$;",
    "CREATE FUNCTION f(x int) RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN x > 1 THEN 2 END; END;",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS ' BEGIN x; END ';",
    "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();",
    "SELECT E'it\\'s; so';",
    "DO $$ BEGIN a; b; END $$;",
    "UPDATE a SET begin = 1;",
    "CREATE TABLE a (x /* one; two */ INTEGER -- three; 'four\n);",
    "CREATE TABLE a (x /* one /* two; */ three; */ INTEGER);",
    "SELECT a$b$c; ".strip(),
]


@pytest.mark.parametrize("statement", WHOLE)
def test_a_statement_stays_whole_and_the_next_is_apart(statement: str) -> None:
    assert list(statements(f"{statement}\nSELECT 2;\n{statement}")) == [statement, "SELECT 2;", statement]


@given(st.lists(st.sampled_from(WHOLE), max_size=8))
def test_statements_come_out_as_they_went_in(given: list[str]) -> None:
    assert list(statements("\n".join(given))) == given


def test_comments_stay_with_the_statement_behind_them() -> None:
    first, second = statements("-- one; two\nSELECT 1;\n/* the; next */ SELECT 2;\n-- end;\n/* of; all */\n")
    assert first == "-- one; two\nSELECT 1;"
    assert second == "/* the; next */ SELECT 2;"


@pytest.mark.parametrize("script", ["", "\n", "-- nothing; here", "/* nor; here */\n"])
def test_a_script_without_statements_has_none(script: str) -> None:
    assert list(statements(script)) == []


@pytest.mark.parametrize(
    "rest",
    [
        "SELECT 1",
        "SELECT 'open;",
        'SELECT "open;',
        "SELECT $$ open;",
        "SELECT $a$ open; $b$;",
        "/* open; ",
        "/* open /* ; */",
        TRIGGER.removesuffix("END;"),
        "'only a quotation'",
    ],
)
def test_a_script_that_ends_within_a_statement_is_refused(rest: str) -> None:
    with pytest.raises(StoreError) as caught:
        list(statements(f"SELECT 1;\n{rest}"))
    assert str(caught.value.details["statement"]).startswith(rest.strip()[:6])


@pytest.mark.parametrize("url", [":memory:", "postgresql://host/name"])
def test_the_shipped_files_are_cut_where_their_lines_end(url: str) -> None:
    for path in schema_folder(url).glob("*.sql"):
        script = path.read_text(encoding="utf-8")
        found = list(statements(script))
        assert "".join("".join(each.split()) for each in found) == "".join(script.split())
        assert all(each.splitlines()[-1].endswith(";") for each in found)
