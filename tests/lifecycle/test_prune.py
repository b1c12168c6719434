"""What the policy lets go is deleted after a restore point, in batches, and comes back by undo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import StoreError
from ingat.lifecycle import prune
from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.store.tables import logs
from ingat.testing import TurnableClock, open_memory
from tests.engine import store_at, store_url
from tests.lifecycle.kept import closed, log, messages_of_logs, nothing, policy


@pytest.fixture
def memory(tmp_path: Path, clock: TurnableClock) -> Iterator[Memory]:
    with open_memory(**store_at(tmp_path / "store.db"), now=clock, embedder=None) as opened:
        yield opened


# -- logs --------------------------------------------------------------------------------------------------------------


def test_log_entries_older_than_the_policy_go_and_can_be_brought_back(memory: Memory, clock: TurnableClock) -> None:
    log(memory, 3, "old")
    clock.turn(days=7, milliseconds=1)
    log(memory, 2, "new")
    report = memory.retain()

    assert report.logs_deleted == 3
    assert sorted(messages_of_logs(memory)) == ["new 0", "new 1"]
    (operation_id,) = report.operations
    operation = memory.operations.get(operation_id)
    assert (operation.kind, operation.scope, operation.counts, operation.reason) == (
        "retain",
        "logs",
        {"log": 3},
        "the retention policy",
    )
    memory.undo(operation_id)
    assert len(messages_of_logs(memory)) == 5


def test_entries_beyond_the_number_go_oldest_first(memory: Memory, clock: TurnableClock) -> None:
    policy(memory, max_log_entries=10)
    for _ in range(158):
        clock.turn(seconds=1)
        log(memory, 1, str(clock()))
    report = memory.retain()

    kept = [entry.at for entry in memory.logs.list(limit=100)]
    assert len(kept) == 10
    assert min(kept) > clock() - 10_000
    assert report.logs_deleted == 149
    assert nothing(memory.retain())


def test_many_entries_go_in_several_restore_points_and_transactions(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "LOGS_A_POINT", 100)
    monkeypatch.setattr(prune, "LOGS_A_WRITE", 30)
    log(memory, 250)
    clock.turn(days=8)
    report = memory.retain()

    assert (report.logs_deleted, len(report.operations)) == (250, 3)
    assert [memory.operations.get(each).counts["log"] for each in report.operations] == [100, 100, 50]
    for each in report.operations:
        memory.undo(each)
    assert len(messages_of_logs(memory)) == 250


def test_what_was_deleted_before_an_error_is_counted_and_the_next_pass_goes_on(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "LOGS_A_WRITE", 30)
    log(memory, 100)
    clock.turn(days=8)
    original, calls = logs.delete, []

    def failing(tx: Tx, seqs: Any) -> int:
        calls.append(len(seqs))
        if len(calls) == 3:
            raise StoreError("The disk is full.")
        return original(tx, seqs)

    with monkeypatch.context() as patch:
        patch.setattr(logs, "delete", failing)
        report = memory.retain()

    assert report.logs_deleted == 60
    assert len(report.failed) == 1
    assert len(messages_of_logs(memory)) == 40
    assert memory.retain().logs_deleted == 40


def test_a_pass_says_in_the_log_what_it_did_in_numbers_only(memory: Memory, clock: TurnableClock) -> None:
    closed(memory, user="secret-person")
    clock.turn(days=31)
    memory.retain()

    (entry,) = [entry for entry in memory.logs.list() if entry.category == "cleanup"]
    assert (entry.level, entry.source) == ("info", "retain")
    assert entry.message == "Retention: sessions archived by age 1"
    assert entry.data == {"sessions_archived_by_age": 1, "failed": 0}


# -- snapshots ---------------------------------------------------------------------------------------------------------


def test_automatic_snapshots_beyond_the_newest_of_each_user_go_and_manual_ones_stay(
    memory: Memory, clock: TurnableClock
) -> None:
    policy(memory, max_auto_snapshots=2)
    for number in range(4):
        clock.turn(seconds=1)
        memory.snapshots.save("auto", {"n": number}, is_auto=True, user_id="ana")
        memory.snapshots.save("mine", {"n": number}, user_id="ana")
    memory.snapshots.save("auto", {"n": 0}, is_auto=True, user_id="budi")
    report = memory.retain()

    assert report.snapshots_deleted == 2
    assert [each.version for each in memory.snapshots.list(user_id="ana", is_auto=True)] == [4, 3]
    assert len(memory.snapshots.list(user_id="ana", is_auto=False)) == 4
    assert len(memory.snapshots.list(user_id="budi")) == 1
    (operation_id,) = report.operations
    memory.undo(operation_id)
    assert len(memory.snapshots.list(user_id="ana", is_auto=True)) == 4


def test_many_snapshots_go_in_several_restore_points(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "SNAPSHOTS_A_POINT", 2)
    policy(memory, max_auto_snapshots=1)
    for number in range(6):
        memory.snapshots.save("auto", {"n": number}, is_auto=True)
    report = memory.retain()

    assert (report.snapshots_deleted, len(report.operations)) == (5, 3)


# -- restore points and operations -------------------------------------------------------------------------------------


def test_old_restore_points_go_but_never_the_newest(memory: Memory, clock: TurnableClock) -> None:
    policy(memory, backup_keep_last=2, backup_retention_days=30)
    for _ in range(3):
        log(memory, 1)
        clock.turn(days=8)
        memory.retain()
    first, second, third = memory._points.list()
    clock.turn(days=100)
    report = memory.retain()

    kept = [point.name for point in memory._points.list()]
    assert report.restore_points_deleted == 2
    assert not {first.name, second.name} & set(kept)
    assert kept[0] == third.name
    assert len(kept) == 2  # this pass took one more


def test_restore_points_younger_than_the_policy_stay(memory: Memory, clock: TurnableClock) -> None:
    policy(memory, backup_keep_last=1)
    for _ in range(3):
        log(memory, 1)
        clock.turn(days=8)
        memory.retain()

    assert memory.retain().restore_points_deleted == 0
    assert len(memory._points.list()) == 3


def test_old_operations_without_restore_point_are_dropped_and_those_with_one_stay(
    memory: Memory, clock: TurnableClock
) -> None:
    policy(memory, backup_keep_last=1, audit_retention_days=100)
    for _ in range(3):
        log(memory, 1)
        clock.turn(days=8)
        memory.retain()
    assert len(memory.operations.list()) == 3
    clock.turn(days=101)
    report = memory.retain()

    there = {point.name for point in memory._points.list()}
    assert report.operations_dropped == 3
    assert {each.restore_point for each in memory.operations.list()} == there
    assert len(there) == 1


def test_a_restore_point_that_cannot_be_deleted_is_reported_and_stays(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(memory, backup_keep_last=1)
    for _ in range(3):
        log(memory, 1)
        clock.turn(days=31)
        memory.retain()

    def failing(name: str) -> bool:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(memory._points, "delete", failing)
    clock.turn(days=31)
    report = memory.retain()

    assert report.restore_points_deleted == 0
    assert {each.code for each in report.failed} == {"restore_point_failed"}


def test_restore_points_of_another_store_in_the_same_folder_stay(tmp_path: Path, clock: TurnableClock) -> None:
    def opened(name: str) -> Memory:
        return Memory(store_url(tmp_path / f"{name}.db"), data=str(tmp_path / "data"), now=clock, embedder=None)

    with opened("one") as one, opened("two") as two:
        kept = two.erase.session(two.sessions.create("ana").id)
        for _ in range(2):
            one.erase.session(one.sessions.create("ana").id)
            clock.turn(days=1)
        policy(one, backup_keep_last=1)
        clock.turn(days=40)
        report = one.retain()

        assert report.restore_points_deleted == 1
        assert two.undo(kept.id).undone_at == clock()
