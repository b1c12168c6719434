"""Single messages and single memories go, and come back exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from ingat.core.errors import (
    InvalidInput,
    InvalidLimit,
    MemoryNotFound,
    MessageNotFound,
    ProtectedUser,
    SessionNotFound,
    UserNotFound,
)
from ingat.core.records import MemoryItem, Message, Session
from ingat.memory import Memory
from ingat.testing import TurnableClock, filled_memory
from tests.lifecycle.dump import index, truth
from tests.lifecycle.kept import policy
from tests.lifecycle.test_erase import between, kept, once, restore_points


@pytest.fixture
def memory(clock: TurnableClock) -> Iterator[Memory]:
    with filled_memory(clock=clock) as opened:
        yield opened


@pytest.fixture
def session(memory: Memory) -> Session:
    """Ana's closed session of four messages."""
    return memory.sessions.list("ana", state="closed")[0]


@pytest.fixture
def said(memory: Memory, session: Session) -> list[Message]:
    return memory.sessions.messages(session.id)


def tokens(memory: Memory, session: Session) -> tuple[int, int, int]:
    """Return last_seq, message_count and tokens of a session."""
    query = "SELECT last_seq, message_count, tokens FROM session WHERE id = ?"
    return memory.store.read(lambda tx: tx.one(query, (session.id,)))  # type: ignore[return-value]


def positions(memory: Memory) -> set[str]:
    rows = memory.store.read(lambda tx: tx.all("SELECT source_id FROM recall_entry WHERE source = 'message'"))
    return {str(row[0]) for row in rows}


# -- messages ------------------------------------------------------------------------------------------------------


def test_messages_that_are_named_go_and_the_others_keep_their_places(
    memory: Memory, session: Session, said: list[Message]
) -> None:
    gone = [said[1], said[3]]
    operation = memory.erase.messages(session.id, message_ids=[gone[1].id, gone[0].id], reason="asked for it")

    assert memory.sessions.messages(session.id) == [said[0], said[2]]
    assert tokens(memory, session) == (4, 2, said[0].tokens + said[2].tokens)
    assert (operation.counts, operation.scope, operation.target) == ({"message": 2}, "messages", session.id)
    assert [record for _, record in kept(memory, operation)] == gone
    assert positions(memory).isdisjoint(each.id for each in gone)
    assert {said[0].id, said[2].id} <= positions(memory)
    assert [each.name for each in memory.doctor() if each.state == "bad"] == []


def test_messages_of_a_time_go(memory: Memory, session: Session, said: list[Message]) -> None:
    operation = memory.erase.messages(session.id, since=said[1].at, until=said[3].at)

    assert [record.id for _, record in kept(memory, operation)] == [said[1].id, said[2].id]
    assert memory.sessions.messages(session.id) == [said[0], said[3]]


def test_of_ids_and_a_time_those_that_fit_both_go(memory: Memory, session: Session, said: list[Message]) -> None:
    ids = [each.id for each in said]
    assert memory.erase.messages(session.id, message_ids=ids, since=said[2].at).counts == {"message": 2}
    assert memory.sessions.messages(session.id) == said[:2]


def test_when_no_message_fits_nothing_is_recorded(memory: Memory, session: Session) -> None:
    operation = memory.erase.messages(session.id, until=1)

    assert (operation.id, operation.counts) == ("", {})
    assert restore_points(memory) == []


def test_a_session_without_its_last_message_tells_when_the_one_before_came(
    memory: Memory, session: Session, said: list[Message]
) -> None:
    memory.erase.messages(session.id, message_ids=[said[3].id])
    assert memory.sessions.get(session.id).last_message_at == said[2].at

    memory.erase.messages(session.id, since=0)
    left = memory.sessions.get(session.id)
    assert (left.message_count, left.last_message_at) == (0, None)


def test_what_is_said_after_goes_behind_what_is_left(memory: Memory) -> None:
    session = memory.sessions.list("ana", state="active")[0]
    last = memory.sessions.messages(session.id)[-1]
    memory.erase.messages(session.id, message_ids=[last.id])

    assert memory.sessions.append(session.id, "user", "And on.").seq == last.seq + 1


