"""Erase: a verified restore point first, then exactly the rows that are in it, then the record of the operation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ingat.core.actor import acting_as
from ingat.core.errors import (
    Conflict,
    ContentTooLong,
    InvalidInput,
    ProtectedUser,
    RestorePointFailed,
    SessionNotFound,
    SnapshotNotFound,
    StoreFull,
)
from ingat.core.logs import NewLog
from ingat.core.records import MemoryItem, Session
from ingat.core.reports import Operation
from ingat.lifecycle.cut import Cut
from ingat.lifecycle.erase import MOST_TRIES, erase_rows
from ingat.lifecycle.restorepoints import Line
from ingat.lifecycle.scopes import LOGS_IN_ONE_DELETE
from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.store.tables.removal import Doomed
from ingat.testing import TurnableClock, filled_memory
from tests.engine import store_at
from tests.lifecycle.dump import index, truth


@pytest.fixture
def memory(clock: TurnableClock) -> Iterator[Memory]:
    with filled_memory(clock=clock) as opened:
        yield opened


@pytest.fixture
def session(memory: Memory) -> Session:
    """Ana's closed session of four messages."""
    return memory.sessions.list("ana", state="closed")[0]


def restore_points(memory: Memory) -> list[str]:
    return [each.name for each in memory._points.list()]


def kept(memory: Memory, operation: Operation) -> list[tuple[str, Any]]:
    """Return (kind, record) of every line of an operation's restore point."""
    return list(memory._points.read(operation.restore_point or "")[1])


def add_summary(memory: Memory, session: Session, text: str = "Bruno is allergic to chicken.") -> MemoryItem:
    return memory.remember(session.user_id, text, kind="summary", session_id=session.id)


# -- a session -----------------------------------------------------------------------------------------------------


def test_a_session_goes_with_its_messages_and_index_entries(memory: Memory, session: Session) -> None:
    messages = memory.sessions.messages(session.id)
    before = memory.stats()

    operation = memory.erase.session(session.id, reason="asked for it")

    assert operation.counts == {"session": 1, "message": 4}
    with pytest.raises(SessionNotFound):
        memory.sessions.get(session.id)
    assert not memory.recall("ana", "What is Bruno allergic to?", kinds=["message"]).hits
    after = memory.stats()
    assert after.messages.total == before.messages.total - 4
    assert [line[1].id for line in kept(memory, operation) if line[0] == "message"] == [each.id for each in messages]
    assert [each.name for each in memory.doctor() if each.state != "ok"] == []


def test_nothing_of_others_goes_with_a_session(memory: Memory, session: Session) -> None:
    before = truth(memory)

    memory.erase.session(session.id)

    after = truth(memory)
    gone = {
        table: [row for row in before[table] if row not in after[table]]
        for table in before
        if before[table] != after[table]
    }
    assert set(gone) == {"session", "session_owner", "message"}
    assert {row.get("session_id", row.get("id")) for rows in gone.values() for row in rows} == {session.id}
    assert all(row in before[table] for table in after for row in after[table])


def test_summaries_of_the_session_go_and_what_was_learned_stays(memory: Memory, session: Session) -> None:
    other = memory.sessions.list("ana", state="active")[0]
    summary, of_other = add_summary(memory, session), add_summary(memory, other, "Ana moved to Porto.")
    fact = memory.remember("ana", "Bruno is a dachshund.", session_id=session.id)

    operation = memory.erase.session(session.id)

    assert operation.counts["memory"] == 1
    left = {item.id: item for item in memory.memories.list("ana", history=True)}
    assert summary.id not in left
    assert of_other.id in left
    assert left[fact.id] == fact
    hits = memory.recall("ana", "Which dachshund? What is Bruno allergic to?").hits
    assert fact.id in [hit.source_id for hit in hits]
    assert summary.id not in [hit.source_id for hit in hits]


def test_a_session_of_more_messages_than_one_page_goes_whole(memory: Memory) -> None:
    session = memory.sessions.create("ana")
    memory.sessions.append_many(session.id, [{"role": "user", "content": f"line {n}"} for n in range(1_234)])

    operation = memory.erase.session(session.id)

    assert operation.counts == {"session": 1, "message": 1_234}
    assert [line[1].seq for line in kept(memory, operation) if line[0] == "message"] == list(range(1, 1_235))


