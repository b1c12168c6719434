"""The shipped tables: the same however a store came to them, and the same on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingat.lifecycle.migration import COPIED
from ingat.store.contract import Store
from ingat.store.migrate import migrate, read_migrations
from ingat.store.open import open_store, schema_folder
from tests import postgres
from tests.store.catalogue import Table, catalogue, tables
from tests.store.older import files, newest

ENGINES = ["sqlite", "postgres"]
OLDER = range(1, newest(":memory:"))
ONLY_POSTGRES = {"log_number", "write_mark", "write_turn"}
"""SQLite numbers log entries itself (AUTOINCREMENT), and has one writer at a time anyway."""


def unmade(engine: str, path: Path) -> str:
    return postgres.schemas().unmade() if engine == "postgres" else f"sqlite:///{path}"


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[list[Store]]:
    opened: list[Store] = []
    yield opened
    for each in opened:
        each.close()


def opened(stores: list[Store], engine: str, path: Path) -> Store:
    stores.append(open_store(unmade(engine, path)))
    return stores[-1]


def fresh(stores: list[Store], engine: str, path: Path) -> Store:
    store = opened(stores, engine, path)
    migrate(store, schema_folder(store.url))
    return store


@pytest.mark.parametrize("number", OLDER)
@pytest.mark.parametrize("on", ENGINES)
def test_a_migrated_store_has_the_schema_of_a_fresh_one(
    on: str, number: int, stores: list[Store], tmp_path: Path
) -> None:
    old = opened(stores, on, tmp_path / "old.db")
    assert len(migrate(old, files(number, old.url, tmp_path))) == number
    assert len(migrate(old, schema_folder(old.url))) == newest(old.url) - number
    assert catalogue(old) == catalogue(fresh(stores, on, tmp_path / "fresh.db"))


@pytest.mark.parametrize("on", ENGINES)
def test_every_file_makes_a_difference_that_the_catalogue_shows(on: str, stores: list[Store], tmp_path: Path) -> None:
    old, before = opened(stores, on, tmp_path / "old.db"), 0
    for number in range(1, newest(old.url) + 1):
        migrate(old, files(number, old.url, tmp_path))
        assert len(catalogue(old)) > before
        before = len(catalogue(old))


def test_both_engines_have_the_same_tables_columns_keys_and_indexes(stores: list[Store], tmp_path: Path) -> None:
    ours = tables(fresh(stores, "sqlite", tmp_path / "fresh.db"))
    theirs = tables(fresh(stores, "postgres", tmp_path / "fresh.db"))
    assert theirs.keys() - ours.keys() == ONLY_POSTGRES
    assert ours.keys() - theirs.keys() == set()
    different = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    assert different == {}


def test_both_engines_have_the_same_tables_after_each_file(stores: list[Store], tmp_path: Path) -> None:
    one, other = (opened(stores, on, tmp_path / "old.db") for on in ENGINES)
    for number in range(1, newest(one.url) + 1):
        for store in (one, other):
            (tmp_path / store.url[:6]).mkdir(exist_ok=True)
            migrate(store, files(number, store.url, tmp_path / store.url[:6]))
        assert tables(other).keys() - ONLY_POSTGRES == tables(one).keys()


def test_both_engines_have_files_of_the_same_names() -> None:
    ours, theirs = (
        [each.name for each in read_migrations(schema_folder(url))] for url in (":memory:", "postgresql://host/name")
    )
    assert ours == theirs


def test_texts_are_compared_by_their_bytes_and_tables_that_grow_are_split_by_user(stores: list[Store]) -> None:
    store = fresh(stores, "postgres", Path())
    collations = {
        str(row[6])
        for row in catalogue(store)
        if row[0] == "column" and row[3] == "text" and row[1] != "schema_migration"
    }
    assert collations == {"C"}
    split = [(str(row[1]), str(row[2])) for row in catalogue(store) if row[0] == "partition" and row[2]]
    assert split == [(name, "HASH (user_id)") for name in ("memory", "message", "recall_entry", "recall_vector")]


def test_what_is_counted_before_a_migration_is_in_the_file_that_makes_its_table(
    stores: list[Store], tmp_path: Path
) -> None:
    store, known = opened(stores, "sqlite", tmp_path / "old.db"), dict[str, Table]()
    for number in range(1, newest(store.url) + 1):
        migrate(store, files(number, store.url, tmp_path))
        made = tables(store).keys() - known.keys()
        assert {table for table, since in COPIED.values() if since == number} <= made
        known = tables(store)
    assert {table for table, _ in COPIED.values()} <= known.keys()
