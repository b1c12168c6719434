"""Retention archives, compresses and prunes by the policy; it deletes nothing that was said, and leaves a way back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import RestorePointFailed, StoreBusy, StoreError, StoreFull
from ingat.core.reports import RetainReport
from ingat.lifecycle import prune, retain
from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.store.tables import archive, expiry, logs, operations, settings, transcripts
from ingat.store.tables.archive import START
from ingat.testing import TurnableClock, open_memory
from tests.engine import contents, store_at
from tests.lifecycle.kept import closed, log, messages_of_logs, nothing, numbers, policy, state, talk


@pytest.fixture
def memory(tmp_path: Path, clock: TurnableClock) -> Iterator[Memory]:
    with open_memory(**store_at(tmp_path / "store.db"), now=clock, embedder=None) as opened:
        yield opened


# -- archiving by age --------------------------------------------------------------------------------------------------


def test_sessions_without_a_message_for_long_are_archived_and_others_are_not(
    memory: Memory, clock: TurnableClock
) -> None:
    old = closed(memory)
    clock.turn(days=1)
    young = closed(memory)
    clock.turn(days=29, milliseconds=1)
    report = memory.retain()

    assert (state(memory, old), state(memory, young)) == ("archived", "closed")
    assert (report.sessions_archived, report.sessions_archived_by_age, report.sessions_deleted) == (1, 1, 0)
    assert memory.sessions.get(old).archived_at == clock()


def test_a_session_exactly_as_old_as_the_policy_says_stays(memory: Memory, clock: TurnableClock) -> None:
    session_id = closed(memory)
    clock.turn(days=30)

    assert memory.retain().sessions_archived == 0
    assert state(memory, session_id) == "closed"


def test_an_active_session_is_closed_first_and_its_summary_follows(memory: Memory, clock: TurnableClock) -> None:
    session_id, empty = talk(memory), memory.sessions.create("ana").id
    clock.turn(days=31)
    assert memory.retain().sessions_archived_by_age == 2

    session = memory.sessions.get(session_id)
    assert (session.state, session.closed_at) == ("archived", clock())
    ended = memory.store.read(lambda tx: [expiry.get(tx, each) for each in (session_id, empty)])
    assert ended[0] is not None
    assert ended[1] is not None
    assert (ended[0].cause, ended[0].done_at, ended[1].done_at) == ("expired", None, clock())
    memory.expire()
    assert [item.session_id for item in memory.memories.list("ana", kind="summary")] == [session_id]
    assert state(memory, session_id) == "archived"


def test_a_session_within_its_timeout_is_not_archived_however_short_the_retention(
    memory: Memory, clock: TurnableClock
) -> None:
    policy(memory, session_retention_days=1, session_timeout_hours=72, max_sessions=1)
    active, ended = talk(memory), closed(memory)
    clock.turn(hours=70)
    memory.retain()

    assert (state(memory, active), state(memory, ended)) == ("active", "closed")


def test_with_auto_archive_off_nothing_is_archived(memory: Memory, clock: TurnableClock) -> None:
    policy(memory, auto_archive_sessions=False, max_sessions=1)
    sessions = [closed(memory), talk(memory), closed(memory)]
    clock.turn(days=400)
    report = memory.retain()

    assert report.sessions_archived == 0
    assert [state(memory, each) for each in sessions] == ["closed", "active", "closed"]


def test_what_was_said_in_an_archived_session_stays_readable_and_recallable(
    memory: Memory, clock: TurnableClock
) -> None:
    session_id = memory.sessions.create("ana").id
    memory.sessions.append(session_id, "user", "My dog Bruno is allergic to chicken.")
    clock.turn(days=100)
    memory.retain()
    clock.turn(days=100)
    memory.retain()

    assert memory.sessions.messages(session_id)[0].content == "My dog Bruno is allergic to chicken."
    assert memory.recall("ana", "Bruno").hits[0].text == "My dog Bruno is allergic to chicken."


# -- archiving by number -----------------------------------------------------------------------------------------------


def test_beyond_the_number_the_closed_sessions_used_longest_ago_are_archived(
    memory: Memory, clock: TurnableClock
) -> None:
    policy(memory, max_sessions=3)
    sessions = []
    for _ in range(5):
        sessions.append(closed(memory))
        clock.turn(hours=1)
    clock.turn(days=2)
    report = memory.retain()

    assert [state(memory, each) for each in sessions] == ["archived"] * 2 + ["closed"] * 3
    assert (report.sessions_archived_by_number, report.sessions_archived, report.notes) == (2, 2, ())


def test_active_sessions_and_those_used_lately_are_never_archived_for_their_number(
    memory: Memory, clock: TurnableClock
) -> None:
    policy(memory, max_sessions=1)
    active = talk(memory)
    clock.turn(days=2)
    old = closed(memory)
    clock.turn(hours=24)
    lately = closed(memory)
    clock.turn(milliseconds=1)
    report = memory.retain()

    assert [state(memory, each) for each in (active, old, lately)] == ["active", "archived", "closed"]
    assert report.notes == (
        "1 more than max_sessions (1) are not archived, because they are active or had a message within 24 hours.",
    )
    assert report.failed == ()


def test_the_policy_of_a_hundred_sessions_deletes_none_of_a_hundred_and_three(
    memory: Memory, clock: TurnableClock
) -> None:
    """The original deleted three, with their messages, without a copy."""
    sessions = [closed(memory, f"user-{number}") for number in range(103)]
    clock.turn(days=2)
    report = memory.retain()

    assert (report.sessions_archived_by_number, report.sessions_deleted) == (3, 0)
    assert all(memory.sessions.messages(each) for each in sessions)


# -- what goes wrong ---------------------------------------------------------------------------------------------------


def test_one_session_that_cannot_be_archived_does_not_stop_the_others(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = [closed(memory) for _ in range(5)]
    clock.turn(days=31)
    bad, original = sessions[2], archive.archive

    def failing(tx: Tx, user_id: str, session_id: str, before: int, now: int) -> bool:
        if session_id == bad:
            raise StoreError("This one is broken.")
        return original(tx, user_id, session_id, before, now)

    monkeypatch.setattr(archive, "archive", failing)
    report = memory.retain()

    assert [state(memory, each) for each in sessions].count("archived") == 4
    assert state(memory, bad) == "closed"
    assert report.sessions_archived_by_age == 4
    assert [(each.id, each.code, each.message) for each in report.failed] == [
        (bad, "store_error", "This one is broken.")
    ]


def test_one_transcript_that_cannot_be_compressed_does_not_stop_the_others(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = [closed(memory, lines=100) for _ in range(3)]
    for each in sessions:
        memory.sessions.archive(each)
    clock.turn(days=31)
    original = transcripts.put

    def failing(tx: Tx, user_id: str, session_id: str, parts: Any) -> None:
        if session_id == sessions[0]:
            raise StoreBusy("Another process holds the lock.")
        original(tx, user_id, session_id, parts)

    with monkeypatch.context() as patch:
        patch.setattr(transcripts, "put", failing)
        report = memory.retain()

    assert (report.transcripts_compressed, [each.id for each in report.failed]) == (2, [sessions[0]])
    assert memory.retain().transcripts_compressed == 1


def test_a_store_that_takes_nothing_is_not_asked_again_for_every_session(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(40):
        closed(memory)
    clock.turn(days=31)

    def failing(*arguments: Any) -> bool:
        raise StoreFull("The disk is full. Nothing was kept.")

    with monkeypatch.context() as patch:
        patch.setattr(archive, "archive", failing)
        report = memory.retain()

    assert {each.code for each in report.failed} == {"store_full"}
    assert 0 < len(report.failed) <= 20
    assert memory.retain().sessions_archived == 40


def test_the_session_of_a_blocked_user_is_archived_without_a_summary(memory: Memory, clock: TurnableClock) -> None:
    session_id = talk(memory)
    memory.users.save("ana", role="blocked")
    clock.turn(days=31)
    memory.retain()
    memory.expire()

    assert state(memory, session_id) == "archived"
    assert memory.memories.list("ana").items == ()


def test_sessions_that_a_pass_closes_are_logged_as_operators_look_for_it(
    memory: Memory, clock: TurnableClock, caplog: pytest.LogCaptureFixture
) -> None:
    talk(memory)
    closed(memory)
    clock.turn(days=31)
    with caplog.at_level("INFO", "ingat"):
        memory.retain()

    assert caplog.messages.count("Session expired, transferring to long-term memory") == 1


def test_without_a_restore_point_nothing_is_deleted_and_the_rest_is_done(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(memory, 5)
    session_id = closed(memory)
    clock.turn(days=31)

    def failing(*arguments: Any, **named: Any) -> None:
        raise RestorePointFailed("No restore point could be made. Nothing was deleted.")

    monkeypatch.setattr(memory._points, "write", failing)
    report = memory.retain()

    assert state(memory, session_id) == "archived"
    assert [(each.id, each.code) for each in report.failed] == [("logs", "restore_point_failed")]
    assert (report.logs_deleted, len(messages_of_logs(memory))) == (0, 5)


# -- the pass as a whole -----------------------------------------------------------------------------------------------


def fill(memory: Memory, clock: TurnableClock) -> None:
    """Put something for every step into the memory."""
    policy(memory, max_sessions=3, max_auto_snapshots=1, backup_keep_last=1, audit_retention_days=60)
    log(memory, 3, "first")
    long_ago = closed(memory, lines=200)
    clock.turn(days=8)
    memory.retain()
    log(memory, 3, "second")
    memory.sessions.archive(long_ago)
    talk(memory)
    clock.turn(days=31)
    memory.retain()
    clock.turn(days=31)
    memory.sessions.unarchive(long_ago)
    memory.sessions.archive(long_ago)
    memory.sessions.archive(closed(memory, lines=100))
    clock.turn(days=31)
    for number in range(6):
        closed(memory, lines=number)
        talk(memory, lines=number)
        clock.turn(minutes=1)
    for number in range(3):
        memory.snapshots.save("auto", {"n": number}, is_auto=True)
    log(memory, 20)
    clock.turn(days=29)
    for _ in range(6):
        closed(memory)
        clock.turn(days=1)
    closed(memory, lines=5)


def test_a_dry_run_foresees_the_numbers_and_changes_nothing(memory: Memory, clock: TurnableClock) -> None:
    fill(memory, clock)
    before = dump(memory)
    foreseen = memory.retain(dry_run=True)

    assert dump(memory) == before
    report = memory.retain()
    assert numbers(foreseen) == numbers(report)
    assert (foreseen.dry_run, report.dry_run) == (True, False)
    assert foreseen.operations == ()
    assert foreseen.space_freed_bytes > 0
    assert min(report.sessions_archived_by_age, report.sessions_archived_by_number, report.logs_deleted) > 0
    assert (
        min(
            report.transcripts_compressed,
            report.snapshots_deleted,
            report.restore_points_deleted,
            report.operations_dropped,
        )
        > 0
    )


def dump(memory: Memory) -> list[Any]:
    return [memory.store.read(contents), memory._points.list()]


def test_a_second_pass_changes_nothing(memory: Memory, clock: TurnableClock) -> None:
    fill(memory, clock)
    memory.retain()
    before = dump(memory)
    assert nothing(memory.retain())

    assert dump(memory) == before


def test_the_space_that_was_freed_is_measured(memory: Memory, clock: TurnableClock) -> None:
    log(memory, 5_000)
    clock.turn(days=8)
    used = memory.store.used_bytes()
    report = memory.retain()

    assert report.space_freed_bytes > 500_000
    assert abs(used - memory.store.used_bytes() - report.space_freed_bytes) < 50_000


def test_the_report_says_when_it_ran_and_when_it_runs_next(memory: Memory, clock: TurnableClock) -> None:
    policy(memory, cleanup_frequency_hours=6)
    report = memory.retain()

    assert (report.last_cleanup, report.next_cleanup) == (clock(), clock() + 6 * 3_600_000)
    assert memory.store.read(lambda tx: settings.get(tx, retain.LAST_CLEANUP)) == str(clock())


def test_the_first_fields_are_those_of_the_original() -> None:
    assert RetainReport.__struct_fields__[:6] == (
        "logs_deleted",
        "sessions_archived",
        "sessions_deleted",
        "space_freed_bytes",
        "last_cleanup",
        "next_cleanup",
    )


def at_once(*works: Callable[[], Any]) -> list[Any]:
    start, results = threading.Barrier(len(works)), [None] * len(works)
    errors: list[BaseException] = []

    def run(place: int) -> None:
        start.wait(30)
        try:
            results[place] = works[place]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    return results


def test_passes_at_once_of_two_processes_do_each_thing_once(
    memory: Memory, clock: TurnableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retain, "BATCH", 7)
    monkeypatch.setattr(prune, "LOGS_A_POINT", 50)
    monkeypatch.setattr(prune, "LOGS_A_WRITE", 20)
    policy(memory, max_sessions=10)
    for number in range(60):
        closed(memory, f"user-{number % 5}", lines=3)
        if number == 30:
            clock.turn(days=40)
        clock.turn(minutes=1)
    log(memory, 20)
    clock.turn(days=8)
    log(memory, 200, "due")
    clock.turn(days=8)
    with open_memory(**store_at(tmp_path / "store.db"), now=clock, embedder=None) as other:
        reports = at_once(memory.retain, other.retain, memory.retain)

    assert sum(each.sessions_archived for each in reports) == 50
    assert sum(each.logs_deleted for each in reports) == 220
    assert [each.failed for each in reports] == [(), (), ()]
    assert messages_of_logs(memory) == []
    assert [check.name for check in memory.doctor() if check.state == "bad"] == []


def test_messages_that_come_meanwhile_are_all_there(memory: Memory, clock: TurnableClock) -> None:
    policy(memory, max_sessions=1)
    for _ in range(50):
        closed(memory)
    clock.turn(days=31)
    live = [memory.sessions.create(f"user-{number}").id for number in range(4)]
    log(memory, 50)

    def say(session_id: str) -> None:
        for number in range(40):
            memory.sessions.append(session_id, "user", f"line {number}")

    def archive_and_compress() -> None:
        for _ in range(5):
            memory.retain()

    at_once(archive_and_compress, memory.expire, *[lambda each=each: say(each) for each in live])

    for each in live:
        assert [message.content for message in memory.sessions.messages(each)] == [f"line {n}" for n in range(40)]
        assert state(memory, each) == "active"
    assert [check.name for check in memory.doctor() if check.state == "bad"] == []


# -- what it costs -----------------------------------------------------------------------------------------------------


class Explaining:
    """A transaction that notes how the engine would look for the rows."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.plans: list[str] = []

    def all(self, sql: str, args: Any = ()) -> Any:
        """Note the plan of a query, and run it."""
        self.plans.append(str(self._tx.all(f"EXPLAIN QUERY PLAN {sql}", args)))
        return self._tx.all(sql, args)

    def one(self, sql: str, args: Any = ()) -> Any:
        """Note the plan of a query, and run it."""
        self.plans.append(str(self._tx.all(f"EXPLAIN QUERY PLAN {sql}", args)))
        return self._tx.one(sql, args)


