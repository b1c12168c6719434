"""The engine that a test's stores are on: SQLite, or PostgreSQL with an empty schema for each store that it names."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest

import ingat.testing
from ingat.core.settings import data_directory
from ingat.store.contract import Row, Store, Tx, Value
from ingat.store.open import open_store
from ingat.store.postgres.address import parse_address
from ingat.store.postgres.connection import TURN
from tests import postgres

Name = Literal["sqlite", "postgres"]
ENGINES: tuple[Name, ...] = ("sqlite", "postgres")


class Stores:
    """The stores of one test on PostgreSQL, each named by the file that it has on SQLite."""

    def __init__(self, folder: Path, lent: ExitStack) -> None:
        self._folder, self._lent = folder, lent
        self._urls: dict[Path, str] = {}
        self._data: dict[str, str] = {}
        self._numbers = count()

    def url(self, path: Path, begun_ms: int) -> str:
        """Return the URL of the store of that name: the same at each call."""
        if path not in self._urls:
            url = self._urls[path] = self._lent.enter_context(postgres.empty_store(begun_ms))
            self._data[_schema(url)] = f"{path}.data"
            _lead(url, Path(f"{path}.data"))
        return self._urls[path]

    def afterwards(self, do: Callable[[], object]) -> None:
        """Call this when the test has ended, before its stores are emptied."""
        self._lent.callback(do)

    def data(self, url: str) -> str | None:
        """Return the data directory of a store, None for one that it did not lend."""
        return self._data.get(_schema(url))

    def unnamed(self) -> AbstractContextManager[dict[str, Any]]:
        """Lend a store with a data directory of its own, as `open_memory` does without a URL."""

        @contextmanager
        def lend() -> Iterator[dict[str, Any]]:
            with postgres.empty_store() as url:
                path = self._folder / f"unnamed-{next(self._numbers)}"
                self._data[_schema(url)] = f"{path}.data"
                yield {"url": url, "data": self.data(url)}

        return lend()


def _lead(url: str, data: Path) -> None:
    """Let the data directory that a store on PostgreSQL has by default lead to its directory of the test.

    So programs that are given nothing but the store's URL find its files.
    """
    usual = data_directory(url, None)
    assert usual is not None
    usual.parent.mkdir(parents=True, exist_ok=True)
    data.mkdir(parents=True, exist_ok=True)
    usual.symlink_to(data, target_is_directory=True)


def _schema(url: str) -> str:
    return url.rpartition("schema=")[2]


_present: list[Stores] = []


@contextmanager
def on_engine(name: str, folders: pytest.TempPathFactory) -> Iterator[None]:
    """Let the stores that are named or opened inside the `with` block be on this engine, and empty at first."""
    if name == "sqlite":
        yield
        return
    postgres.require()
    before = ingat.testing.new_store
    lent = ExitStack()
    stores = Stores(folders.mktemp("postgres"), lent)
    _present.append(stores)
    ingat.testing.new_store = stores.unnamed
    try:
        with lent:
            yield
    finally:
        ingat.testing.new_store = before
        _present.pop()


def is_postgres() -> bool:
    """Whether the test runs on PostgreSQL."""
    return bool(_present)


def store_url(path: Path, *, begun_ms: int = ingat.testing.START_MS) -> str:
    """Return the URL of the test's store that is in this file on SQLite: the same store at each call.

    `begun_ms`: when a store on PostgreSQL says that it was made, by default when a TurnableClock begins.
    """
    return _present[-1].url(path, begun_ms) if _present else f"sqlite:///{path}"


def store_at(path: Path) -> dict[str, Any]:
    """Return the arguments of `Memory` for the store in this file, and its data directory, `<path>.data`."""
    return same_store(store_url(path))


def same_store(url: str) -> dict[str, Any]:
    """Return the arguments of `Memory` for a store that was opened before."""
    for stores in reversed(_present):
        if (data := stores.data(url)) is not None:
            return {"url": url, "data": data}
    return {"url": url}


@contextmanager
def store_once(path: Path) -> Iterator[dict[str, Any]]:
    """Lend an empty store in this file on SQLite, for a test with many; yields the arguments of `Memory`."""
    if not _present:
        yield store_at(path)
        return
    with postgres.empty_store(ingat.testing.START_MS) as url:
        yield {"url": url, "data": f"{path}.data"}


def unmade_url(path: Path) -> str:
    """Return the URL of a store that is not there yet, in this file on SQLite."""
    return postgres.schemas().unmade() if _present else f"sqlite:///{path}"


def behind(url: str, statement: str, *args: Value) -> None:
    """Run a statement on the test's store without regard to references, as another program might.

    It may hold blobs as they are written for SQLite, such as x'0102'.
    """
    if is_postgres():
        _past_references(url, re.sub(r"\bx'([0-9a-f]*)'", r"'\\x\1'::bytea", statement), args)
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as conn, conn:
        conn.execute(statement, args)


def _past_references(url: str, statement: str, args: Sequence[Value]) -> None:
    def run(tx: Tx) -> None:
        tx.run("SET LOCAL session_replication_role = replica")
        tx.run(statement, args)

    store = open_store(url)
    try:
        store.write(run)
    finally:
        store.close()


@contextmanager
def held_by_another(url: str) -> Iterator[None]:
    """Let another program keep all writers of the test's store waiting during the `with` block."""
    if is_postgres():
        address = parse_address(url)
        with psycopg.connect(address.conninfo) as other:
            other.execute(f'LOCK TABLE "{address.schema}".{TURN} IN EXCLUSIVE MODE'.encode())
            yield
            other.rollback()
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        yield
        conn.execute("ROLLBACK")


