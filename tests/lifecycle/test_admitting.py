"""Imports into a store that has something never overwrite, and keep what both know."""

from __future__ import annotations

import json

import pytest

from ingat.core.records import MemoryItem
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.lifecycle.carried import counted, exported, take


def test_both_keep_what_they_had(full: Memory, other: Memory) -> None:
    other.sessions.create("cid", id="own")
    other.sessions.append("own", "user", "Something of my own")
    take(other, exported(full))

    assert other.recall("cid", "my own").hits
    assert other.recall("ana", "boiler").hits


def test_a_user_who_is_there_is_filled_in_and_never_overwritten(full: Memory, other: Memory) -> None:
    other.users.save("ana", name="Anna", flags={"vip": False, "x": 1})
    full.users.save("ana", address="Jakarta", flags={"y": 2})
    report = take(other, exported(full))
    ana = other.users.get("ana")

    assert (ana.name, ana.address, ana.role) == ("Anna", "Jakarta", "client")
    assert ana.flags == {"vip": False, "x": 1, "y": 2}
    assert ana.aliases == ("628111222333",)
    assert any("address" in note for note in report.notes)


def test_a_user_known_by_an_alias_gets_what_comes(full: Memory, other: Memory) -> None:
    other.users.save("628999888777")
    other.users.alias("628999888777", "ana")
    take(other, exported(full))

    assert other.sessions.get("talk").user_id == "628999888777"
    assert other.recall("628999888777", "boiler").hits


def test_an_alias_of_another_user_stays_theirs_and_is_told(full: Memory, other: Memory) -> None:
    other.users.save("cid")
    other.users.alias("cid", "628111222333")
    report = take(other, exported(full))

    assert other.users.get("628111222333").user_id == "cid"
    assert any("628111222333" in note for note in report.notes)


def test_another_session_of_the_same_id_gets_a_new_one_and_its_messages_with_it(full: Memory, other: Memory) -> None:
    other.sessions.create("cid", id="talk")
    other.sessions.append("talk", "user", "Mine")
    report = take(other, exported(full))
    (renamed,) = report.renamed

    assert (renamed.kind, renamed.id) == ("session", "talk")
    assert [each.content for each in other.sessions.messages("talk")] == ["Mine"]
    assert len(other.sessions.messages(renamed.new_id)) == 2
    (first,) = (each for each in other.memories.list("ana", history=True).items if each.text == "F57A")
    assert first.session_id == renamed.new_id
    assert take(other, exported(full)).renamed == ()


def test_another_message_of_the_same_id_gets_a_new_one_also_in_memories(full: Memory, other: Memory) -> None:
    other.sessions.create("ana", id="own")
    other.sessions.append("own", "user", "Something else", id="m1")
    report = take(other, exported(full))
    (renamed,) = report.renamed

    assert other.sessions.message("ana", "m1").content == "Something else"
    assert other.sessions.message("ana", renamed.new_id).content == "The boiler leaks"
    (first,) = (each for each in other.memories.list("ana", history=True).items if each.text == "F57A")
    assert first.message_ids == (renamed.new_id,)
    assert not any(take(other, exported(full)).imported.values())


def test_a_session_that_went_on_gets_what_it_lacks(full: Memory, other: Memory) -> None:
    take(other, exported(full))
    full.sessions.append("letter", "user", "P.S. one more thing", id="m9")
    report = take(other, exported(full))

    assert counted(report.imported) == {"messages": 1}
    assert [each.id for each in other.sessions.messages("letter")] == ["m1", "m9"]
    assert other.sessions.get("letter").message_count == 2


def test_two_sessions_that_went_on_apart_keep_what_both_said(full: Memory, other: Memory) -> None:
    take(other, exported(full))
    full.sessions.append("letter", "user", "said there", id="m8")
    other.sessions.append("letter", "user", "said here", id="m9")
    take(other, exported(full))
    said = other.sessions.messages("letter")

    assert [(each.seq, each.content) for each in said] == [(1, "Dear all"), (2, "said here"), (3, "said there")]
    assert other.sessions.append("letter", "user", "and on").seq == 4
    assert [check for check in other.doctor() if check.state == "bad"] == []


def test_a_session_whose_channel_is_in_use_comes_in_closed(full: Memory, other: Memory) -> None:
    own = other.sessions.open("ben", "mail")
    report = take(other, exported(full))

    assert other.sessions.get("letter").state == "closed"
    assert other.sessions.open("ben", "mail").id == own.id
    assert any("letter" in note for note in report.notes)


def test_values_of_a_subject_that_both_know_become_one_history(
    full: Memory, other: Memory, clock: TurnableClock
) -> None:
    other.remember("ana", "F60C", subject="Boiler", valid_from=clock() + 60_000)
    take(other, exported(full))

    history = other.memories.list("ana", subject="boiler", history=True, sort="valid_from", descending=False)
    assert [each.text for each in history.items] == ["F57A", "F58B", "F60C"]
    assert [each.valid_to is None for each in history.items] == [False, False, True]
    assert not any(take(other, exported(full)).imported.values())


