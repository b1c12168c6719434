from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import ingat.store
from ingat.core.errors import StoreClosed, StoreConflict, StoreError
from ingat.store.contract import Tx
from ingat.store.open import open_store
from ingat.store.sqlite.engine import SQLiteStore

SOURCE = Path(ingat.store.__file__).parents[2]

FORKED = """
import os, sys
from ingat.core.errors import StoreClosed
from ingat.store.open import open_store

store = open_store(sys.argv[1])
store.write(lambda tx: tx.run("CREATE TABLE t (a)"))
store.read(lambda tx: tx.one("SELECT 1"))
child = os.fork()
if child == 0:
    refused = 0
    for use in (store.write, store.read):
        try:
            use(lambda tx: tx.one("SELECT 1"))
        except StoreClosed:
            refused += 1
    store.close()
    if sys.argv[1] != ":memory:":
        own = open_store(sys.argv[1])
        own.write(lambda tx: tx.run("INSERT INTO t VALUES ('child')"))
        own.close()
    os._exit(0 if refused == 2 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
store.write(lambda tx: tx.run("INSERT INTO t VALUES ('parent')"))
print(store.read(lambda tx: tx.all("SELECT a FROM t")))
store.close()
"""


@pytest.mark.parametrize(
    ("url", "rows"), [("sqlite:///forked.db", "[('child',), ('parent',)]"), (":memory:", "[('parent',)]")]
)
def test_a_store_of_before_a_fork_is_refused_in_the_child_only(url: str, rows: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED, url],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == (rows, 0), done.stderr


def test_importing_the_store_loads_no_engine_and_nothing_heavy() -> None:
    program = (
        "import sys, ingat.store.open; "
        "print([m for m in sys.modules if m.startswith(('numpy', 'sqlite3', 'tokenizers', 'ingat.store.sqlite'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_size_counts_the_log(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.write(lambda tx: tx.run("CREATE TABLE t (a)"))
    files = [tmp_path / "store.db", tmp_path / "store.db-wal"]
    assert store.size_bytes() == sum(file.stat().st_size for file in files) > files[0].stat().st_size
    store.close()


def test_references_are_checked(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.write(lambda tx: tx.run("CREATE TABLE a (id INTEGER PRIMARY KEY, b REFERENCES a (id))"))
    with pytest.raises(StoreConflict):
        store.write(lambda tx: tx.run("INSERT INTO a (b) VALUES (7)"))
    store.close()


def test_a_failed_read_leaves_its_connection_usable(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db", synchronous="NORMAL", busy_timeout_ms=0, readers=1)

    def fails(tx: Tx) -> None:
        tx.one("SELECT 1")
        raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            store.read(fails)
        with pytest.raises(StoreError):
            store.read(lambda tx: tx.all("SELECT a FROM nowhere"))
    assert store.read(lambda tx: tx.one("SELECT 1")) == (1,)
    store.close()


def test_a_failed_read_does_not_hold_back_the_log(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db", synchronous="NORMAL", busy_timeout_ms=0, readers=2)
    store.write(lambda tx: tx.run("CREATE TABLE t (a)"))

    def fails(tx: Tx) -> None:
        tx.one("SELECT count(*) FROM t")
        raise LookupError

    with pytest.raises(LookupError):
        store.read(fails)
    store.write(lambda tx: tx.run("INSERT INTO t VALUES (1)"))
    outside = sqlite3.connect(tmp_path / "store.db")
    busy, in_log, folded = outside.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert (busy, in_log, folded) == (0, 0, 0)
    outside.close()
    store.close()


def test_a_stuck_transaction_is_ended_by_the_next_write(tmp_path: Path) -> None:
    # What Ctrl-C leaves behind when it comes between BEGIN and the rollback.
    store = SQLiteStore(tmp_path / "store.db", synchronous="NORMAL", busy_timeout_ms=0, readers=1)
    store.write(lambda tx: tx.run("CREATE TABLE t (a)"))
    store._conn.execute("BEGIN IMMEDIATE")
    store._conn.execute("INSERT INTO t VALUES ('half')")
    store.write(lambda tx: tx.run("INSERT INTO t VALUES ('whole')"))
    assert store.read(lambda tx: tx.all("SELECT a FROM t")) == [("whole",)]
    store.close()


def test_a_reader_waiting_for_a_connection_is_refused_when_the_store_closes(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db", synchronous="NORMAL", busy_timeout_ms=0, readers=1)
    store.close()
    for _ in range(3):
        with pytest.raises(StoreClosed):
            store.read(lambda tx: tx.one("SELECT 1"))
