"""Stores as earlier versions made them: with fewer schema files, empty or with the rows that such a version wrote."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from ingat.core.urls import is_postgres
from ingat.store.contract import Row, Store, Tx
from ingat.store.migrate import migrate, read_migrations
from ingat.store.open import open_store, schema_folder

STORES = Path(__file__).with_name("stores")
"""Dumps of stores that hold rows in every table, and the data directory of one."""
FIRST = ("user_profile", "session", "user_alias")
"""Tables that others refer to."""
MADE_AT = 1_736_154_000_000


def files(number: int, url: str, folder: Path) -> Path:
    """Return a folder with the first so many schema files of the engine that a URL names."""
    made = folder / f"schema-{number}"
    made.mkdir(exist_ok=True)
    for path in sorted(schema_folder(url).glob("*.sql"))[:number]:
        shutil.copy(path, made)
    return made


def newest(url: str) -> int:
    """Return how many schema files there are."""
    return len(read_migrations(schema_folder(url)))


def make(url: str, number: int, folder: Path) -> None:
    """Make an empty store with the tables of the first so many files."""
    store = open_store(url)
    migrate(store, files(number, url, folder), clock=lambda: MADE_AT)
    store.close()


def load(url: str, number: int, folder: Path) -> None:
    """Make a store that the version wrote whose newest schema file has this number."""
    dump = (STORES / f"{number:04}.sql").read_text(encoding="utf-8")
    if not is_postgres(url):
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as conn:
            conn.executescript(dump)
        return
    make(url, number, folder)
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as conn:
        conn.executescript(dump)
        store = open_store(url)
        store.write(lambda tx: _copy(conn, tx))
        store.close()


def rows(store: Store, number: int) -> dict[str, list[Row]]:
    """Return what the columns of a dump hold in a store, table by table."""
    found = {}
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as conn:
        conn.executescript((STORES / f"{number:04}.sql").read_text(encoding="utf-8"))
        for table in _tables(conn):
            names = ", ".join(_columns(conn, table))
            found[table] = store.read(lambda tx, sql=f"SELECT {names} FROM {table}": tx.all(sql))  # type: ignore[misc]
    return {table: sorted(values, key=repr) for table, values in found.items()}


def dumped(number: int) -> dict[str, list[Row]]:
    """Return what a dump holds, table by table."""
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as conn:
        conn.executescript((STORES / f"{number:04}.sql").read_text(encoding="utf-8"))
        return {
            table: sorted(conn.execute(f"SELECT {', '.join(_columns(conn, table))} FROM {table}").fetchall(), key=repr)
            for table in _tables(conn)
        }


def _tables(conn: sqlite3.Connection) -> list[str]:
    names = [row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    kept = [name for name in names if name not in ("schema_migration", "sqlite_sequence")]
    return sorted(kept, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))


def _columns(conn: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in conn.execute(f"PRAGMA table_info({table})")]


def _copy(conn: sqlite3.Connection, tx: Tx) -> None:
    for table in _tables(conn):
        names = _columns(conn, table)
        marks = ", ".join("?" * len(names))
        held = conn.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall()
        tx.many(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", held)
