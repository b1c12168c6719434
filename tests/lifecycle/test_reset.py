"""A conversation begins anew, when a person comes back after a day or asks for it; no reply waits for the summary."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from ingat.core.errors import SessionArchived, SessionClosed, SessionNotFound, UserBlocked
from ingat.core.records import Message, Session
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.engine import same_store, store_url
from tests.lifecycle.endings import FACTS, flushed, summaries, talk


@pytest.fixture
def url(tmp_path: Path) -> str:
    return store_url(tmp_path / "store.db")


def test_a_message_after_thirty_hours_opens_a_new_session(memory: Memory, clock: TurnableClock) -> None:
    first = talk(memory)
    clock.turn(hours=30)
    second = talk(memory, lines=["I am back."])
    flushed(memory)

    assert second.id != first.id
    assert memory.sessions.get(first.id).state == "closed"
    assert [summary.session_id for summary in summaries(memory)] == [first.id]
    assert memory.sessions.open("ana", "web").id == second.id


def test_a_chat_after_thirty_hours_begins_anew(memory: Memory, clock: TurnableClock) -> None:
    first = memory.chat("ana", "My order number is 4711.")
    clock.turn(hours=30)
    second = memory.chat("ana", "Which order number?")

    assert second.session_id != first.session_id
    assert [message.seq for message in (second.question, second.answer)] == [1, 2]


def test_a_session_in_use_stays_the_same(memory: Memory, clock: TurnableClock) -> None:
    first = talk(memory)
    for _ in range(5):
        clock.turn(hours=20)
        assert talk(memory, lines=["Still here."]).id == first.id


def test_opening_waits_for_no_summary(clock: TurnableClock) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(session: Session, messages: Sequence[Message]) -> str:
        begun.set()
        assert go_on.wait(30)
        return "A slow summary."

    with open_memory(now=clock, summariser=slow) as memory:
        first = talk(memory)
        clock.turn(hours=30)
        second = memory.sessions.open("ana", "web")
        assert begun.wait(30)
        memory.sessions.append(second.id, "user", "Hello again")

        assert summaries(memory) == []
        go_on.set()
        flushed(memory)
        assert [summary.session_id for summary in summaries(memory)] == [first.id]


def test_many_who_open_at_once_get_one_new_session_and_one_summary(url: str, clock: TurnableClock) -> None:
    with open_memory(**same_store(url), now=clock) as memory:
        talk(memory)
        clock.turn(hours=30)
        opened: list[str] = []
        threads = [
            threading.Thread(target=lambda: opened.append(memory.sessions.open("ana", "web").id)) for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        flushed(memory)

        assert len(opened) == 12
        assert len(set(opened)) == 1
        assert len(summaries(memory)) == 1


def test_what_waits_when_the_memory_closes_is_done_by_a_later_pass(url: str, clock: TurnableClock) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(session: Session, messages: Sequence[Message]) -> str:
        begun.set()
        assert go_on.wait(30)
        return f"Summary of {session.channel}."

    with open_memory(**same_store(url), now=clock, summariser=slow) as memory:
        for channel in ("a", "b", "c"):
            memory.sessions.reset(talk(memory, channel=channel).id)
        assert begun.wait(30)
        memory._expirer.close(0)
        go_on.set()
    with open_memory(**same_store(url), now=clock) as memory:
        missing = 3 - len(summaries(memory))
        assert missing >= 2
        assert memory.expire().summarised == missing
        assert len(summaries(memory)) == 3


def test_closing_finishes_what_is_soon_done(url: str) -> None:
    with open_memory(**same_store(url)) as memory:
        for channel in ("a", "b", "c"):
            memory.sessions.reset(talk(memory, channel=channel).id)
    with open_memory(**same_store(url)) as memory:
        assert len(summaries(memory)) == 3


def test_a_reset_closes_remembers_and_begins_anew(memory: Memory) -> None:
    first = talk(memory)
    second = memory.sessions.reset(first.id)
    flushed(memory)

    assert (second.user_id, second.channel, second.state, second.message_count) == ("ana", "web", "active", 0)
    assert memory.sessions.get(first.id).state == "closed"
    assert memory.sessions.open("ana", "web").id == second.id
    assert summaries(memory)[0].metadata["cause"] == "reset"
    assert len(memory.sessions.messages(first.id)) == 3
    assert memory.recall("ana", "what is the budget?").hits[0].text == FACTS[2]


def test_a_reset_works_without_a_channel(memory: Memory) -> None:
    first = memory.sessions.create("ana", project_id="house")
    second = memory.sessions.reset(first.id)

    assert (second.channel, second.project_id, second.state) == (None, "house", "active")
    assert second.id != first.id


def test_two_resets_at_once_open_one_session(url: str) -> None:
    with open_memory(**same_store(url)) as memory:
        first = talk(memory)
        opened: list[str] = []
        threads = [threading.Thread(target=lambda: opened.append(memory.sessions.reset(first.id).id)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        flushed(memory)

        assert len(opened) == 8
        assert len(set(opened)) == 1
        assert len(summaries(memory)) == 1
        assert len(memory.sessions.list("ana")) == 2


def test_a_session_that_ended_otherwise_cannot_be_reset(memory: Memory) -> None:
    session = talk(memory)
    memory.sessions.close(session.id)
    with pytest.raises(SessionClosed):
        memory.sessions.reset(session.id)
    memory.sessions.archive(session.id)
    with pytest.raises(SessionArchived):
        memory.sessions.reset(session.id)
    with pytest.raises(SessionNotFound):
        memory.sessions.reset("nobody")

    assert len(memory.sessions.list("ana")) == 1


def test_an_old_session_cannot_be_reset_once_its_follower_ended(memory: Memory) -> None:
    first = talk(memory)
    second = memory.sessions.reset(first.id)
    memory.sessions.reset(second.id)

    with pytest.raises(SessionClosed):
        memory.sessions.reset(first.id)


def test_a_blocked_users_session_is_not_reset(memory: Memory) -> None:
    session = talk(memory)
    memory.users.save("ana", role="blocked")
    with pytest.raises(UserBlocked):
        memory.sessions.reset(session.id)

    assert memory.sessions.get(session.id).state == "active"