@pytest.mark.parametrize("which", [[1], [0, 3], [0, 1, 2, 3]], ids=["one", "ends", "all"])
def test_an_undo_brings_messages_back_exactly(
    memory: Memory, session: Session, said: list[Message], which: list[int]
) -> None:
    before, entries = truth(memory), index(memory)

    operation = memory.erase.messages(session.id, message_ids=[said[each].id for each in which])
    memory.undo(operation.id)

    assert truth(memory) == before
    assert index(memory) == entries


def test_messages_of_a_compressed_transcript_go_from_their_part(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.create("ana")
    lines = [{"role": "user", "content": f"The boiler leaks again {n}. " * 9} for n in range(700)]
    memory.sessions.append_many(session.id, lines)
    memory.sessions.close(session.id)
    memory.sessions.archive(session.id)
    policy(memory, compress_after_days=1)
    clock.turn(days=2)
    assert memory.retain().transcripts_compressed == 1
    said = memory.sessions.messages(session.id, limit=None)

    operation = memory.erase.messages(session.id, message_ids=[each.id for each in said[100:600]])

    assert memory.sessions.messages(session.id, limit=None) == said[:100] + said[600:]
    gone = said[300].content.encode()
    row = memory.store.read(lambda tx: tx.one("SELECT SUM(raw_bytes) FROM transcript_pack"))
    assert 0 < cast("tuple[int]", row)[0] < len(gone) * 250
    assert [each.name for each in memory.doctor() if each.state == "bad"] == []
    memory.undo(operation.id)
    assert memory.sessions.messages(session.id, limit=None) == said


def test_memories_that_were_learned_from_a_message_stay(memory: Memory, session: Session, said: list[Message]) -> None:
    fact = memory.remember("ana", "Bruno is a dachshund.", session_id=session.id, message_ids=[said[0].id])
    memory.erase.messages(session.id, message_ids=[said[0].id])

    assert memory.memories.get("ana", fact.id) == fact


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"message_ids": []},
        {"message_ids": "m1"},
        {"message_ids": ["../../evil"]},
        {"message_ids": ["x" * 10_000]},
        {"since": -1},
        {"until": "yesterday"},
    ],
    ids=lambda given: str(given)[:40],
)
def test_messages_that_are_not_named_well_stay(memory: Memory, session: Session, given: dict[str, Any]) -> None:
    before = truth(memory)
    with pytest.raises(InvalidInput):
        memory.erase.messages(session.id, **given)
    assert truth(memory) == before


def test_more_messages_than_one_call_may_name_are_refused(memory: Memory, session: Session) -> None:
    with pytest.raises(InvalidLimit):
        memory.erase.messages(session.id, message_ids=[f"m{n}" for n in range(1_001)])


def test_a_message_of_another_session_is_not_there(memory: Memory, session: Session) -> None:
    other = memory.sessions.list("ana", state="active")[0]
    message = memory.sessions.messages(other.id)[0]

    with pytest.raises(MessageNotFound):
        memory.erase.messages(session.id, message_ids=[message.id])
    with pytest.raises(SessionNotFound):
        memory.erase.messages("ghost", message_ids=[message.id])
    assert len(memory.sessions.messages(session.id)) == 4


def test_messages_of_a_protected_user_stay(memory: Memory, session: Session, said: list[Message]) -> None:
    memory.users.save("ana", flags={"sop_pending": "step 2"})

    with pytest.raises(ProtectedUser, match=r"Session .* belongs to user 'ana'.*flags\.sop_pending"):
        memory.erase.messages(session.id, message_ids=[said[0].id])
    with pytest.raises(InvalidInput, match="reason"):
        memory.erase.messages(session.id, message_ids=[said[0].id], force=True)
    assert memory.erase.messages(session.id, since=0, dry_run=True).protected_by == ("flags.sop_pending",)
    assert memory.erase.messages(session.id, since=0, force=True, reason="asked for it").counts == {"message": 4}


