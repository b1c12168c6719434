"""While remembering is switched off, a bot goes on, nothing is written, and what was kept can still be read."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingat.aio import AsyncMemory
from ingat.core.context import Context
from ingat.core.errors import EmptyContent, InvalidId, MemoryOff, SessionNotFound, UserBlocked
from ingat.lifecycle.turn import Answer
from ingat.memory import Memory
from ingat.store.open import is_there, open_store
from tests.engine import contents, is_postgres, same_store, store_url, unmade_url


def answer(text: str, context: Context) -> Answer:
    return Answer(f"{len(context.messages)} message, {len(context.recalled)} recalled: {text}", model="echo")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return store_url(tmp_path / "store.db")


@pytest.fixture
def filled(url: str) -> str:
    with Memory(**same_store(url), embedder=None) as memory:
        memory.chat("ana", "My name is John and my boiler is an F57A")
        memory.users.save("mallory", role="blocked")
    return url


def _kept(url: str) -> object:
    """Return what the store holds; on SQLite the bytes of its file."""
    if not is_postgres():
        return hashlib.sha256(Path(url.removeprefix("sqlite:///")).read_bytes()).hexdigest()
    store = open_store(url)
    try:
        return store.read(contents)
    finally:
        store.close()


def test_no_store_is_made(tmp_path: Path) -> None:
    url = unmade_url(tmp_path / "store.db")
    with Memory(url, data=str(tmp_path / "data"), enabled=False) as memory:
        memory.chat("ana", "My name is John")

    assert list(tmp_path.iterdir()) == []
    assert not is_there(url)


def test_a_chat_is_answered_from_what_was_just_said_alone(filled: str) -> None:
    before = _kept(filled)
    with Memory(**same_store(filled), enabled=False, answerer=answer) as memory:
        first = memory.chat("ana", "My dog is Bruno")
        second = memory.chat("ana", "What is my name?")
        counted = memory.stats().messages.total

    assert first.answer.content == "1 message, 0 recalled: My dog is Bruno"
    assert second.answer.content == "1 message, 0 recalled: What is my name?"
    assert second.recalled == ()
    assert (counted, _kept(filled)) == (2, before)


def test_without_a_model_the_answer_says_that_nothing_was_kept(filled: str) -> None:
    with Memory(**same_store(filled), enabled=False) as memory:
        assert "I kept nothing" in memory.chat("ana", "What is my name?").answer.content


def test_the_calls_of_a_bot_work_and_keep_nothing(filled: str) -> None:
    with Memory(**same_store(filled), enabled=False) as memory:
        session = memory.sessions.open("ana", "web")
        message = memory.sessions.append(session.id, "user", "My dog is Bruno")
        several = memory.sessions.append_many(
            session.id, [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
        )

        assert memory.sessions.open("ana", "web").id == session.id == memory.sessions.get(session.id).id
        assert (message.content, message.user_id) == ("My dog is Bruno", "ana")
        assert [each.seq for each in several] == [1, 2]
        assert memory.sessions.messages(session.id) == []
        assert memory.context("ana", session.id).messages == ()
        recall = memory.recall("ana", "what is my name?")
        assert (recall.hits, "switched off" in str(recall.note)) == ((), True)


def test_the_asynchronous_calls_of_a_bot_work_and_keep_nothing(filled: str) -> None:
    async def talk() -> list[str]:
        async with AsyncMemory(**same_store(filled), enabled=False) as memory:
            session = await memory.sessions.open("ana")
            message = await memory.sessions.append(session.id, "user", "My dog is Bruno")
            return [message.content, *(each.content for each in await memory.sessions.messages(session.id))]

    before = _kept(filled)

    assert asyncio.run(talk()) == ["My dog is Bruno"]
    assert _kept(filled) == before


def test_a_session_of_before_takes_messages_and_keeps_none(filled: str) -> None:
    with Memory(**same_store(filled), enabled=False) as memory:
        (session,) = memory.sessions.list("ana")
        memory.sessions.append(session.id, "user", "My dog is Bruno")

        assert len(memory.sessions.messages(session.id)) == 2


def test_wrong_messages_are_refused_as_ever(filled: str) -> None:
    with Memory(**same_store(filled), enabled=False) as memory:
        session = memory.sessions.open("ana")
        with pytest.raises(EmptyContent):
            memory.sessions.append(session.id, "user", "")
        with pytest.raises(SessionNotFound):
            memory.sessions.append("nothing", "user", "x")


def test_an_id_that_leaves_no_room_is_refused_instead_of_shortened(filled: str) -> None:
    with Memory(**same_store(filled), enabled=False) as memory, pytest.raises(InvalidId):
        memory.sessions.open("a" * 250)


def test_people_who_are_blocked_stay_blocked(filled: str) -> None:
    with Memory(**same_store(filled), enabled=False) as memory, pytest.raises(UserBlocked):
        memory.chat("mallory", "hello")


CHANGES: dict[str, Callable[[Memory], Any]] = {
    "close": lambda memory: memory.sessions.close(memory.sessions.list("ana")[0].id),
    "log": lambda memory: memory.logs.add("x"),
    "policy": lambda memory: memory.retention.set(max_sessions=5),
    "remember": lambda memory: memory.remember("ana", "likes tea"),
    "snapshot": lambda memory: memory.snapshots.save("x", {}),
    "user": lambda memory: memory.users.save("ana", name="Ana"),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_every_change_is_refused_and_says_why(filled: str, change: str) -> None:
    before = _kept(filled)
    with Memory(**same_store(filled), enabled=False) as memory, pytest.raises(MemoryOff) as refused:
        CHANGES[change](memory)

    assert "INGAT_ENABLED" in refused.value.message
    assert _kept(filled) == before


def test_what_was_kept_is_remembered_again_when_it_is_switched_on(filled: str) -> None:
    with Memory(**same_store(filled), enabled=False) as memory:
        memory.chat("ana", "My dog is Bruno")
    with Memory(**same_store(filled)) as memory:
        assert [hit.text for hit in memory.recall("ana", "boiler").hits] == ["My name is John and my boiler is an F57A"]
        assert memory.recall("ana", "Bruno").hits == ()
