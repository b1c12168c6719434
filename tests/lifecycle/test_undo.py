"""Undo: exactly what was taken away comes back, once, or nothing changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ingat.core.actor import acting_as
from ingat.core.errors import Conflict, OperationNotFound, RestorePointMissing, StoreFull
from ingat.core.logs import NewLog
from ingat.core.records import Session
from ingat.lifecycle import scopes
from ingat.lifecycle.compress import compress
from ingat.lifecycle.scopes import LOGS_IN_ONE_DELETE
from ingat.memory import Memory
from ingat.store.tables import logs, operations
from ingat.testing import TurnableClock, filled_memory, open_memory
from tests.lifecycle.dump import index, truth


@pytest.fixture
def memory(clock: TurnableClock) -> Iterator[Memory]:
    with filled_memory(clock=clock) as opened:
        yield opened


@pytest.fixture
def session(memory: Memory) -> Session:
    """Ana's closed session of four messages, with a summary."""
    found = memory.sessions.list("ana", state="closed")[0]
    memory.remember("ana", "Bruno is allergic to chicken.", kind="summary", session_id=found.id)
    return found


def test_a_session_comes_back_as_it_was_and_is_recalled(memory: Memory, session: Session, clock: TurnableClock) -> None:
    memory.recall("ana", "warm")
    before = truth(memory), index(memory)
    operation = memory.erase.session(session.id)
    clock.turn(days=1)

    with acting_as("key:abc"):
        undone = memory.undo(operation.id)

    assert (truth(memory), index(memory)) == before
    assert (undone.undone_at, undone.undone_by) == (clock(), "key:abc")
    assert undone.put_back == operation.counts
    assert memory.operations.get(operation.id) == replace(undone, put_back={})
    assert memory.vectors is not None
    assert memory.vectors.flush(10)
    recall = memory.recall("ana", "What is Bruno allergic to?")
    assert recall.note is None
    assert {"summary", "message"} <= {hit.source for hit in recall.hits}
    assert memory.stats().vectors_missing == 0
    assert [each.name for each in memory.doctor() if each.state != "ok"] == []


def test_a_session_that_came_back_takes_messages_where_it_stopped(memory: Memory) -> None:
    session = memory.sessions.list("ana", state="active")[0]
    operation = memory.erase.session(session.id)
    memory.undo(operation.id)

    assert memory.sessions.append(session.id, "user", "Here I am again.").seq == 3


def test_the_keeper_of_a_session_without_a_person_comes_back(memory: Memory) -> None:
    memory.sessions.append(memory.sessions.create(id="lone").id, "user", "Is anybody there?")
    before = truth(memory)

    memory.undo(memory.erase.session("lone").id)

    assert truth(memory) == before


def test_a_second_undo_is_refused_and_says_when_and_by_whom(memory: Memory, session: Session) -> None:
    operation = memory.erase.session(session.id)
    with acting_as("cli:ana"):
        memory.undo(operation.id)
    before = truth(memory)

    with pytest.raises(Conflict, match=r"2025-01-13 09:08:00 UTC by cli:ana") as caught:
        memory.undo(operation.id)
    assert caught.value.details["undone_by"] == "cli:ana"
    assert truth(memory) == before


def test_of_several_who_undo_at_once_one_does(memory: Memory, session: Session) -> None:
    before = truth(memory)
    operation = memory.erase.session(session.id)
    ready = threading.Barrier(4)
    found: list[str] = []

    def act() -> None:
        ready.wait(10)
        try:
            memory.undo(operation.id)
            found.append("undone")
        except Conflict:
            found.append("refused")

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(found) == ["refused"] * 3 + ["undone"]
    assert truth(memory) == before


def test_an_unknown_operation_is_refused(memory: Memory) -> None:
    with pytest.raises(OperationNotFound):
        memory.undo("ghost")


