"""Many users erased within a short time raise one alarm, counted over all processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingat.core.logs import LogEntry
from ingat.lifecycle.alert import MOST_USERS, WINDOW_MS, watch
from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.store.tables import audit
from ingat.testing import TurnableClock, open_memory
from tests.engine import same_store, store_url


def erase(memory: Memory, number: int, clock: TurnableClock, *, minutes: float = 0.1) -> None:
    """Erase so many users, one after another."""
    for n in range(number):
        name = f"user {clock()} {n}"
        memory.users.save(name)
        clock.turn(minutes=minutes)
        memory.erase.user(name)


def alarms(memory: Memory) -> list[LogEntry]:
    return [each for each in memory.logs.list(level="error").items if each.source == "alert"]


def test_ten_users_are_no_alarm(memory: Memory, clock: TurnableClock) -> None:
    erase(memory, MOST_USERS, clock)

    assert alarms(memory) == []
    assert (memory.stats().erasures.users, memory.stats().erasures.alerts) == (10, 0)


def test_the_eleventh_user_raises_the_alarm(memory: Memory, clock: TurnableClock) -> None:
    erase(memory, MOST_USERS + 1, clock)
    (entry,) = alarms(memory)

    assert (entry.level, entry.category, entry.at) == ("error", "cleanup", clock())
    assert entry.data == {"users": 11, "minutes": 10, "actor": "python"}
    assert "`ingat audit`" in entry.message
    assert (memory.stats().erasures.users, memory.stats().erasures.alerts) == (11, 1)


def test_a_burst_raises_it_once(memory: Memory, clock: TurnableClock) -> None:
    erase(memory, 4 * MOST_USERS, clock, minutes=0.5)

    assert len(alarms(memory)) == 1
    assert memory.stats().erasures.users == 40


def test_the_next_burst_raises_it_again(memory: Memory, clock: TurnableClock) -> None:
    erase(memory, MOST_USERS + 1, clock)
    clock.turn(minutes=11)
    erase(memory, MOST_USERS + 1, clock)

    assert (len(alarms(memory)), memory.stats().erasures.alerts) == (2, 2)


def test_users_who_go_slowly_raise_none(memory: Memory, clock: TurnableClock) -> None:
    erase(memory, 3 * MOST_USERS, clock, minutes=1.1)

    assert alarms(memory) == []


def test_everything_at_once_raises_it(memory: Memory) -> None:
    for n in range(MOST_USERS + 1):
        memory.users.save(f"user {n}")
    memory.erase.everything(reason="a new beginning")

    assert len(alarms(memory)) == 1


def test_what_is_not_kept_raises_none(memory: Memory, clock: TurnableClock) -> None:
    def fail(tx: Tx) -> None:
        audit.append(tx, clock(), "erase", "everything", counts={"user": 50})
        watch(tx, clock(), 50)
        raise LookupError

    with pytest.raises(LookupError):
        memory.store.write(fail)

    assert alarms(memory) == []
    assert memory.stats().erasures.users == 0


def test_users_purged_count_too(memory: Memory, clock: TurnableClock) -> None:
    def purge(tx: Tx) -> None:
        audit.append(tx, clock(), "purge", "user", counts={"user": 1})
        watch(tx, clock(), 1)

    for _ in range(MOST_USERS + 1):
        memory.store.write(purge)

    assert len(alarms(memory)) == 1


def test_other_rows_do_not_count(memory: Memory, clock: TurnableClock) -> None:
    for _ in range(MOST_USERS + 1):
        memory.erase.session(memory.sessions.create("ana").id)

    assert alarms(memory) == []


def test_two_processes_count_together(tmp_path: Path, clock: TurnableClock) -> None:
    url = store_url(tmp_path / "store.db")
    with (
        open_memory(**same_store(url), now=clock, embedder=None) as one,
        open_memory(**same_store(url), now=clock, embedder=None) as other,
    ):
        erase(one, 6, clock)
        erase(other, 5, clock)

        assert len(alarms(one)) == 1
        assert one.stats().erasures == other.stats().erasures


def test_the_window_is_ten_minutes(memory: Memory, clock: TurnableClock) -> None:
    erase(memory, MOST_USERS, clock, minutes=0)
    clock.turn(milliseconds=WINDOW_MS + 1)
    erase(memory, 1, clock, minutes=0)

    assert alarms(memory) == []