def test_a_snapshot_whose_version_is_taken_gets_the_next(full: Memory, other: Memory) -> None:
    other.users.save("ana")
    other.snapshots.save("A", state={"own": True}, user_id="ana")
    report = take(other, exported(full))

    assert sorted(each.version for each in other.snapshots.list(user_id="ana").items) == [1, 2, 3]
    assert len([note for note in report.notes if "version" in note]) == 1
    assert not any(take(other, exported(full)).imported.values())


def test_the_policy_that_was_set_last_is_in_force(full: Memory, other: Memory, clock: TurnableClock) -> None:
    take(other, exported(full))
    assert other.retention.get().log_retention_days == 4
    clock.turn(days=1)
    full.retention.set(log_retention_days=5)
    take(other, exported(full))

    assert other.retention.get().log_retention_days == 5
    assert len(other.retention.history().items) == 3


def test_a_policy_that_was_set_later_here_stays_in_force(full: Memory, clock: TurnableClock) -> None:
    clock.turn(days=2)
    with open_memory(now=clock) as other:
        other.retention.set(log_retention_days=9)
        take(other, exported(full))

        assert other.retention.get().log_retention_days == 9
        assert len(other.retention.history().items) == 3


def silent_day(*memories: Memory, clock: TurnableClock) -> None:
    clock.turn(hours=25)
    for memory in memories:
        memory.expire()


def summaries_of(memory: Memory, session_id: str) -> list[MemoryItem]:
    found = memory.memories.list("ana", kind="summary", history=True, limit=100).items
    return [item for item in found if item.session_id == session_id]


def test_a_session_that_two_stores_summarised_alike_has_one_summary(clock: TurnableClock) -> None:
    with open_memory(now=clock) as memory, open_memory(now=clock) as other:
        session = memory.sessions.open("ana")
        memory.sessions.append(session.id, "user", "The budget is 50,000.")
        take(other, exported(memory))
        silent_day(memory, other, clock=clock)
        report = take(other, exported(memory))

        assert len(summaries_of(other, session.id)) == 1
        assert (report.imported["memories"], report.skipped["memories"]) == (0, 1)


@pytest.mark.parametrize("further", ["memory", "other"])
def test_of_two_summaries_of_a_session_that_of_more_messages_holds(clock: TurnableClock, further: str) -> None:
    with open_memory(now=clock) as memory, open_memory(now=clock) as other:
        session = memory.sessions.open("ana")
        memory.sessions.append(session.id, "user", "The budget is 50,000.")
        take(other, exported(memory))
        clock.turn(minutes=1)
        longer = {"memory": memory, "other": other}[further]
        longer.sessions.append(session.id, "user", "The budget is 75,000 by now.")
        silent_day(memory, other, clock=clock)
        file = exported(memory)
        take(other, file)
        (held,) = (item for item in summaries_of(other, session.id) if item.valid_to is None)

        assert "75,000" in held.text
        assert len(summaries_of(other, session.id)) == 2
        assert not any(take(other, file).imported.values())
        other.sessions.reopen(session.id)
        silent_day(other, clock=clock)
        assert [item.id for item in summaries_of(other, session.id) if item.valid_to is None] == [held.id]


def test_messages_that_come_to_a_compressed_session_are_compressed_too(clock: TurnableClock) -> None:
    with open_memory(now=clock) as memory, open_memory(now=clock) as other:
        session = memory.sessions.open("ana")
        memory.sessions.append(session.id, "user", "The boiler leaks again. " * 20)
        take(other, exported(memory))
        memory.sessions.append(session.id, "user", "The kitchen is wet again. " * 20)
        other.sessions.archive(session.id)
        clock.turn(days=400)
        other.retain()
        take(other, exported(memory))
        other.retain()
        packed = other.store.read(lambda tx: tx.all("SELECT packed FROM message ORDER BY seq"))

        assert [row[0] for row in packed] == [1, 2]
        assert len(other.sessions.messages(session.id)) == 2


def test_a_session_gets_the_ends_that_go_with_its_state(other: Memory) -> None:
    row = {"user_id": "ana", "created_at": 1, "updated_at": 7, "active_at": 1}
    file = {
        "format": "ingat-export",
        "version": 1,
        "users": [{"user_id": "ana", "created_at": 1, "updated_at": 1}],
        "sessions": [
            {**row, "id": "a", "state": "active", "closed_at": 2, "archived_at": 3},
            {**row, "id": "b", "state": "closed", "archived_at": 3},
            {**row, "id": "c", "state": "archived"},
        ],
    }
    assert take(other, json.dumps(file).encode()).errors == ()
    ends = {each: (other.sessions.get(each).closed_at, other.sessions.get(each).archived_at) for each in "abc"}

    assert ends == {"a": (None, None), "b": (7, None), "c": (7, 7)}
