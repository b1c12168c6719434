"""Undo without an id goes back step by step, and redo forward again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingat.core.errors import Conflict, OperationNotFound, ProtectedUser
from ingat.core.logs import NewLog
from ingat.core.records import Session
from ingat.memory import Memory
from ingat.testing import TurnableClock, filled_memory
from tests.lifecycle.dump import truth


@pytest.fixture
def memory(clock: TurnableClock) -> Iterator[Memory]:
    with filled_memory(clock=clock) as opened:
        yield opened


@pytest.fixture
def session(memory: Memory) -> Session:
    """Ana's closed session of four messages."""
    return memory.sessions.list("ana", state="closed")[0]


def test_without_an_id_undo_goes_back_step_by_step_and_redo_forward(memory: Memory) -> None:
    first, second = (memory.erase.session(each.id) for each in memory.sessions.list("ana").items[:2])

    assert [memory.undo().id, memory.undo().id] == [second.id, first.id]
    with pytest.raises(OperationNotFound, match="left to undo"):
        memory.undo()
    again = [memory.redo(), memory.redo()]
    assert [each.reverts for each in again] == [first.id, second.id]
    assert [each.kind for each in again] == ["erase", "erase"]
    with pytest.raises(OperationNotFound, match="left to do again"):
        memory.redo()
    assert memory.undo().id == again[1].id


def test_what_retention_took_is_undone_by_its_id_alone(memory: Memory) -> None:
    memory.logs.add_many([NewLog(message=f"entry {n}") for n in range(30)])
    memory.retention.set(max_log_entries=10)
    (operation_id,) = memory.retain().operations

    with pytest.raises(OperationNotFound):
        memory.undo()
    assert memory.undo(operation_id).kind == "retain"
    assert memory.redo(operation_id).kind == "retain"


def test_what_was_not_undone_cannot_be_done_again(memory: Memory, session: Session) -> None:
    operation = memory.erase.session(session.id)

    with pytest.raises(Conflict, match="was not undone"):
        memory.redo(operation.id)
    memory.undo(operation.id)
    again = memory.redo(operation.id)
    with pytest.raises(Conflict, match=f"operation {again.id}"):
        memory.redo(operation.id)


def test_redo_refuses_a_user_who_is_protected_by_now_unless_forced(memory: Memory, session: Session) -> None:
    operation = memory.erase.session(session.id, reason="a mistake")
    memory.undo(operation.id)
    memory.users.protect("ana")
    before = truth(memory)

    with pytest.raises(ProtectedUser):
        memory.redo(operation.id)
    assert truth(memory) == before
    assert memory.redo(operation.id, force=True).reason == "a mistake"


def test_messages_that_came_back_go_again_and_no_others(memory: Memory, session: Session) -> None:
    said = memory.sessions.messages(session.id)
    operation = memory.erase.messages(session.id, message_ids=[said[0].id, said[2].id])
    memory.undo(operation.id)
    assert memory.sessions.messages(session.id) == said

    memory.redo()

    assert memory.sessions.messages(session.id) == [said[1], said[3]]


def test_a_user_who_is_there_again_gets_back_what_the_profile_lacks(memory: Memory) -> None:
    memory.users.save("ana", product="F57A", slots={"floor": 2}, role="godfather")
    operation = memory.erase.user("ana")
    memory.users.save("ana", name="Anna", slots={"room": 7})

    memory.undo(operation.id)

    ana = memory.users.get("ana")
    assert (ana.name, ana.product, ana.role) == ("Anna", "F57A", "godfather")
    assert ana.slots == {"city": "Porto", "floor": 2, "room": 7}
    assert memory.sessions.list("ana").items


def test_who_was_purged_since_does_not_come_back(memory: Memory) -> None:
    operation = memory.erase.everything(reason="a test")
    memory.purge("ana", reason="they asked for it")

    memory.undo(operation.id)

    assert "ana" not in {each.user_id for each in memory.users.list().items}
    assert memory.users.list().items


def test_a_row_that_a_restore_brought_back_stays(memory: Memory, session: Session) -> None:
    before = truth(memory)
    operation = memory.erase.session(session.id)
    memory.backups.restore(operation.restore_point or "")

    memory.undo(operation.id)

    assert truth(memory) == before


def test_an_undo_is_in_the_audit_trail(memory: Memory, session: Session) -> None:
    operation = memory.erase.session(session.id)
    memory.undo()
    memory.redo()

    found = [(each.action, each.operation_id) for each in memory.audit.list(limit=3).items]
    assert found[1:] == [("undo", operation.id), ("erase", operation.id)]
    assert memory.audit.verify().whole


def test_messages_that_went_otherwise_since_take_no_others_along(memory: Memory, session: Session) -> None:
    said = memory.sessions.messages(session.id)
    operation = memory.erase.messages(session.id, message_ids=[said[0].id])
    memory.undo(operation.id)
    memory.erase.messages(session.id, message_ids=[said[0].id])

    with pytest.raises(Conflict, match="Nothing of it is there"):
        memory.redo(operation.id)
    assert memory.sessions.messages(session.id) == said[1:]


@pytest.mark.parametrize("whose", ["somebody's", "nobody's"])
def test_everything_is_not_erased_again_when_others_came_since(memory: Memory, whose: str) -> None:
    operation = memory.erase.everything(reason="a test")
    memory.undo(operation.id)
    if whose == "nobody's":
        memory.snapshots.save("of nobody", {"a": 1})
    else:
        memory.users.save("newcomer")
    before = truth(memory)

    with pytest.raises(Conflict, match="Others came since"):
        memory.redo()
    assert truth(memory) == before


def test_an_undo_says_who_got_what_a_merged_user_had(memory: Memory, session: Session) -> None:
    operation = memory.erase.session(session.id)
    memory.users.save("ben")
    memory.users.merge("ana", "ben")

    (note,) = memory.undo(operation.id).notes

    assert note == "User 'ana' is known as 'ben' by now, who got back what was theirs."


@pytest.mark.parametrize("again", [True, False])
def test_an_undo_names_an_alias_that_is_somebody_elses_by_now(memory: Memory, again: bool) -> None:
    memory.users.alias("ana", "phone")
    operation = memory.erase.user("ana")
    memory.users.save("phone")
    if again:
        memory.users.save("ana")

    notes = memory.undo(operation.id).notes

    assert "'phone' names another user by now: 'ana' does not get it back." in notes
    assert memory.users.get("phone").user_id == "phone"
