"""The doctor tells of backups that are old or missing, and of copies that the second place lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingat.core.records import Check
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.engine import store_at

NEWEST, MISSING = "newest backup", "copies missing in the second place"


def opened(tmp_path: Path, clock: TurnableClock, **values: Any) -> Any:
    return open_memory(**store_at(tmp_path / "store.db"), now=clock, embedder=None, **values)


def check(memory: Memory, name: str) -> Check | None:
    found = [each for each in memory.doctor() if each.name == name]
    return found[0] if found else None


def told(memory: Memory, name: str) -> tuple[str, str]:
    found = check(memory, name)
    assert found is not None
    assert bool(found.advice) == (found.state != "ok")
    return found.state, found.value


def test_a_young_store_needs_no_backup_yet(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock) as memory:
        assert told(memory, NEWEST) == ("ok", "none yet")


def test_a_store_without_backup_is_a_warning_after_two_days(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock) as memory:
        memory.logs.add("kept")
        memory.erase.logs()
        clock.turn(days=2, milliseconds=1)

        assert told(memory, NEWEST) == ("warn", "none yet")


def test_a_backup_is_well_for_two_days(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock) as memory:
        clock.turn(days=10)
        memory.backups.create()
        clock.turn(days=2)
        assert told(memory, NEWEST) == ("ok", "2025-01-16 09:00 UTC")
        clock.turn(milliseconds=1)
        assert told(memory, NEWEST)[0] == "warn"


def test_a_backup_that_cannot_be_read_is_none(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock) as memory:
        made = memory.backups.create()
        (tmp_path / "store.db.data" / "restore-points" / made.name).write_bytes(b"damaged")

        assert told(memory, NEWEST) == ("warn", "none that can be used")


def test_a_newest_backup_that_is_gone_is_a_warning_though_an_older_one_is_there(
    tmp_path: Path, clock: TurnableClock
) -> None:
    with opened(tmp_path, clock) as memory:
        memory.backups.create()
        clock.turn(hours=1)
        made = memory.backups.create()
        (tmp_path / "store.db.data" / "restore-points" / made.name).unlink()

        assert told(memory, NEWEST) == ("warn", "2025-01-06 09:00 UTC")


def test_a_backup_that_a_purge_removed_is_not_missed(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock) as memory:
        memory.remember("budi", "likes tea")
        memory.backups.create()
        memory.purge("budi", reason="asked")

        assert told(memory, NEWEST)[0] == "ok"
        assert told(memory, "copies missing") == ("ok", "0 copies")


def test_a_locked_backup_is_one(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock, backup_passphrase="once") as memory:
        memory.backups.create()
    with opened(tmp_path, clock) as memory:
        assert told(memory, NEWEST) == ("ok", "2025-01-06 09:00 UTC")


@pytest.mark.sqlite_only("a store that is gone when it is closed")
def test_nothing_is_said_of_a_store_in_memory_or_without_a_second_place(clock: TurnableClock) -> None:
    with open_memory(now=clock, embedder=None) as memory:
        clock.turn(days=10)

        assert check(memory, NEWEST) is None
        assert check(memory, MISSING) is None


def test_copies_that_the_second_place_lacks_are_counted(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock) as memory:
        memory.backups.create()
        memory.logs.add("kept")
        memory.erase.logs()
    with opened(tmp_path, clock, backup_mirror=str(tmp_path / "far")) as memory:
        assert told(memory, MISSING) == ("warn", "2 copies")
        memory.backups.mirror()
        assert told(memory, MISSING) == ("ok", "0 copies")


def test_a_second_place_that_cannot_be_read_is_a_warning(tmp_path: Path, clock: TurnableClock) -> None:
    (tmp_path / "far").write_text("a file")
    with opened(tmp_path, clock, backup_mirror=str(tmp_path / "far")) as memory:
        assert told(memory, MISSING) == ("warn", "cannot be read")