def test_the_keeper_of_a_session_without_a_person_goes_with_it(memory: Memory) -> None:
    session = memory.sessions.create(id="lone")
    memory.sessions.append(session.id, "user", "Is anybody there?")
    users = memory.stats().users.total

    operation = memory.erase.session("lone")

    assert operation.counts == {"user": 1, "session": 1, "message": 1}
    assert memory.stats().users.total == users - 1


def test_a_keeper_who_has_more_than_the_session_stays(memory: Memory) -> None:
    session = memory.sessions.create(id="lone")
    memory.remember(session.user_id, "Likes tea.")

    assert memory.erase.session("lone").counts == {"session": 1}
    assert memory.users.get(session.user_id).user_id == session.user_id


@pytest.mark.parametrize(
    "known",
    [
        {"name": "Ana"},
        {"product": "F57A"},
        {"address": "Jakarta"},
        {"language": "id"},
        {"gender": "female"},
        {"metadata": {"a": 1}},
        {"role": "blocked"},
    ],
    ids=lambda known: next(iter(known)),
)
def test_a_keeper_of_whom_something_is_known_stays(memory: Memory, known: dict[str, Any]) -> None:
    session = memory.sessions.create(id="lone")
    memory.users.save(session.user_id, **known)

    assert memory.erase.session("lone").counts == {"session": 1}
    assert memory.users.get(session.user_id).user_id == session.user_id


def test_an_unknown_session_is_refused(memory: Memory) -> None:
    with pytest.raises(SessionNotFound):
        memory.erase.session("ghost")
    assert memory.operations.list().items == ()
    assert restore_points(memory) == []


def test_a_protected_user_is_refused_unless_forced(memory: Memory, session: Session) -> None:
    memory.users.protect("ana")
    before = truth(memory)

    with pytest.raises(ProtectedUser, match="protected"):
        memory.erase.session(session.id)
    assert memory.erase.session(session.id, dry_run=True).protected_by == ("protected",)
    with pytest.raises(InvalidInput, match="reason"):
        memory.erase.session(session.id, force=True)
    assert truth(memory) == before
    assert restore_points(memory) == []
    assert memory.erase.session(session.id, force=True, reason="closed by Ana").counts["message"] == 4


def test_a_dry_run_says_what_would_go_and_leaves_it(memory: Memory, session: Session) -> None:
    before = truth(memory)

    plan = memory.erase.session(session.id, dry_run=True)

    assert (plan.id, plan.dry_run, plan.restore_point) == ("", True, None)
    assert plan.counts == {"session": 1, "message": 4}
    assert truth(memory) == before
    assert memory.operations.list().items == ()
    assert restore_points(memory) == []


def test_who_and_why_are_kept(memory: Memory, session: Session, clock: TurnableClock) -> None:
    with acting_as("key:abc"):
        operation = memory.erase.session(session.id, reason="asked for by Ana")

    found = memory.operations.get(operation.id)
    manifest, _ = memory._points.read(operation.restore_point or "")
    assert found == operation
    assert (found.actor, found.reason, found.created_at) == ("key:abc", "asked for by Ana", clock())
    assert (found.kind, found.scope, found.target) == ("erase", "session", session.id)
    assert (manifest.actor, manifest.reason, manifest.target) == ("key:abc", "asked for by Ana", session.id)


def test_a_reason_has_a_limit(memory: Memory, session: Session) -> None:
    with pytest.raises(ContentTooLong):
        memory.erase.session(session.id, reason="x" * 5_000)
    assert memory.sessions.get(session.id) == session


# -- in between ----------------------------------------------------------------------------------------------------


