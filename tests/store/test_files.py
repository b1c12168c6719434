"""Files by their SHA-256: equal ones once, whole or not at all, and gone only when no row names them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from ingat.core.errors import StoreCorrupt, StoreFull, StoreReadOnly, StoreUnavailable
from ingat.memory import Memory
from ingat.store import locks
from ingat.store.files import Files


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(f"sqlite:///{tmp_path}/store.db", embedder=None) as opened:
        yield opened


@pytest.fixture
def files(memory: Memory) -> Files:
    return memory._files


def save(memory: Memory, data: bytes) -> str:
    return memory.artifacts.save(BytesIO(data), name="a").sha256


def put(files: Files, data: bytes) -> str:
    """Put a file that no row names."""
    with files.new() as file:
        file.write(data)
        with files.putting() as into:
            return into(file).sha256


def put_and_fail(files: Files, data: bytes) -> None:
    """Put a file whose row is then not committed."""
    with files.new() as file, files.putting() as into:
        file.write(data)
        into(file)
        raise KeyError


def held(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "store.db.data" / "artifacts").rglob("*") if path.is_file())


def test_a_file_is_kept_under_its_sum_in_two_folders_for_the_owner_only(memory: Memory, files: Files) -> None:
    sha256 = save(memory, b"some bytes")
    path = files.path(sha256)

    assert sha256 == hashlib.sha256(b"some bytes").hexdigest()
    assert path.read_bytes() == b"some bytes"
    assert path.parts[-4:] == ("artifacts", sha256[:2], sha256[2:4], sha256)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(each.stat().st_mode) for each in list(path.parents)[:4]} == {0o700}


def test_what_is_not_put_leaves_nothing(files: Files, tmp_path: Path) -> None:
    with files.new() as file:
        file.write(b"half")

    assert held(tmp_path) == []


def test_what_was_put_is_gone_when_its_rows_are_not_committed(files: Files, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        put_and_fail(files, b"nobody's")

    assert held(tmp_path) == ["lock"]


def test_what_another_row_names_stays_when_mine_is_not_committed(memory: Memory, files: Files, tmp_path: Path) -> None:
    sha256 = save(memory, b"shared")
    with pytest.raises(KeyError):
        put_and_fail(files, b"shared")

    assert held(tmp_path) == sorted([sha256, "lock"])


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda path: path.write_bytes(b"other"), "has other bytes than were kept"),
        (lambda path: path.write_bytes(b"oth"), "has 3 bytes instead of 5"),
        (lambda path: path.unlink(), "is not there"),
    ],
    ids=["changed", "cut", "gone"],
)
def test_a_file_that_is_not_what_was_kept_is_told(
    memory: Memory, files: Files, damage: Callable[[Path], object], fault: str
) -> None:
    sha256 = save(memory, b"bytes")
    damage(files.path(sha256))

    with pytest.raises(StoreCorrupt, match=fault) as told:
        list(files.pieces(sha256, 5))
    assert "put it back from a copy" in told.value.message
    assert files.fault(sha256, 5) == fault


@pytest.mark.parametrize("name", ["../../evil", "", "A" * 64, "a" * 63, "/etc/passwd"], ids=str)
def test_no_name_but_a_sum_becomes_a_path(files: Files, name: str) -> None:
    with pytest.raises(StoreCorrupt):
        files.path(name)


def test_only_files_that_no_row_names_are_dropped(memory: Memory, files: Files) -> None:
    named, orphan = save(memory, b"named"), put(files, b"orphan")

    assert files.drop([named, orphan, "0" * 64]) == [orphan]
    assert files.has(named)
    assert not files.has(orphan)


def test_nothing_is_dropped_while_somebody_else_puts_files(memory: Memory, files: Files, tmp_path: Path) -> None:
    orphan, another = put(files, b"orphan"), Files(memory.store, tmp_path / "store.db.data")
    with another.putting():
        assert files.drop([orphan], tries=1) == []

    assert files.has(orphan)
    assert files.drop([orphan], tries=1) == [orphan]


def test_what_is_dropped_while_the_same_thread_puts_files_goes_when_it_has_ended(files: Files) -> None:
    orphan = put(files, b"orphan")
    with files.putting():
        with files.putting():
            assert files.drop([orphan]) == []
        assert files.has(orphan)

    assert not files.has(orphan)


def test_a_sweep_removes_what_no_row_names_and_what_was_left_unfinished(
    memory: Memory, files: Files, tmp_path: Path
) -> None:
    named = save(memory, b"named")
    put(files, b"orphan")
    (tmp_path / "store.db.data" / "artifacts" / "dead.unfinished").write_bytes(b"half")

    assert files.sweep() == 2
    assert held(tmp_path) == sorted([named, "lock"])


def test_a_sweep_leaves_what_is_being_written(files: Files, tmp_path: Path) -> None:
    with files.new() as file:
        file.write(b"half")
        assert files.sweep() == 0
        with files.putting() as into:
            sha256 = into(file).sha256

    assert files.path(sha256).read_bytes() == b"half"


def test_a_sweep_of_nothing_makes_no_folder(files: Files, tmp_path: Path) -> None:
    assert files.sweep() == 0
    assert not (tmp_path / "store.db.data" / "artifacts").exists()


def test_the_files_of_a_store_in_memory_go_with_it() -> None:
    with Memory(":memory:", embedder=None) as memory:
        path = memory._files.path(save(memory, b"passing"))
        assert path.is_file()

    assert not path.exists()
    assert not path.parents[2].exists()


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EROFS, StoreReadOnly), (errno.EIO, StoreUnavailable)],
    ids=["full", "quota", "read-only", "broken"],
)
def test_what_the_disk_refuses_leaves_nothing(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    def refused(number_of_file: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refused)
    with pytest.raises(error):
        save(memory, b"some bytes")

    assert held(tmp_path) == []
    assert memory.artifacts.list().items == ()


def test_a_lock_that_many_hold_is_not_held_alone(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locks.shared(path), locks.shared(path), locks.alone(path, 1) as ours:
        assert not ours
    with locks.alone(path, 1) as ours:
        assert ours
