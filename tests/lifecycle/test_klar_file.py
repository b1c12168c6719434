"""Backups in klar's shape appear under their names only when they are complete, and never in place of another."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import RestorePointFailed
from ingat.lifecycle.klar_file import KlarFile, write_backup
from ingat.memory import Memory

NOW = 1_763_709_705_000


def backup(memory: Memory, folder: Path) -> KlarFile:
    return write_backup(memory.store, folder, lambda: NOW)


@pytest.fixture
def folder(tmp_path: Path, memory: Memory) -> Path:
    memory.users.save("628111", name="Budi")
    return tmp_path / "data" / "storage" / "backups"


def test_the_file_holds_everybody_and_is_the_owners_alone(memory: Memory, folder: Path) -> None:
    made = backup(memory, folder)
    assert re.fullmatch(r"memory_backup_2025112\d_\d{4}45\.json", made.path.name)
    assert json.loads(made.path.read_bytes())["628111"]["name"] == "Budi"
    assert (made.users, made.size_bytes) == (1, made.path.stat().st_size)
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(folder) == [made.path.name]


def test_files_of_one_second_stand_beside_each_other(memory: Memory, folder: Path) -> None:
    made: list[KlarFile] = []
    threads = [threading.Thread(target=lambda: made.append(backup(memory, folder))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.path for each in made}) == 8
    assert sorted(os.listdir(folder)) == sorted(each.path.name for each in made)


def test_a_link_in_the_way_is_not_followed(memory: Memory, folder: Path, tmp_path: Path) -> None:
    first = backup(memory, folder)
    first.path.unlink()
    first.path.symlink_to(tmp_path / "elsewhere")
    assert backup(memory, folder).path.name == first.path.stem + "_1.json"
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_system_without_links_will_do(memory: Memory, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    first, second = backup(memory, folder), backup(memory, folder)
    assert second.path.name == first.path.stem + "_1.json"
    assert first.path.read_bytes() == second.path.read_bytes() != b""
    assert len(os.listdir(folder)) == 2


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_a_full_disk_leaves_no_file(memory: Memory, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def refuse(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, refuse)
    with pytest.raises(RestorePointFailed, match=r"No space left on device\. Nothing was deleted"):
        backup(memory, folder)
    assert os.listdir(folder) == []


def test_what_is_read_back_otherwise_is_no_backup(
    memory: Memory, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(descriptor: int) -> None:
        os.pwrite(descriptor, b"?", 0)

    monkeypatch.setattr(os, "fsync", spoil)
    with pytest.raises(RestorePointFailed, match="not what was written"):
        backup(memory, folder)
    assert os.listdir(folder) == []


def test_a_file_in_place_of_the_folder_is_refused(memory: Memory, folder: Path) -> None:
    folder.parent.parent.write_text("in the way")
    with pytest.raises(RestorePointFailed):
        backup(memory, folder)