def remove(path: Path) -> None:
    path.unlink()


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize("harm", [remove, damage], ids=lambda each: each.__name__)
def test_without_its_restore_point_nothing_is_changed(
    memory: Memory, session: Session, harm: Callable[[Path], None]
) -> None:
    operation = memory.erase.session(session.id)
    folder = memory._points._folder.path
    assert folder is not None
    harm(folder / (operation.restore_point or ""))
    before = truth(memory)

    with pytest.raises(RestorePointMissing, match="Nothing was changed"):
        memory.undo(operation.id)
    assert truth(memory) == before
    assert memory.operations.get(operation.id) == operation


def test_how_a_session_expired_comes_back_with_its_summary(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.list("ana", state="active")[0]
    clock.turn(days=2)
    assert memory.expire().summarised >= 1
    before = truth(memory), index(memory)

    operation = memory.erase.session(session.id)

    assert operation.counts == {"session": 1, "message": 2, "memory": 1, "expiry": 1}
    memory.undo(operation.id)
    assert (truth(memory), index(memory)) == before
    assert memory.expire().summarised == 0


def test_a_compressed_transcript_comes_back_as_it_was_said(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.create("ana")
    said = memory.sessions.append_many(
        session.id,
        [{"role": "user", "content": f"The same thing again, {n}.", "metadata": {"n": n}} for n in range(900)],
    )
    memory.sessions.archive(session.id)
    assert compress(memory.store, session.id, before=clock(), now=clock()).to_bytes > 0

    operation = memory.erase.session(session.id)

    assert operation.counts == {"session": 1, "message": 900}
    assert memory.store.read(lambda tx: tx.one("SELECT COUNT(*) FROM transcript_pack")) == (0,)
    memory.undo(operation.id)
    assert memory.sessions.messages(session.id, None) == said
    assert [each.name for each in memory.doctor() if each.state == "bad"] == []


# -- what has changed meanwhile ------------------------------------------------------------------------------------


def test_a_session_id_that_was_taken_since_is_a_conflict(memory: Memory, session: Session) -> None:
    operation = memory.erase.session(session.id)
    memory.sessions.create("noor2", id=session.id)
    before = truth(memory)

    with pytest.raises(Conflict, match="another session"):
        memory.undo(operation.id)
    assert truth(memory) == before
    assert memory.operations.get(operation.id).undone_at is None


def test_a_message_id_that_was_taken_since_is_a_conflict(memory: Memory, session: Session) -> None:
    taken = memory.sessions.messages(session.id)[2].id
    operation = memory.erase.session(session.id)
    other = memory.sessions.list("ana", state="active")[0]
    memory.sessions.append(other.id, "user", "Mine now.", id=taken)
    before = truth(memory), index(memory)

    with pytest.raises(Conflict, match="Nothing was changed"):
        memory.undo(operation.id)
    assert (truth(memory), index(memory)) == before


def test_a_user_who_was_merged_since_gets_the_session_under_the_new_id(memory: Memory, session: Session) -> None:
    operation = memory.erase.session(session.id)
    memory.users.merge("ana", "6281100001111")

    memory.undo(operation.id)

    assert memory.sessions.get(session.id).user_id == "6281100001111"
    assert [each.user_id for each in memory.sessions.messages(session.id)] == ["6281100001111"] * 4
    assert session.id in [hit.session_id for hit in memory.recall("6281100001111", "What is Bruno allergic to?").hits]


def test_a_user_who_is_gone_is_a_conflict(memory: Memory) -> None:
    memory.users.save("leaving")
    session = memory.sessions.create("leaving")
    operation = memory.erase.session(session.id)
    memory.store.write(lambda tx: tx.run("DELETE FROM user_profile WHERE user_id = 'leaving'"))

    with pytest.raises(Conflict, match="not there any more"):
        memory.undo(operation.id)


def test_a_session_whose_channel_is_in_use_comes_back_closed(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.list("ana", state="active")[0]
    operation = memory.erase.session(session.id)
    newer = memory.sessions.open("ana", session.channel or "")
    clock.turn(hours=1)

    (note,) = memory.undo(operation.id).notes

    assert "comes back closed" in note

    back = memory.sessions.get(session.id)
    assert (back.state, back.closed_at) == ("closed", clock())
    assert memory.sessions.get(newer.id).state == "active"
    assert len(memory.sessions.messages(session.id)) == 2


# -- log entries and snapshots -------------------------------------------------------------------------------------


def fill_logs(memory: Memory, count: int) -> None:
    for start in range(0, count, 500):
        memory.logs.add_many([NewLog(message=f"entry {start + n}") for n in range(min(500, count - start))])


def test_log_entries_come_back_with_their_time_id_and_place(memory: Memory, clock: TurnableClock) -> None:
    for number in range(6):
        memory.logs.add(f"entry {number}", level="error" if number % 2 else "info", data={"n": number}, user_id="ana")
        clock.turn(minutes=1)
    before = truth(memory)
    operation = memory.erase.logs(level="error")
    memory.logs.add("later")
    newest = memory.logs.list(limit=1).items[0]

    memory.undo(operation.id)

    memory.erase.logs(search="later")
    assert truth(memory) == before
    assert newest.seq > max(each.seq for each in memory.logs.list().items)


def test_log_entries_that_are_there_stay_as_they_are(memory: Memory) -> None:
    fill_logs(memory, 3)
    before = truth(memory)
    operation = memory.erase.logs()
    first = next(record for _, record in memory._points.read(operation.restore_point or "")[1])
    memory.store.write(lambda tx: logs.put_back(tx, [first]))  # type: ignore[list-item]

    memory.undo(operation.id)

    assert truth(memory) == before


def test_a_log_entry_whose_number_was_taken_gets_another(memory: Memory) -> None:
    fill_logs(memory, 2)
    erased = memory.logs.list().items
    operation = memory.erase.logs()
    taken = erased[0].seq
    memory.logs.add("another")
    memory.store.write(lambda tx: tx.run("UPDATE log_entry SET seq = ? WHERE message = 'another'", (taken,)))

    memory.undo(operation.id)

    found = {each.id: each for each in memory.logs.list().items}
    assert {each.id for each in erased} < set(found)
    assert found[erased[0].id].seq > taken
    assert found[erased[1].id] == erased[1]


def test_many_log_entries_come_back(memory: Memory) -> None:
    fill_logs(memory, 2 * LOGS_IN_ONE_DELETE + 7)
    before = truth(memory)

    memory.undo(memory.erase.logs().id)

    assert truth(memory) == before


def test_an_erase_that_stopped_half_way_is_undone_whole(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_logs(memory, 2 * LOGS_IN_ONE_DELETE)
    before = truth(memory)

    def fail(self: Any, tx: Any) -> bool:
        raise StoreFull("There is no room.")

    with monkeypatch.context() as change:
        change.setattr(scopes.LogRows, "rest", fail)
        with pytest.raises(StoreFull, match="A part was deleted before; operation"):
            memory.erase.logs()
    (operation,) = memory.operations.list().items
    assert memory.logs.stats().total == LOGS_IN_ONE_DELETE

    memory.undo(operation.id)

    assert truth(memory) == before


def test_an_erase_that_is_undone_while_it_runs_takes_nothing_more(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_logs(memory, 2 * LOGS_IN_ONE_DELETE)
    before = truth(memory)
    is_being_undone, rounds = operations.is_being_undone, []

    def then(tx: Any, operation_id: str) -> bool:
        rounds.append(operation_id)
        return is_being_undone(tx, operation_id)

    write = memory.store.write

    def written(fn: Any) -> Any:
        value = write(fn)
        if not rounds and memory.operations.list().items:
            rounds.append("undone")
            memory.undo(memory.operations.list().items[0].id)
        return value

    monkeypatch.setattr(operations, "is_being_undone", then)
    monkeypatch.setattr(memory.store, "write", written)
    memory.erase.logs()

    assert len(rounds) == 2
    assert truth(memory) == before


def test_an_undo_that_stopped_half_way_is_finished_by_the_next(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_logs(memory, 2 * LOGS_IN_ONE_DELETE + 5)
    before = truth(memory)
    operation = memory.erase.logs()

    def fail(*_: Any) -> bool:
        raise StoreFull("There is no room.")

    with monkeypatch.context() as change:
        change.setattr(operations, "mark_undone", fail)
        with pytest.raises(StoreFull):
            memory.undo(operation.id)
    assert memory.logs.stats().total > 0
    assert memory.operations.get(operation.id).undone_at is None

    memory.undo(operation.id)

    assert truth(memory) == before


def test_a_snapshot_comes_back(memory: Memory) -> None:
    snapshot = memory.snapshots.save("desk", {"open": ["a", {"b": 1.5}], "ü": None}, user_id="ana", is_auto=True)
    before = truth(memory)

    memory.undo(memory.erase.snapshot(snapshot.id).id)

    assert truth(memory) == before
    assert memory.snapshots.get(snapshot.id) == snapshot


def test_a_snapshot_whose_version_was_taken_gets_the_next(memory: Memory) -> None:
    snapshot = memory.snapshots.save("desk", {"n": 1})
    operation = memory.erase.snapshot(snapshot.id)
    newer = memory.snapshots.save("desk", {"n": 2})

    (note,) = memory.undo(operation.id).notes

    assert "comes back as version 2" in note
    assert newer.version == 1
    assert memory.snapshots.get(snapshot.id).version == 2
    assert memory.snapshots.get(snapshot.id).state == {"n": 1}


# -- the way there and back ----------------------------------------------------------------------------------------

WORDS = st.text("abc äß日\n", min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
MESSAGES = st.lists(st.tuples(st.sampled_from(["user", "assistant", "tool"]), WORDS), max_size=4)
SESSIONS = st.lists(
    st.tuples(
        st.sampled_from(["ana", "budi", None]), st.sampled_from(["keep", "close", "archive"]), MESSAGES, st.booleans()
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=30)
@given(SESSIONS, st.lists(st.sampled_from(["info", "error"]), max_size=4), st.randoms(use_true_random=False))
def test_what_was_erased_and_undone_is_as_it_was(made: Any, levels: list[Any], chance: Any) -> None:
    clock = TurnableClock()
    with open_memory(now=clock, embedder=None) as memory:
        for user, state, messages, summarised in made:
            session = memory.sessions.create(user, metadata={"state": state})
            for role, text in messages:
                memory.sessions.append(session.id, role, text, author="Ö", metadata={"n": len(text)})
                clock.turn(seconds=1)
            if summarised:
                memory.remember(session.user_id, "what was said", kind="summary", session_id=session.id)
            if state != "keep":
                memory.sessions.close(session.id)
            if state == "archive":
                memory.sessions.archive(session.id)
        for level in levels:
            memory.logs.add("entry", level=level, user_id="ana")
        memory.snapshots.save("desk", {"levels": levels})
        before = truth(memory), index(memory)

        done = [memory.erase.session(each.id) for each in memory.sessions.list().items]
        done += [memory.erase.logs(level="error"), memory.erase.logs(level="info")]
        done += [memory.erase.snapshot(each.id) for each in memory.snapshots.list().items]
        emptied = memory.stats()
        clock.turn(days=1)
        chance.shuffle(done)
        for operation in done:
            if operation.id:
                memory.undo(operation.id)

        assert (emptied.sessions.total, emptied.messages.total) == (0, 0)
        assert (truth(memory), index(memory)) == before


def test_a_session_that_was_reopened_is_not_idle_when_it_comes_back(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.list("ana", state="closed")[0]
    clock.turn(days=3)
    memory.expire()
    memory.sessions.reopen(session.id)
    before = truth(memory)
    memory.undo(memory.erase.session(session.id).id)

    assert truth(memory) == before
    assert memory.expire(dry_run=True).expired == 0


def test_a_value_whose_subject_went_on_since_takes_its_place_in_the_history(
    memory: Memory, clock: TurnableClock
) -> None:
    session = memory.sessions.list("ana", state="closed")[0]
    memory.remember("ana", "50,000", kind="summary", subject="budget", session_id=session.id)
    clock.turn(minutes=1)
    operation = memory.erase.session(session.id)
    memory.remember("ana", "75,000", subject="budget")
    memory.undo(operation.id)
    values = memory.memories.list("ana", subject="budget", history=True, sort="valid_from", descending=False).items

    assert [(item.text, item.valid_to is None) for item in values] == [("50,000", False), ("75,000", True)]
    assert [check.name for check in memory.doctor() if check.state == "bad"] == []
