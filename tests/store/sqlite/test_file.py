from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingat.core.errors import StoreCorrupt, StoreError, StoreReadOnly, StoreUnavailable
from ingat.store.open import open_store
from ingat.store.sqlite.file import APPLICATION_ID

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def refused(path: Path) -> StoreError:
    """Open a file that must be refused, and see that it and its folder stay as they are."""
    before = path.read_bytes(), sorted(path.parent.iterdir()), path.stat().st_mtime_ns
    with pytest.raises(StoreError) as caught:
        open_store(url(path))
    assert (path.read_bytes(), sorted(path.parent.iterdir()), path.stat().st_mtime_ns) == before
    assert path.name in caught.value.message
    return caught.value


def test_the_file_is_for_its_owner_only(path: Path) -> None:
    store = open_store(url(path))
    store.write(lambda tx: tx.run("CREATE TABLE t (a)"))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
    store.close()


def test_a_missing_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "one" / "two" / "store.db"
    open_store(url(path)).close()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_file_carries_our_mark(path: Path) -> None:
    open_store(url(path)).close()
    assert int.from_bytes(path.read_bytes()[68:72], "big") == APPLICATION_ID


def test_the_mark_is_in_the_file_before_the_log_is_folded(path: Path) -> None:
    store = open_store(url(path))
    assert int.from_bytes(path.read_bytes()[68:72], "big") == APPLICATION_ID
    store.close()


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    store = open_store(url(path))
    store.write(lambda tx: tx.run("CREATE TABLE t (a)"))
    store.close()
    open_store(url(path)).close()


def test_an_empty_database_becomes_a_store(path: Path) -> None:
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA user_version=3")
    conn.close()
    assert path.stat().st_size > 0
    open_store(url(path)).close()


