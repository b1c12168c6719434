"""Touched: whoever's rows an act took away, put back or replaced finds it in the audit trail, and nobody else does."""

from __future__ import annotations

import io

import pytest

from ingat.core.errors import ProtectedUser
from ingat.memory import Memory
from ingat.testing import TurnableClock
from tests.lifecycle.carried import exported
from tests.lifecycle.restoring import bring, copied, held


def found(memory: Memory, user_id: str) -> list[str]:
    """Return what was done to somebody, oldest first, copies aside."""
    return [
        each.action for each in reversed(memory.audit.list(user_id=user_id).items) if each.action != "users.protect"
    ]


def test_a_restore_of_several_people_its_undo_and_its_redo_are_found_by_each(full: Memory, other: Memory) -> None:
    bring(other, copied(full))
    other.undo(force=True)
    other.redo()

    for name in ("ana", "628111222333@c.us", "ben"):
        assert found(other, name) == ["restore", "undo", "restore"]
    assert found(other, "caro") == []
    assert not other.audit.knows("caro")
    assert other.audit.verify().whole


def test_an_import_is_found_by_each_whose_rows_came_in(full: Memory, other: Memory) -> None:
    raw = exported(full)
    other.import_from(io.BytesIO(raw))
    other.import_from(io.BytesIO(raw))

    assert found(other, "ana") == found(other, "ben") == ["import"]


def test_snapshots_that_retention_deletes_are_found_by_those_whose_they_were(
    memory: Memory, clock: TurnableClock
) -> None:
    for name in ("ana", "ben", "caro"):
        memory.users.save(name)
    for name in ("ana", "ben"):
        for number in range(3):
            memory.snapshots.save("state", state={"n": number}, user_id=name, is_auto=True)
            clock.turn(minutes=1)
    memory.retention.set(max_auto_snapshots=1)
    clock.turn(days=40)
    memory.retain()

    assert "retain" in found(memory, "ana")
    assert "retain" in found(memory, "ben")
    assert "retain" not in found(memory, "caro")


def test_undoing_everything_names_only_those_who_come_back(memory: Memory) -> None:
    memory.users.save("solo")
    operation = memory.erase.everything(reason="a test")
    memory.users.save("later")
    memory.undo(operation.id)

    assert found(memory, "solo") == ["erase", "undo"]
    assert found(memory, "later") == ["erase"]


def test_undoing_a_restore_does_not_take_away_who_is_protected_by_then(full: Memory, other: Memory) -> None:
    bring(other, copied(full))
    before = held(other)

    with pytest.raises(ProtectedUser, match=r"'ana', who is protected \(protected\)") as caught:
        other.undo()

    assert caught.value.details["user_id"] == "ana"
    assert held(other) == before
    assert other.undo(force=True).undone_at is not None
    assert other.users.list().items == ()


def test_a_flag_protects_from_an_undo_too(full: Memory, other: Memory) -> None:
    full.users.protect("ana", False)
    bring(other, copied(full))
    other.users.save("ben", flags={"sop_pending": "refund"})
    other.users.protect("ana", False)
    other.sessions.create("ben", id="own")

    with pytest.raises(ProtectedUser, match=r"flags\.sop_pending"):
        other.undo()


def test_counts_of_a_restore_are_the_rows_that_it_changed_by_kind(full: Memory) -> None:
    raw = copied(full)
    full.users.save("ben", name="Somebody else")

    operation = bring(full, raw, prefer="backup").operation

    assert operation is not None
    assert operation.counts == {"user": 1}
    undone = full.undo()
    assert (undone.taken_away, undone.put_back) == ({}, {"user": 1})


def test_undoing_a_restore_tells_what_it_took_away(full: Memory, other: Memory) -> None:
    report = bring(other, copied(full))
    assert report.operation is not None
    assert "added" not in report.operation.counts
    assert report.operation.counts["user"] == report.added["user"] == 2

    undone = other.undo(force=True)

    assert undone.taken_away["user"] == 2
    assert undone.taken_away["message"] == 3
    assert undone.put_back == {}
    assert other.redo().put_back["user"] == 2


def test_undoing_an_erasure_tells_what_came_back(full: Memory) -> None:
    operation = full.erase.session("letter")
    full.users.save("ben", name="Ben")

    undone = full.undo(operation.id)

    assert undone.put_back == operation.counts == {"session": 1, "message": 1}
    assert undone.taken_away == {}


def test_no_copy_says_that_it_holds_rows_of_the_kind_added(full: Memory, other: Memory) -> None:
    bring(other, copied(full))

    assert all("added" not in each.counts for each in other.backups.list().items)