def between(memory: Memory, monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Let something happen each time after the restore point was written, before the rows are deleted."""
    verify = memory._points.verify

    def then(point: Any) -> None:
        verify(point)
        act()

    monkeypatch.setattr(memory._points, "verify", then)


def once(act: Any) -> Any:
    left = [act]
    return lambda: left.pop()() if left else None


def test_what_is_said_in_between_is_in_the_restore_point(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    session = memory.sessions.list("ana", state="active")[0]
    between(memory, monkeypatch, once(lambda: memory.sessions.append(session.id, "user", "One more thing.")))

    operation = memory.erase.session(session.id)

    assert operation.counts["message"] == 3
    assert kept(memory, operation)[-1][1].content == "One more thing."
    assert restore_points(memory) == [operation.restore_point]


CHANGES: dict[str, Callable[[Memory, Session], object]] = {
    "name": lambda memory, session: memory.sessions.update(session.id, name="Another"),
    "state": lambda memory, session: memory.sessions.archive(session.id),
    "summary": lambda memory, session: add_summary(memory, session),
    "merge": lambda memory, session: memory.users.merge("ana", "6281100001111"),
    "index": lambda memory, session: memory.reindex("ana"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_between_is_in_the_restore_point(
    memory: Memory, session: Session, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    between(memory, monkeypatch, once(lambda: CHANGES[change](memory, session)))

    operation = memory.erase.session(session.id)

    records = dict(kept(memory, operation))
    assert {
        "name": records["session"].name == "Another",
        "state": records["session"].state == "archived",
        "summary": "memory" in records,
        "merge": records["message"].user_id == "6281100001111",
        "index": "message" in records,
    }[change]
    assert [each.name for each in memory.doctor() if each.state == "bad"] == []


def test_a_protection_that_comes_in_between_holds(
    memory: Memory, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    between(memory, monkeypatch, lambda: memory.users.protect("ana"))

    with pytest.raises(ProtectedUser):
        memory.erase.session(session.id)
    assert memory.sessions.get(session.id) == session
    assert restore_points(memory) == []


def test_what_happens_in_other_sessions_does_not_matter(
    memory: Memory, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = memory.sessions.list("ana", state="active")[0]
    rounds: list[object] = []
    between(memory, monkeypatch, lambda: rounds.append(memory.sessions.append(other.id, "user", "And on.")))

    memory.erase.session(session.id)

    assert len(rounds) == 1


def test_a_session_that_is_written_to_all_the_while_stays(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    session = memory.sessions.list("ana", state="active")[0]
    between(memory, monkeypatch, lambda: memory.sessions.append(session.id, "user", "And another thing."))

    with pytest.raises(Conflict, match="Nothing was deleted"):
        memory.erase.session(session.id)
    assert len(memory.sessions.messages(session.id)) == 2 + MOST_TRIES
    assert restore_points(memory) == []
    assert memory.operations.list().items == ()


def test_two_who_erase_one_session_make_one_operation(memory: Memory, session: Session) -> None:
    ready = threading.Barrier(4)
    found: list[Operation | None] = []

    def erase() -> None:
        ready.wait(10)
        try:
            found.append(memory.erase.session(session.id))
        except SessionNotFound:
            found.append(None)

    threads = [threading.Thread(target=erase) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    (operation,) = [each for each in found if each is not None]
    assert len(found) == 4
    assert memory.operations.list().items == (operation,)
    assert restore_points(memory) == [operation.restore_point]


def test_a_restore_point_that_fails_deletes_nothing(
    memory: Memory, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = truth(memory), index(memory)

    def fail(point: Any) -> None:
        raise RestorePointFailed("The disk lies.")

    monkeypatch.setattr(memory._points, "verify", fail)
    with pytest.raises(RestorePointFailed):
        memory.erase.session(session.id)
    assert (truth(memory), index(memory)) == before
    assert memory.operations.list().items == ()


def test_a_store_that_cannot_delete_leaves_no_restore_point(memory: Memory, clock: TurnableClock) -> None:
    class Full(Cut):
        def collect(self, tx: Tx) -> Iterator[Line]:
            yield "user", memory.users.get("ana")

        def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed:
            return Doomed(users=["ana"])

        def also(self, tx: Tx) -> None:
            raise StoreFull("There is no room.")

    before = truth(memory)
    with pytest.raises(StoreFull):
        erase_rows(
            memory.store,
            memory._points,
            clock,
            kind="erase",
            scope="user",
            target="ana",
            reason="",
            cut=Full(),
        )
    assert truth(memory) == before
    assert restore_points(memory) == []


# -- log entries ---------------------------------------------------------------------------------------------------


@pytest.fixture
def logged(memory: Memory, clock: TurnableClock) -> Memory:
    """A memory with errors and hints of chat and cleanup."""
    for number in range(12):
        memory.logs.add(
            f"entry {number}",
            level="error" if number % 2 else "info",
            category="chat" if number % 3 else "cleanup",
            data={"number": number},
        )
        clock.turn(minutes=1)
    return memory


def test_log_entries_that_fit_every_filter_go_and_no_other(logged: Memory) -> None:
    wanted = [each for each in logged.logs.list().items if each.level == "error" and each.category == "cleanup"]
    others = [each for each in logged.logs.list().items if each not in wanted]

    operation = logged.erase.logs(level="error", category="cleanup", reason="noise")

    assert operation.counts == {"log": len(wanted)} == {"log": 2}
    assert [record for _, record in kept(logged, operation)] == wanted
    assert list(logged.logs.list().items) == others
    assert operation.target == '{"level":"error","category":"cleanup"}'


def test_without_filters_all_log_entries_go(logged: Memory) -> None:
    operation = logged.erase.logs()

    assert (operation.counts, operation.target) == ({"log": 12}, None)
    assert logged.logs.list().items == ()
    assert logged.logs.stats().total == 0


@pytest.mark.parametrize(
    "filters",
    [{"search": ""}, {"level": "loud"}, {"since": -1}, {"until": "yesterday"}, {"user_id": ""}, {"session_id": "../x"}],
    ids=str,
)
def test_a_filter_that_cannot_be_used_deletes_nothing(logged: Memory, filters: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        logged.erase.logs(**filters)
    assert logged.logs.stats().total == 12
    assert restore_points(logged) == []


def test_a_filter_by_user_takes_an_alias(logged: Memory) -> None:
    logged.logs.add("about Ana", user_id="ana")

    assert logged.erase.logs(user_id="+1 555 0100").counts == {"log": 1}
    assert logged.logs.stats().total == 12


def test_when_nothing_fits_nothing_is_recorded(logged: Memory) -> None:
    operation = logged.erase.logs(category="ghost")

    assert (operation.id, operation.counts, operation.restore_point) == ("", {}, None)
    assert logged.operations.list().items == ()
    assert restore_points(logged) == []


def test_a_dry_run_counts_log_entries(logged: Memory) -> None:
    assert logged.erase.logs(level="error", dry_run=True).counts == {"log": 6}
    assert logged.logs.stats().total == 12


def test_log_entries_that_come_in_between_stay(logged: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    between(logged, monkeypatch, once(lambda: logged.logs.add("just now")))

    assert logged.erase.logs().counts == {"log": 12}
    assert [each.message for each in logged.logs.list().items] == ["just now"]


def fill_logs(memory: Memory, count: int) -> None:
    for start in range(0, count, 500):
        memory.logs.add_many([NewLog(message=f"entry {start + n}") for n in range(min(500, count - start))])


def test_many_log_entries_go_in_several_transactions_as_one_operation(memory: Memory) -> None:
    fill_logs(memory, 2 * LOGS_IN_ONE_DELETE + 3)

    operation = memory.erase.logs()

    assert operation.counts == {"log": 2 * LOGS_IN_ONE_DELETE + 3}
    assert memory.logs.stats().total == 0
    assert memory.operations.list().items == (operation,)


# -- snapshots -----------------------------------------------------------------------------------------------------


def test_a_snapshot_goes(memory: Memory) -> None:
    snapshot = memory.snapshots.save("desk", {"open": ["a", "b"]})

    operation = memory.erase.snapshot(snapshot.id, reason="old")

    assert (operation.counts, operation.target) == ({"snapshot": 1}, snapshot.id)
    assert kept(memory, operation) == [("snapshot", snapshot)]
    with pytest.raises(SnapshotNotFound):
        memory.snapshots.get(snapshot.id)


def test_the_snapshot_of_another_user_is_not_there(memory: Memory) -> None:
    snapshot = memory.snapshots.save("desk", {}, user_id="ana")

    with pytest.raises(SnapshotNotFound):
        memory.erase.snapshot(snapshot.id, user_id="noor")
    with pytest.raises(SnapshotNotFound):
        memory.erase.snapshot("ghost")
    assert memory.erase.snapshot(snapshot.id, user_id="+1 555 0100").counts == {"snapshot": 1}


def test_restore_points_of_a_file_are_beside_it(tmp_path: Path) -> None:
    with filled_memory(**store_at(tmp_path / "store.db")) as memory:
        operation = memory.erase.session(memory.sessions.list("ana")[0].id)

    folder = tmp_path / "store.db.data" / "restore-points"
    assert [path.name for path in folder.iterdir()] == [operation.restore_point]