def refuse_inserts(store: Store, table: str) -> None:
    """Let no row be put into a table of the test's store from now on."""
    if not is_postgres():
        refusing = "BEGIN SELECT RAISE(ABORT, 'full'); END"
        store.write(lambda tx: tx.run(f"CREATE TRIGGER full BEFORE INSERT ON {table} {refusing}"))
        return
    store.write(lambda tx: tx.run(f"ALTER TABLE {table} ADD CONSTRAINT is_full CHECK (false) NOT VALID"))
    url = store.url
    _present[-1].afterwards(lambda: behind(url, f"ALTER TABLE {table} DROP CONSTRAINT is_full"))


def tables(tx: Tx) -> list[str]:
    """Return the names of the tables of the test's store, in order."""
    found = tx.all(_TABLES_OF_POSTGRES if is_postgres() else _TABLES_OF_SQLITE)
    return sorted(str(row[0]) for row in found)


def columns(tx: Tx, table: str) -> list[str]:
    """Return the names of a table's columns, in order."""
    if is_postgres():
        rows = tx.all(_COLUMNS_OF_POSTGRES, (table,))
    else:
        rows = tx.all("SELECT name FROM pragma_table_info(?)", (table,))
    return [str(row[0]) for row in rows]


def contents(tx: Tx) -> dict[str, list[Row]]:
    """Return the rows of every table of the test's store."""
    return {
        name: sorted(tx.all(f"SELECT * FROM {name}"), key=repr)
        for name in tables(tx)
        if name not in ("write_turn", "write_mark")
    }


_TABLES_OF_SQLITE = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
_TABLES_OF_POSTGRES = (
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"
    " AND NOT relispartition"
)
_COLUMNS_OF_POSTGRES = (
    "SELECT attname FROM pg_attribute WHERE attrelid = ?::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)


_TESTS = Path(__file__).parent
_ALWAYS = ("lifecycle", "services")
_NEVER = ("contract", "core", "house", "search", "store")
"""Folders whose tests are of no store, or choose its engine themselves."""
_NEVER_FILES = (
    "cli/test_postgres.py",
    "evaluation/test_engines.py",
    "evaluation/test_moved.py",
    "evaluation/test_quality.py",
    "faults/test_migration_faults.py",
    "faults/test_move_faults.py",
    "faults/test_postgres_faults.py",
    "faults/test_store_faults.py",
    "test_postgres_docs.py",
)


def engines_of(test: pytest.Metafunc) -> tuple[Name, ...]:
    """Return the engines that a test runs on, by the options of the run, its folder and its mark."""
    only = test.definition.get_closest_marker("sqlite_only")
    if only is not None and not only.args:
        raise pytest.UsageError(f"{test.definition.nodeid} does not say why it is sqlite_only")
    path = test.definition.path.relative_to(_TESTS)
    place = path.parts[0]
    if only is not None or place in _NEVER or path.as_posix() in _NEVER_FILES:
        return ("sqlite",)
    chosen = test.config.getoption("--engine")
    if chosen is None:
        chosen = "both" if place in _ALWAYS or test.config.getoption("--all") else "sqlite"
    return ENGINES if chosen == "both" else (chosen,)
