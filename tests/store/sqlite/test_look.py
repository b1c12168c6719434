"""A store that another process is writing its log into is opened, not called damaged."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ingat.core.errors import StoreCorrupt
from ingat.memory import Memory

PAGE_BYTES = 4_096


@pytest.fixture
def half_written(tmp_path: Path) -> Path:
    """A store of which only the first page of a grown log has been written into the file."""
    path = tmp_path / "store.db"
    Memory(f"sqlite:///{path}", embedder=None).close()
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA wal_autocheckpoint=0")
    for number in range(200):
        conn.execute("INSERT INTO setting VALUES (?, ?)", (f"filler {number}", "x" * 2_000))
    half, whole = tmp_path / "half.db", tmp_path / "whole.db"
    for copy in (half, whole):
        shutil.copy(path, copy)
        shutil.copy(f"{path}-wal", f"{copy}-wal")
    conn.close()
    with closing(sqlite3.connect(whole)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with half.open("r+b") as file:
        file.write(whole.read_bytes()[:PAGE_BYTES])
    return half


def test_a_store_is_opened_while_its_log_is_written_into_the_file(half_written: Path) -> None:
    with Memory(f"sqlite:///{half_written}", embedder=None) as memory:
        assert memory.store.read(lambda tx: tx.one("SELECT COUNT(*) FROM setting WHERE name LIKE 'filler%'")) == (200,)


def test_without_its_log_the_same_file_is_damaged_and_left_as_it_is(half_written: Path) -> None:
    Path(f"{half_written}-wal").unlink()
    before = half_written.read_bytes()
    with pytest.raises(StoreCorrupt):
        Memory(f"sqlite:///{half_written}", embedder=None)

    assert half_written.read_bytes() == before
    assert not Path(f"{half_written}-wal").exists()
