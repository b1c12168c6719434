"""The catalogue names every table of the schema as it is, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingat.store.contract import Row, Store, Tx
from ingat.store.migrate import migrate
from ingat.store.open import open_store, schema_folder
from ingat.store.tables.catalog import ENGINES_OWN, TABLES, dependents
from tests import postgres

_OF_POSTGRES = {
    "tables": "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    " AND relkind IN ('r', 'p') AND NOT relispartition",
    "columns": "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema()"
    " AND table_name = ?",
    "key": "SELECT a.attname FROM pg_index i"
    " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
    " WHERE i.indrelid = ?::regclass AND i.indisprimary ORDER BY array_position(i.indkey::int2[], a.attnum)",
    "refers": "SELECT DISTINCT confrelid::regclass::text FROM pg_constraint WHERE conrelid = ?::regclass"
    " AND contype = 'f' AND conparentid = 0",
}
_OF_SQLITE = {
    "tables": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "columns": "SELECT name FROM pragma_table_info(?)",
    "key": "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk",
    "refers": 'SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)',
}


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "postgres":
        with postgres.empty_store() as url, closing(open_store(url)) as opened:
            yield opened
        return
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as opened:
        migrate(opened, schema_folder(opened.url))
        yield opened


def asked(store: Store, question: str, *table: str) -> list[str]:
    queries = _OF_SQLITE if store.url.startswith("sqlite") else _OF_POSTGRES

    def look(tx: Tx) -> list[Row]:
        return tx.all(queries[question], table)

    return [str(row[0]).rpartition(".")[2] for row in store.read(look)]


def test_every_table_is_in_it(store: Store) -> None:
    assert sorted({*asked(store, "tables")} - ENGINES_OWN) == sorted(table.name for table in TABLES)


def test_every_column_and_key_is_as_in_the_schema(store: Store) -> None:
    for table in TABLES:
        assert sorted(asked(store, "columns", table.name)) == sorted(table.columns), table.name
        assert tuple(asked(store, "key", table.name)) == table.key, table.name
        assert {*table.large} <= {*table.columns}, table.name


def test_every_reference_is_known_and_comes_before(store: Store) -> None:
    before = set[str]()
    for table in TABLES:
        assert {*asked(store, "refers", table.name)} == {*table.refers} <= before, table.name
        before.add(table.name)


def test_dependents_are_found_through_others_the_farthest_first() -> None:
    users = next(table for table in TABLES if table.name == "user_profile")

    names = [table.name for table in dependents(users)]

    assert set(names) == {"user_alias", "session", "message", "transcript_pack", "memory"}
    assert names.index("message") < names.index("session")
