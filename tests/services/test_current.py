"""The current session of each access key."""

from __future__ import annotations

import pytest

from ingat.core.errors import InvalidId, SessionNotFound
from ingat.memory import Memory


def test_a_key_has_no_session_at_first(memory: Memory) -> None:
    assert memory.current_sessions.get("k1") is None


def test_each_key_has_its_own(memory: Memory) -> None:
    one, other = memory.sessions.create("ana").id, memory.sessions.create("bob").id

    memory.current_sessions.set("k1", one)
    memory.current_sessions.set("k2", other)

    found = [memory.current_sessions.get(key) for key in ("k1", "k2")]
    assert [each and each.id for each in found] == [one, other]


def test_a_session_takes_the_place_of_the_one_before(memory: Memory) -> None:
    for _ in range(2):
        session = memory.current_sessions.set("k1", memory.sessions.create("ana").id)

    assert memory.current_sessions.get("k1") == session


def test_it_is_read_in_its_present_state(memory: Memory) -> None:
    memory.current_sessions.set("k1", memory.sessions.create("ana").id)
    session = memory.sessions.list("ana")[0]

    assert memory.current_sessions.get("k1") == session
    closed = memory.sessions.close(session.id)
    assert memory.current_sessions.get("k1") == closed


def test_it_can_be_unset(memory: Memory) -> None:
    memory.current_sessions.set("k1", memory.sessions.create("ana").id)

    assert memory.current_sessions.set("k1", None) is None
    assert memory.current_sessions.get("k1") is None


def test_one_that_was_erased_is_none(memory: Memory) -> None:
    session = memory.sessions.create("ana")
    memory.current_sessions.set("k1", session.id)

    memory.erase.session(session.id)

    assert memory.current_sessions.get("k1") is None


def test_an_unknown_session_is_refused_and_changes_nothing(memory: Memory) -> None:
    session = memory.sessions.create("ana")
    memory.current_sessions.set("k1", session.id)

    with pytest.raises(SessionNotFound):
        memory.current_sessions.set("k1", "nothing")
    with pytest.raises(InvalidId):
        memory.current_sessions.set("k1", "a/b")

    assert memory.current_sessions.get("k1") == session


def test_it_stays_when_users_are_merged(memory: Memory) -> None:
    session = memory.sessions.create("web-17")
    memory.current_sessions.set("k1", session.id)
    memory.users.save("ana")

    memory.users.merge("web-17", "ana")

    found = memory.current_sessions.get("k1")
    assert found is not None
    assert found.user_id == "ana"
