"""The doctor tells of a data directory that is missing, or lacks what the store relies on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ingat.core.records import Check
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.engine import store_at, store_url

FOLDER, KEY, COPIES, NEWEST = "data directory", "secret.key", "copies missing", "newest backup"


@pytest.fixture
def store(tmp_path: Path) -> dict[str, Any]:
    """The arguments of a store, whose data directory is not there yet."""
    return {"url": store_url(tmp_path / "store.db"), "data": str(tmp_path / "kept"), "embedder": None}


def looked(memory: Memory) -> dict[str, Check]:
    return {check.name: check for check in memory.doctor()}


def bad(memory: Memory) -> dict[str, str]:
    return {name: check.value for name, check in looked(memory).items() if check.state == "bad"}


def erase_someone(memory: Memory) -> None:
    memory.remember("budi", "likes tea")
    memory.erase.user("budi", reason="asked")


def test_a_fresh_store_needs_no_data_directory_yet(store: dict[str, Any]) -> None:
    with open_memory(**store) as memory:
        checks = looked(memory)

    assert (checks[FOLDER].state, checks[FOLDER].value) == ("ok", "none yet")
    assert KEY not in checks
    assert (checks[COPIES].state, checks[COPIES].value) == ("ok", "0 copies")
    assert not Path(store["data"]).exists()


@pytest.mark.sqlite_only("a store that is gone when it is closed")
def test_nothing_is_said_of_a_store_in_memory() -> None:
    with open_memory(embedder=None) as memory:
        erase_someone(memory)

        assert not looked(memory).keys() & {FOLDER, KEY, COPIES}


def test_a_store_with_its_data_directory_is_well(store: dict[str, Any]) -> None:
    with open_memory(**store) as memory:
        memory.remember("siti", "likes coffee")
        memory.backups.create()
        memory.purge("siti", reason="asked")
        erase_someone(memory)
        checks = looked(memory)

    assert [checks[name].state for name in (FOLDER, KEY, COPIES, NEWEST)] == ["ok"] * 4
    assert [checks[name].value for name in (FOLDER, KEY, COPIES)] == ["there", "there", "0 copies"]


def test_another_folder_than_before_is_found_and_not_made(store: dict[str, Any], tmp_path: Path) -> None:
    with open_memory(**store) as memory:
        memory.remember("siti", "likes coffee")
        memory.purge("siti", reason="asked")
        erase_someone(memory)
        memory.backups.create()
    with open_memory(**{**store, "data": str(tmp_path / "misspelt")}) as memory:
        checks, wrong = looked(memory), bad(memory)

    assert wrong == {FOLDER: "not there", KEY: "not there", COPIES: "2 copies"}
    assert all(str(checks[name].advice).startswith("check INGAT_DATA (data directory) first") for name in wrong)
    assert (checks[NEWEST].state, checks[NEWEST].value) == ("warn", "none that can be used")
    assert str(checks[NEWEST].advice).startswith("check INGAT_DATA (data directory) first")
    assert not (tmp_path / "misspelt").exists()


def test_another_stores_key_is_told_apart(store: dict[str, Any], tmp_path: Path) -> None:
    with open_memory(**store) as memory:
        memory.remember("siti", "likes coffee")
        memory.purge("siti", reason="asked")
    with open_memory(**store_at(tmp_path / "other.db"), embedder=None) as other:
        other.remember("siti", "likes coffee")
        other.purge("siti", reason="asked")
    shutil.copy(tmp_path / "other.db.data" / "secret.key", Path(store["data"]) / "secret.key")
    with open_memory(**store) as memory:
        assert bad(memory)[KEY] == "another one"


def test_a_restore_point_that_is_gone_is_counted(store: dict[str, Any]) -> None:
    with open_memory(**store) as memory:
        erase_someone(memory)
        (point,) = (Path(store["data"]) / "restore-points").iterdir()
        point.unlink()

        assert bad(memory) == {COPIES: "1 copies"}


def test_one_that_is_in_the_second_place_is_not_missing(store: dict[str, Any], tmp_path: Path) -> None:
    with open_memory(**store, backup_mirror=str(tmp_path / "far")) as memory:
        erase_someone(memory)
        (point,) = (Path(store["data"]) / "restore-points").iterdir()
        point.unlink()

        assert bad(memory) == {}


def test_copies_that_the_policy_let_go_are_not_missed(store: dict[str, Any], clock: TurnableClock) -> None:
    with open_memory(**store, now=clock) as memory:
        memory.backups.create()
        erase_someone(memory)
        memory.backups.create()
        memory.retention.set(backup_retention_days=1, backup_keep_last=1)
        clock.turn(days=40)
        memory.backups.prune()

        assert bad(memory).keys() & {FOLDER, KEY, COPIES} == set()
