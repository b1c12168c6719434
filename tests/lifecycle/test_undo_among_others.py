"""Undo when more was done since: purges, restores, merges and people who went on talking."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingat.core.errors import OperationNotFound, RestorePointFailed, RestorePointMissing
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.engine import store_at
from tests.lifecycle.dump import truth


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def memory(clock: TurnableClock) -> Iterator[Memory]:
    with open_memory(embedder=None, now=clock) as made:
        yield made


def bad(memory: Memory) -> list[str]:
    return [check.name for check in memory.doctor() if check.state == "bad"]


def test_undo_and_redo_pass_over_what_was_about_a_purged_person_only(memory: Memory, clock: TurnableClock) -> None:
    memory.remember("ben", "likes milk")
    first = memory.erase.user("ben")
    for user in ("ana", "cem"):
        clock.turn(minutes=1)
        memory.remember(user, "likes tea")
        memory.erase.user(user)
    memory.undo()
    memory.purge("cem", reason="asked")
    memory.purge("ana", reason="asked")

    assert memory.undo().id == first.id
    assert [user.user_id for user in memory.users.list()] == ["ben"]
    assert memory.redo().reverts == first.id


def test_an_operation_that_lost_its_restore_point_says_why_when_it_is_named(memory: Memory) -> None:
    memory.remember("ana", "likes tea")
    done = memory.erase.user("ana")
    memory.purge("ana", reason="asked")

    with pytest.raises(RestorePointMissing, match="purged"):
        memory.undo(done.id)
    with pytest.raises(OperationNotFound):
        memory.undo()


def test_undo_passes_over_what_became_too_old(memory: Memory, clock: TurnableClock) -> None:
    memory.remember("ana", "likes tea")
    done = memory.erase.user("ana")
    memory.retention.set(backup_keep_last=1)
    clock.turn(days=31)
    memory.backups.create()
    memory.backups.prune()

    with pytest.raises(OperationNotFound):
        memory.undo()
    with pytest.raises(RestorePointMissing, match="too old"):
        memory.undo(done.id)


def test_redo_passes_over_a_restore_whose_undo_changed_nothing(memory: Memory, clock: TurnableClock) -> None:
    memory.remember("ben", "likes milk")
    erased = memory.erase.user("ben")
    memory.undo()
    memory.users.save("cem", name="Cem")
    name = memory.backups.create().name
    memory.erase.user("cem")
    clock.turn(minutes=1)
    memory.backups.restore(name)
    memory.users.save("cem", name="Can")
    memory.undo()  # the restored profile has changed since, and stays
    assert memory.users.get("cem").name == "Can"

    assert memory.redo().reverts == erased.id


def test_a_restored_log_entry_of_somebody_who_is_not_there_goes_when_it_is_undone(memory: Memory) -> None:
    memory.remember("ana", "likes tea")
    memory.logs.add("about her", user_id="ana")
    name = memory.backups.create().name
    memory.erase.logs()
    memory.erase.user("ana")
    memory.users.save("ben")
    before = truth(memory)

    memory.backups.restore(name, users=["ana"])
    memory.undo()

    assert truth(memory) == before


def test_of_two_who_were_merged_since_each_keeps_what_is_theirs_and_it_can_be_undone(memory: Memory) -> None:
    memory.users.save("ana", name="Ana", flags={"old": True})
    memory.users.alias("ana", "ana@mail.example")
    memory.users.save("ben", name="Ben", product="boiler")
    memory.users.alias("ben", "ben@mail.example")
    name = memory.backups.create().name
    for user in ("ana", "ben"):
        memory.erase.user(user)
        memory.users.save(user)
    memory.users.merge("ben", "ana")
    before = truth(memory)

    memory.backups.restore(name, prefer="backup")

    ana = memory.users.get("ana")
    assert (ana.name, ana.product, ana.flags) == ("Ana", "boiler", {"old": True})
    assert {"ana@mail.example", "ben@mail.example"} <= set(ana.aliases)
    memory.undo()
    assert truth(memory) == before


def test_a_session_that_came_back_and_changed_stays_as_it_is_and_gets_what_it_lacks(memory: Memory) -> None:
    memory.sessions.create("ana", id="talk")
    memory.sessions.append("talk", "user", "one")
    name = memory.backups.create().name
    memory.sessions.append("talk", "user", "two")
    memory.erase.session("talk")
    memory.backups.restore(name)
    memory.sessions.update("talk", name="a name")
    memory.sessions.append("talk", "user", "three")
    erased = memory.operations.list().items[1]

    done = memory.undo(erased.id)

    assert [each.content for each in memory.sessions.messages("talk", None)] == ["one", "three", "two"]
    assert memory.sessions.get("talk").name == "a name"
    assert any("stays as it is" in note for note in done.notes)
    assert any("behind" in note for note in done.notes)
    assert bad(memory) == []


def test_a_restored_user_goes_although_a_picture_was_there_without_them(memory: Memory, clock: TurnableClock) -> None:
    memory.users.save("ana", name="Ana")
    picture = memory.artifacts.save(io.BytesIO(b"a picture"), name="p", user_id="ana")
    erased = memory.erase.artifact(picture.id)
    name = memory.backups.create().name
    memory.erase.user("ana")
    memory.undo(erased.id)
    before = truth(memory)
    clock.turn(minutes=1)

    memory.backups.restore(name)
    assert memory.users.get("ana").name == "Ana"
    memory.undo()

    assert truth(memory) == before


def test_a_purge_is_refused_where_restore_points_cannot_be_looked_through(tmp_path: Path) -> None:
    with Memory(**store_at(tmp_path / "store.db"), embedder=None) as memory:
        memory.remember("ana", "likes tea")
        points = tmp_path / "store.db.data" / "restore-points"
        points.parent.mkdir(exist_ok=True)
        points.write_text("in the way")
        before = truth(memory)
        with pytest.raises(RestorePointFailed, match="cannot be looked through"):
            memory.purge("ana", reason="asked")
        assert truth(memory) == before