LOOKS: dict[str, Callable[[Any], Any]] = {
    "idle": lambda tx: archive.idle(tx, "closed", 1, 10, after=START),
    "count idle": lambda tx: archive.count_idle(tx, "active", 1, since=0),
    "count open": archive.count_open,
    "old operations": lambda tx: operations.older(tx, 1, (-1, ""), 10),
    "old logs": lambda tx: logs.count_oldest(tx, before=1),
}


@pytest.mark.sqlite_only("asks SQLite how it would look")
@pytest.mark.parametrize("name", LOOKS)
def test_what_is_due_is_found_by_an_index(memory: Memory, name: str) -> None:
    def look(tx: Tx) -> list[str]:
        explaining = Explaining(tx)
        LOOKS[name](explaining)
        return explaining.plans

    for plan in memory.store.read(look):
        assert "SEARCH" in plan
        assert "SCAN" not in plan
        assert "TEMP B-TREE" not in plan


def test_a_session_that_was_brought_back_is_not_put_away_again_at_once(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.create("ana")
    memory.sessions.archive(session.id)
    clock.turn(days=60)
    memory.sessions.unarchive(session.id)
    memory.retention.set(max_sessions=1)
    memory.sessions.close(memory.sessions.create("ben").id)

    assert memory.retain(dry_run=True).sessions_archived == 0
    assert memory.retain().sessions_archived == 0
    clock.turn(days=31)
    memory.retain()
    assert memory.sessions.get(session.id).state == "archived"
