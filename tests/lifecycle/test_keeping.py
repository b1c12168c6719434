"""Old copies go, but never the newest, nor the only one that holds somebody who was erased not long ago."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import MemoryOff
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.engine import same_store, store_at, store_url

DAYS, LAST = 30, 2


@pytest.fixture
def memory(tmp_path: Path, clock: TurnableClock) -> Iterator[Memory]:
    with open_memory(**store_at(tmp_path / "store.db"), now=clock, embedder=None) as opened:
        opened.retention.set(backup_retention_days=DAYS, backup_keep_last=LAST)
        yield opened


def backups(memory: Memory, clock: TurnableClock, number: int, days: float = 1) -> list[str]:
    """Make backups, a few days between them; return their names, oldest first."""
    made = []
    for _ in range(number):
        made.append(memory.backups.create().name)
        clock.turn(days=days)
    return made


def names(memory: Memory) -> list[str]:
    return [each.name for each in memory._points.list()]


def damage(memory: Memory, name: str) -> None:
    folder = memory._points._folder.path
    assert folder is not None
    (folder / name).write_bytes(b"damaged")


def person(memory: Memory, user_id: str) -> None:
    session = memory.sessions.create(user_id)
    memory.sessions.append(session.id, "user", "the fan rattles")


def erased(memory: Memory, user_id: str) -> str:
    """Erase a user and lose the restore point of it; return its name."""
    name = memory.erase.user(user_id, reason="asked for").restore_point or ""
    damage(memory, name)
    return name


# -- age and number ----------------------------------------------------------------------------------------------------


def test_copies_older_than_the_policy_go_but_not_the_newest(memory: Memory, clock: TurnableClock) -> None:
    made = backups(memory, clock, 4)
    clock.turn(days=DAYS)
    sizes = {each.name: each.size_bytes for each in memory._points.list()}
    report = memory.backups.prune()

    assert (report.deleted, report.kept, report.failed) == (tuple(made[:2]), LAST, ())
    assert report.freed_bytes == sum(sizes[name] for name in made[:2])
    assert names(memory) == made[2:]


def test_copies_within_the_policy_stay_however_many(memory: Memory, clock: TurnableClock) -> None:
    made = backups(memory, clock, 6)

    assert memory.backups.prune().deleted == ()
    assert names(memory) == made


def test_the_defaults_are_thirty_days_and_ten(tmp_path: Path, clock: TurnableClock) -> None:
    with open_memory(**store_at(tmp_path / "other.db"), now=clock, embedder=None) as memory:
        made = backups(memory, clock, 12)
        clock.turn(days=18)
        assert memory.backups.prune().deleted == ()
        clock.turn(days=30)
        assert memory.backups.prune().deleted == tuple(made[:2])


def test_a_clock_far_ahead_leaves_the_newest(memory: Memory, clock: TurnableClock) -> None:
    made = backups(memory, clock, 5)
    clock.turn(days=36_500)

    memory.backups.prune()
    assert names(memory) == made[-LAST:]


def test_a_clock_far_behind_deletes_nothing(memory: Memory, clock: TurnableClock) -> None:
    made = backups(memory, clock, 5)
    clock.turn(days=-3_000)

    memory.backups.prune()
    assert names(memory) == made


def test_a_dry_run_says_what_would_go(memory: Memory, clock: TurnableClock) -> None:
    made = backups(memory, clock, 4)
    clock.turn(days=DAYS)
    report = memory.backups.prune(dry_run=True)

    assert (report.deleted, report.kept, report.dry_run) == (tuple(made[:2]), LAST, True)
    assert names(memory) == made
    assert [each.action for each in memory.audit.list().items].count("backup.prune") == 0


def test_what_was_deleted_stands_in_the_audit_trail(memory: Memory, clock: TurnableClock) -> None:
    backups(memory, clock, 4)
    clock.turn(days=DAYS)
    memory.backups.prune()

    entry = memory.audit.list().items[0]
    assert (entry.action, entry.counts) == ("backup.prune", {"copy": 2})


def test_retention_deletes_by_the_same_rule(memory: Memory, clock: TurnableClock) -> None:
    made = backups(memory, clock, 4)
    clock.turn(days=DAYS)

    assert memory.retain().restore_points_deleted == 2
    assert names(memory) == made[2:]


def test_a_copy_that_cannot_be_deleted_is_reported_and_stays(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = backups(memory, clock, 4)
    clock.turn(days=DAYS)
    unlink = Path.unlink

    def refuse(path: Path, **values: Any) -> None:
        if path.name == made[0]:
            raise PermissionError("Operation not permitted")
        unlink(path, **values)

    monkeypatch.setattr(Path, "unlink", refuse)
    report = memory.backups.prune()

    assert report.deleted == (made[1],)
    assert [(each.id, each.code) for each in report.failed] == [(made[0], "restore_point_failed")]
    assert names(memory) == [made[0], *made[2:]]


# -- whose they are ----------------------------------------------------------------------------------------------------


def test_copies_of_another_store_in_the_same_folder_stay(tmp_path: Path, clock: TurnableClock) -> None:
    shared = str(tmp_path / "shared")
    with (
        open_memory(url=store_url(tmp_path / "a.db"), now=clock, embedder=None, data=shared) as one,
        open_memory(url=store_url(tmp_path / "b.db"), now=clock, embedder=None, data=shared) as two,
    ):
        one.retention.set(backup_retention_days=DAYS, backup_keep_last=1)
        theirs = backups(two, clock, 3)
        two.logs.add("kept")
        theirs.append(two.erase.logs().restore_point or "")
        mine = backups(one, clock, 3)
        clock.turn(days=100)
        report = one.backups.prune()

        assert report.deleted == tuple(mine[:2])
        assert names(one) == [*theirs, mine[2]]


def test_encrypted_copies_are_told_apart_without_the_passphrase(tmp_path: Path, clock: TurnableClock) -> None:
    url = store_url(tmp_path / "store.db")
    with open_memory(**same_store(url), now=clock, embedder=None, backup_passphrase="once") as memory:
        made = backups(memory, clock, 3)
    clock.turn(days=DAYS)
    with open_memory(**same_store(url), now=clock, embedder=None) as memory:
        memory.retention.set(backup_retention_days=DAYS, backup_keep_last=1)

        assert memory.backups.prune().deleted == tuple(made[:2])


def test_a_file_that_names_no_store_belongs_to_the_one_with_its_operation(
    memory: Memory, clock: TurnableClock, tmp_path: Path
) -> None:
    memory.logs.add("old")
    mine = memory.erase.logs().restore_point or ""
    folder = memory._points._folder.path
    assert folder is not None
    nobodys = "20200101T000000000Z-" + "0" * 32 + ".jsonl.gz"
    manifest, lines = memory._points.read(mine)
    from_before = memory._points.take(
        lines,
        scope=manifest.scope,
        target=None,
        reason="",
        actor="",
        at=manifest.created_at - 86_400_000,
        schema=2,
    )
    os.replace(from_before.path, folder / nobodys)
    shutil.copy(folder / nobodys, folder / mine)
    backups(memory, clock, 2)
    clock.turn(days=DAYS)

    assert memory.backups.prune().deleted == (mine,)
    assert nobodys in names(memory)


# -- the only copy of somebody who was erased --------------------------------------------------------------------------


def test_the_restore_point_of_an_erasure_is_copy_enough(memory: Memory, clock: TurnableClock) -> None:
    person(memory, "ana")
    made = backups(memory, clock, 1)
    clock.turn(days=DAYS)
    memory.erase.user("ana", reason="asked for")
    backups(memory, clock, LAST)

    assert memory.backups.prune().deleted == tuple(made)


def test_the_newest_old_copy_of_an_erased_user_stays_while_it_is_the_only_one(
    memory: Memory, clock: TurnableClock
) -> None:
    person(memory, "ana")
    made = backups(memory, clock, 3)
    clock.turn(days=DAYS)
    lost = erased(memory, "ana")
    later = backups(memory, clock, LAST)
    report = memory.backups.prune()

    assert report.deleted == tuple(made[:2])
    assert report.notes == (f"{made[2]} was kept: it may be the only copy of an erased user.",)
    assert names(memory) == [made[2], lost, *later]
    clock.turn(days=DAYS)
    assert made[2] in memory.backups.prune().deleted


def test_a_younger_copy_that_holds_them_is_enough(memory: Memory, clock: TurnableClock) -> None:
    person(memory, "ana")
    made = backups(memory, clock, 2)
    clock.turn(days=DAYS)
    young = backups(memory, clock, 1)
    erased(memory, "ana")
    backups(memory, clock, LAST)

    assert memory.backups.prune().deleted == tuple(made)
    assert young[0] in names(memory)


def test_somebody_who_is_back_needs_no_old_copy(memory: Memory, clock: TurnableClock) -> None:
    person(memory, "ana")
    made = backups(memory, clock, 1)
    clock.turn(days=DAYS)
    erased(memory, "ana")
    memory.users.save("ana")
    backups(memory, clock, LAST)

    assert memory.backups.prune().deleted == tuple(made)


def test_an_alias_of_another_user_counts_as_being_there(memory: Memory, clock: TurnableClock) -> None:
    person(memory, "ana")
    made = backups(memory, clock, 1)
    clock.turn(days=DAYS)
    erased(memory, "ana")
    memory.users.save("budi")
    memory.users.alias("budi", "ana")
    backups(memory, clock, LAST)

    assert memory.backups.prune().deleted == tuple(made)


def test_a_copy_that_holds_only_others_goes(memory: Memory, clock: TurnableClock) -> None:
    person(memory, "budi")
    made = backups(memory, clock, 1)
    person(memory, "ana")
    clock.turn(days=DAYS)
    erased(memory, "ana")
    backups(memory, clock, LAST)

    assert memory.backups.prune().deleted == tuple(made)


def test_when_everything_was_erased_and_its_restore_point_is_gone_old_copies_stay(
    memory: Memory, clock: TurnableClock
) -> None:
    person(memory, "ana")
    made = backups(memory, clock, 2)
    clock.turn(days=DAYS)
    name = memory.erase.everything(reason="moving").restore_point or ""
    damage(memory, name)
    backups(memory, clock, LAST)
    report = memory.backups.prune()

    assert report.deleted == ()
    assert len(report.notes) == 2
    assert set(made) <= set(names(memory))


def test_a_locked_copy_that_may_hold_them_stays(tmp_path: Path, clock: TurnableClock) -> None:
    url = store_url(tmp_path / "store.db")
    with open_memory(**same_store(url), now=clock, embedder=None, backup_passphrase="once") as memory:
        person(memory, "ana")
        made = backups(memory, clock, 1)
    clock.turn(days=DAYS)
    with open_memory(**same_store(url), now=clock, embedder=None) as memory:
        memory.retention.set(backup_retention_days=DAYS, backup_keep_last=LAST)
        erased(memory, "ana")
        backups(memory, clock, LAST)
        report = memory.backups.prune()

        assert report.deleted == ()
        assert "locked" in report.notes[0]
        assert made[0] in names(memory)


def test_a_store_that_is_off_keeps_its_copies(tmp_path: Path, clock: TurnableClock) -> None:
    url = store_url(tmp_path / "store.db")
    with open_memory(**same_store(url), now=clock, embedder=None) as memory:
        memory.retention.set(backup_retention_days=1, backup_keep_last=1)
        made = backups(memory, clock, 3, days=10)
    with open_memory(**same_store(url), now=clock, embedder=None, enabled=False) as memory:
        with pytest.raises(MemoryOff):
            memory.backups.prune()
        assert names(memory) == made


def test_restore_points_that_come_later_never_push_out_the_newest_backup(memory: Memory, clock: TurnableClock) -> None:
    old, newest = backups(memory, clock, 2)
    clock.turn(days=DAYS)
    for number in range(LAST + 1):
        person(memory, f"p{number}")
        memory.erase.user(f"p{number}")

    report = memory.backups.prune()

    assert report.deleted == (old,)
    assert report.notes == (f"{newest} was kept: it is the newest copy of the whole store.",)
    assert newest in names(memory)