def test_an_index_made_anew_in_between_does_not_keep_messages(
    memory: Memory, session: Session, said: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    between(memory, monkeypatch, once(lambda: memory.reindex("ana")))

    memory.erase.messages(session.id, message_ids=[said[0].id])

    assert said[0].id not in positions(memory)
    assert len(restore_points(memory)) == 1


def test_a_message_that_goes_in_between_leaves_no_half_restore_point(
    memory: Memory, session: Session, said: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        between(memory, patch, once(lambda: memory.erase.messages(session.id, message_ids=[said[0].id])))
        with pytest.raises(MessageNotFound):
            memory.erase.messages(session.id, message_ids=[said[0].id, said[1].id])
    assert memory.sessions.messages(session.id) == said[1:]
    assert len(restore_points(memory)) == 1


# -- memories ------------------------------------------------------------------------------------------------------


@pytest.fixture
def values(memory: Memory, clock: TurnableClock) -> list[MemoryItem]:
    """Three values of one subject, of which the last holds."""
    for text in ("F57A", "F58B", "F59C"):
        memory.remember("ana", text, subject="boiler")
        clock.turn(days=1)
    return list(reversed(memory.memories.list("ana", subject="boiler", history=True, sort="valid_from").items))


def test_a_memory_goes_with_its_index_entry(memory: Memory) -> None:
    item = memory.remember("ana", "Bruno is a dachshund.")
    operation = memory.erase.memory("+1 555 0100", item.id, reason="wrong")

    assert (operation.counts, operation.scope, operation.target) == ({"memory": 1}, "memory", item.id)
    with pytest.raises(MemoryNotFound):
        memory.memories.get("ana", item.id)
    assert item.id not in [hit.source_id for hit in memory.recall("ana", "Which dachshund?").hits]


@pytest.mark.parametrize("which", [0, 1, 2], ids=["first", "middle", "last"])
def test_the_other_values_of_a_subject_stay_as_they_are_and_an_undo_is_exact(
    memory: Memory, values: list[MemoryItem], which: int
) -> None:
    before, entries = truth(memory), index(memory)
    operation = memory.erase.memory("ana", values[which].id)

    left = memory.memories.list("ana", subject="boiler", history=True, sort="valid_from").items
    assert list(reversed(left)) == [each for each in values if each.id != values[which].id]
    memory.undo(operation.id)
    assert truth(memory) == before
    assert index(memory) == entries


def test_a_new_value_takes_its_place_behind_one_that_went(
    memory: Memory, values: list[MemoryItem], clock: TurnableClock
) -> None:
    operation = memory.erase.memory("ana", values[2].id)
    clock.turn(days=1)
    new = memory.remember("ana", "F60D", subject="boiler")
    memory.undo(operation.id)

    back = memory.memories.get("ana", values[2].id)
    assert (back.valid_to, back.superseded_by) == (new.valid_from, new.id)
    assert [each.text for each in memory.memories.list("ana", subject="boiler")] == ["F60D"]


def test_a_summary_comes_back_to_its_session(memory: Memory, clock: TurnableClock) -> None:
    clock.turn(days=2)
    memory.expire()
    (summary, *_) = memory.memories.list("ana", kind="summary").items
    before = truth(memory)

    memory.undo(memory.erase.memory("ana", summary.id).id)

    assert truth(memory) == before


def test_a_memory_edited_in_between_goes_as_it_is_by_then(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    item = memory.remember("ana", "Bruno is a dachshund.")
    between(memory, monkeypatch, once(lambda: memory.memories.edit("ana", item.id, metadata={"sure": True})))

    operation = memory.erase.memory("ana", item.id)

    assert kept(memory, operation)[0][1].metadata == {"sure": True}


def test_a_memory_of_a_protected_user_stays(memory: Memory) -> None:
    item = memory.remember("ana", "Bruno is a dachshund.")
    memory.users.protect("ana")

    with pytest.raises(ProtectedUser):
        memory.erase.memory("ana", item.id)
    assert memory.erase.memory("ana", item.id, dry_run=True).protected_by == ("protected",)
    assert memory.erase.memory("ana", item.id, force=True, reason="wrong").counts == {"memory": 1}


def test_a_memory_of_another_user_is_not_there(memory: Memory) -> None:
    item = memory.remember("ana", "Bruno is a dachshund.")

    with pytest.raises(MemoryNotFound):
        memory.erase.memory("noor", item.id)
    with pytest.raises(UserNotFound):
        memory.erase.memory("ghost", item.id)
    with pytest.raises((InvalidInput, MemoryNotFound)):
        memory.erase.memory("ana", "'; drop table memory")