@pytest.mark.parametrize(
    "content",
    [b"x", b'{"628111": {"name": "Budi"}}', b"SQLite format 3", b"\0" * 8192, os.urandom(20_000)],
    ids=["one byte", "json", "half a header", "zeros", "noise"],
)
def test_a_file_that_is_not_a_database_is_left_as_it_is(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    assert refused(path).code == StoreCorrupt.code


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_database_of_another_program_is_left_as_it_is(mode: str, path: Path) -> None:
    conn = sqlite3.connect(path)
    conn.execute(f"PRAGMA journal_mode={mode}")
    conn.execute("CREATE TABLE theirs (a)")
    conn.close()
    assert refused(path).code == StoreCorrupt.code


def test_a_database_whose_tables_are_only_in_its_log_is_left_as_it_is(path: Path) -> None:
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("CREATE TABLE theirs (a)")
    try:
        assert refused(path).code == StoreCorrupt.code
    finally:
        conn.close()


def test_a_database_marked_by_another_program_is_left_as_it_is(path: Path) -> None:
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA application_id=252006674")
    conn.close()
    assert refused(path).code == StoreCorrupt.code


def test_a_path_below_a_file_is_unavailable(path: Path) -> None:
    path.write_bytes(b"x")
    with pytest.raises(StoreUnavailable):
        open_store(url(path / "store.db"))
    assert path.read_bytes() == b"x"


def test_damage_is_reported_as_corrupt_and_found_by_check(path: Path) -> None:
    store = open_store(url(path))
    store.write(lambda tx: tx.run("CREATE TABLE t (a TEXT PRIMARY KEY)"))
    store.write(lambda tx: tx.many("INSERT INTO t VALUES (?)", [(f"{n:0100}",) for n in range(2000)]))
    store.close()
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    path.write_bytes(content)

    damaged = open_store(url(path))
    with pytest.raises(StoreCorrupt):
        damaged.read(lambda tx: tx.all("SELECT a FROM t ORDER BY a"))
    assert damaged.check() != []
    damaged.close()


def test_check_finds_a_row_that_refers_to_nothing(path: Path) -> None:
    store = open_store(url(path))
    store.write(lambda tx: tx.run("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
    store.write(lambda tx: tx.run("CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent (id))"))
    conn = sqlite3.connect(path)
    conn.execute("INSERT INTO child (parent) VALUES (9)")
    conn.commit()
    conn.close()
    assert store.check() == ["a row of child refers to a row of parent that is not there"]
    store.close()


def test_deleted_text_does_not_stay_in_the_file(path: Path) -> None:
    store = open_store(url(path))
    store.write(lambda tx: tx.run("CREATE TABLE t (a TEXT)"))
    store.write(lambda tx: tx.run("INSERT INTO t VALUES ('a secret of Budi')"))
    store.write(lambda tx: tx.run("DELETE FROM t"))
    store.close()
    assert b"a secret of Budi" not in path.read_bytes()


def test_closing_folds_the_log_into_the_file(path: Path) -> None:
    store = open_store(url(path))
    store.write(lambda tx: tx.run("CREATE TABLE t (a)"))
    store.close()
    assert [file.name for file in path.parent.iterdir()] == ["store.db"]


def test_a_second_store_on_the_file_does_not_drop_the_locks_of_the_first(path: Path) -> None:
    # Closing any descriptor of the file would: then the next process to leave takes itself for the last one and
    # deletes the log under the first.
    first = open_store(url(path))
    first.write(lambda tx: tx.run("CREATE TABLE t (a)"))
    open_store(url(path)).close()
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('INSERT INTO t VALUES (1)'); c.commit()"
    subprocess.run([sys.executable, "-c", program + "; c.close()", str(path)], check=True, timeout=60)
    assert path.with_name("store.db-wal").exists()
    first.write(lambda tx: tx.run("INSERT INTO t VALUES (2)"))
    first.close()
    conn = sqlite3.connect(path)
    assert conn.execute("SELECT a FROM t ORDER BY a").fetchall() == [(1,), (2,)]
    conn.close()


# -- no permission -------------------------------------------------------------------------------------------------


@pytest.fixture
def shown_folder() -> Iterator[Path]:
    """A folder that every user of the machine can look into."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.fixture
def unprivileged(shown_folder: Path) -> Iterator[None]:
    """Run the test as somebody whom permissions bind; root is not."""
    open_store(":memory:").close()  # loads the engine while its files can be read
    if os.geteuid() != 0:
        yield
        return
    for place in (shown_folder, *shown_folder.iterdir()):
        os.chown(place, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


@pytest.mark.usefixtures("unprivileged")
def test_a_folder_that_cannot_be_written_is_said_to_be_read_only(shown_folder: Path) -> None:
    shown_folder.chmod(0o555)
    with pytest.raises(StoreReadOnly, match=r"cannot be written.*Nothing was changed"):
        open_store(url(shown_folder / "store.db"))
    assert list(shown_folder.iterdir()) == []


@pytest.mark.usefixtures("unprivileged")
def test_a_store_in_a_folder_that_became_read_only_is_refused(shown_folder: Path) -> None:
    path = shown_folder / "store.db"
    open_store(url(path)).close()
    shown_folder.chmod(0o555)
    with pytest.raises(StoreReadOnly, match="is read-only"):
        open_store(url(path))
    assert list(shown_folder.iterdir()) == [path]


@pytest.mark.usefixtures("unprivileged")
def test_a_file_that_cannot_be_written_is_refused(shown_folder: Path) -> None:
    path = shown_folder / "store.db"
    open_store(url(path)).close()
    before = path.read_bytes()
    path.chmod(0o400)
    with pytest.raises(StoreReadOnly, match=r"store\.db is read-only"):
        open_store(url(path))
    assert path.read_bytes() == before


@pytest.mark.usefixtures("unprivileged")
def test_a_folder_that_cannot_be_made_is_said_to_be_read_only(shown_folder: Path) -> None:
    shown_folder.chmod(0o555)
    with pytest.raises(StoreReadOnly):
        open_store(url(shown_folder / "deeper" / "store.db"))
