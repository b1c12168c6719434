"""The retention policy: defaults, changes that are all or nothing, and its history."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from ingat.core.actor import acting_as
from ingat.core.errors import InvalidInput, InvalidLimit, InvalidSettings
from ingat.core.policy import RetentionPolicy
from ingat.memory import Memory
from ingat.testing import TurnableClock
from tests.engine import same_store, store_at, store_url

NUMBERS = [name for name in RetentionPolicy.__struct_fields__ if name != "auto_archive_sessions"]


def test_the_defaults_hold_until_something_is_set(memory: Memory) -> None:
    policy = memory.retention.get()

    assert policy == RetentionPolicy()
    assert (policy.log_retention_days, policy.max_log_entries, policy.session_retention_days) == (7, 10_000, 30)
    assert (policy.max_sessions, policy.auto_archive_sessions, policy.cleanup_frequency_hours) == (100, True, 24)
    assert (policy.session_timeout_hours, policy.backup_retention_days, policy.backup_keep_last) == (24, 30, 10)
    assert policy.audit_retention_days == 365


def test_only_what_is_given_changes(memory: Memory) -> None:
    memory.retention.set(log_retention_days=14)
    after = memory.retention.set(auto_archive_sessions=False)

    assert after == RetentionPolicy(log_retention_days=14, auto_archive_sessions=False) == memory.retention.get()


def test_a_policy_outlives_the_process(tmp_path: Path) -> None:
    with Memory(**store_at(tmp_path / "a.db"), embedder="none") as memory:
        memory.retention.set(max_sessions=7)
    with Memory(**store_at(tmp_path / "a.db"), embedder="none") as memory:
        assert memory.retention.get().max_sessions == 7


@pytest.mark.parametrize("value", [0, -1, True, 10**12, 10**5_000, 1.5, "7", None], ids=range(8))
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_cannot_be_meant_is_refused_by_name(memory: Memory, name: str, value: Any) -> None:
    with pytest.raises(InvalidSettings, match=f"retention.{name} must be a whole number from 1 to") as caught:
        memory.retention.set(**{name: value})

    assert caught.value.details == {"field": name}
    assert "Nothing was changed." in caught.value.message
    assert memory.retention.get() == RetentionPolicy()


@pytest.mark.parametrize("value", [0, 1, "yes", None], ids=repr)
def test_a_switch_is_true_or_false(memory: Memory, value: Any) -> None:
    with pytest.raises(InvalidSettings, match="auto_archive_sessions must be true or false"):
        memory.retention.set(auto_archive_sessions=value)


def test_one_wrong_field_changes_none(memory: Memory) -> None:
    memory.retention.set(max_sessions=50)

    with pytest.raises(InvalidSettings):
        memory.retention.set(max_sessions=60, log_retention_days=-1)

    assert memory.retention.get() == RetentionPolicy(max_sessions=50)
    assert len(memory.retention.history().items) == 1


def test_the_history_tells_who_set_what_and_when(memory: Memory, clock: TurnableClock) -> None:
    memory.retention.set(max_sessions=50)
    then = clock.turn(hours=1)
    with acting_as("key:abc"):
        memory.retention.set(max_sessions=60)

    newest, first = memory.retention.history()
    assert (newest.number, newest.actor, newest.changed_at, newest.policy.max_sessions) == (2, "key:abc", then, 60)
    assert (first.number, first.actor, first.policy.max_sessions) == (1, "python", 50)


def test_a_change_that_changes_nothing_is_not_recorded(memory: Memory) -> None:
    memory.retention.set()
    memory.retention.set(max_sessions=100)

    assert memory.retention.history().items == ()


def test_the_history_is_paged(memory: Memory) -> None:
    for number in range(1, 6):
        memory.retention.set(max_sessions=number)

    first = memory.retention.history(limit=2)
    second = memory.retention.history(limit=2, cursor=first.next)
    last = memory.retention.history(limit=2, cursor=second.next)

    assert [each.policy.max_sessions for page in (first, second, last) for each in page] == [5, 4, 3, 2, 1]
    assert last.next is None


def test_bounds_of_a_page_are_checked(memory: Memory) -> None:
    with pytest.raises(InvalidLimit):
        memory.retention.history(limit=0)
    with pytest.raises(InvalidInput):
        memory.retention.history(cursor=memory.sessions.list().next or "nonsense")


def test_two_who_change_different_fields_at_once_both_get_theirs(tmp_path: Path) -> None:
    url = store_url(tmp_path / "a.db")
    with Memory(**same_store(url), embedder=None) as first, Memory(**same_store(url), embedder=None) as second:
        together = threading.Barrier(2)

        def change(memory: Memory, name: str) -> None:
            together.wait()
            for value in range(1, 21):
                memory.retention.set(**{name: value})  # type: ignore[arg-type]  # the names of numbers

        threads = [
            threading.Thread(target=change, args=(first, "max_sessions")),
            threading.Thread(target=change, args=(second, "log_retention_days")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        policy = first.retention.get()
        assert (policy.max_sessions, policy.log_retention_days) == (20, 20)
        assert [each.number for each in second.retention.history(limit=100)] == list(range(40, 0, -1))
