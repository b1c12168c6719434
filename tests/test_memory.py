"""Memory: opens what it is told to, binds the names together, and lets go of everything."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ingat.core.errors import IngatError, InvalidSettings
from ingat.core.policy import RecallPolicy
from ingat.core.settings import Settings
from ingat.memory import Memory
from ingat.store.open import is_there
from ingat.testing import CountingEmbedder, TurnableClock
from tests.engine import same_store, store_at, store_url


def test_the_front_door_has_both_faces() -> None:
    import ingat
    from ingat import aio

    assert (ingat.Memory, ingat.AsyncMemory) == (Memory, aio.AsyncMemory)
    assert set(ingat.__all__) <= {*dir(ingat), "Memory", "AsyncMemory", "move"}
    with pytest.raises(AttributeError):
        ingat.Nothing  # noqa: B018 - looking is the test


def test_a_conversation_is_there_after_the_process_ended(tmp_path: Path) -> None:
    url = store_url(tmp_path / "new/bot.db")
    with Memory(**same_store(url)) as memory:
        session = memory.sessions.open("+62 811-0000-1111", "whatsapp")
        memory.sessions.append(session.id, "user", "My dog Bruno is allergic to chicken", author="Budi")
        memory.remember("6281100001111", "Budi lives in Bandung", subject="home")
    with Memory(**same_store(url)) as memory:
        assert memory.recall("6281100001111@c.us", "What is Bruno allergic to?").hits[0].text.startswith("My dog")
        assert memory.sessions.open("6281100001111", "whatsapp") == memory.sessions.get(session.id)
        assert memory.users.list()[0].user_id == "6281100001111"


def test_a_memory_in_memory_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Memory(":memory:") as memory:
        memory.users.save("ana")
    with Memory(":memory:") as memory:
        assert len(memory.users.list()) == 0

    assert list(tmp_path.iterdir()) == []


def test_the_clock_that_is_given_is_the_one_that_counts() -> None:
    clock = TurnableClock(start_ms=1_000)
    with Memory(":memory:", embedder=None, now=clock) as memory:
        assert memory.users.save("ana").created_at == 1_000
        clock.turn(seconds=5)
        assert memory.sessions.open("ana").created_at == 6_000
        assert memory.sessions.append(memory.sessions.open("ana").id, "user", "x").at == 6_000
        assert memory.remember("ana", "y").valid_from == 6_000
        assert memory.keys.create().id
        assert memory.keys.list()[0].created_at == 6_000


def test_settings_open_the_memory_that_they_describe(tmp_path: Path) -> None:
    settings = Settings(
        store=store_url(tmp_path / "bot.db"),
        embedder="none",
        role_budgets={"vip": 900},
        recall=RecallPolicy(top_k=1),
    )
    with Memory.from_settings(settings, now=TurnableClock(5)) as memory:
        memory.users.save("ana", role="vip")
        session = memory.sessions.open("ana")
        memory.sessions.append_many(session.id, [{"role": "user", "content": f"boat {n}"} for n in range(3)])

        assert len(memory.recall("ana", "boat").hits) == 1
        assert memory.context("ana", session.id).budget == 900
        assert session.created_at == 5
    assert is_there(settings.store)


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "mysql://x"},
        {"url": "bot.db"},
        {"url": "sqlite:///"},
        {"synchronous": "SOMETIMES"},
        {"busy_timeout_ms": -1},
        {"embedder": "best"},
        {"role_budgets": {"client": 1}},
    ],
    ids=str,
)
def test_what_cannot_be_opened_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidSettings) as caught:
        Memory(**{"url": ":memory:", **arguments})  # type: ignore[arg-type]

    assert caught.value.code == "invalid_settings"


def test_an_unknown_tokenizer_is_refused() -> None:
    with pytest.raises(IngatError):
        Memory(":memory:", tokenizer="guess")


def test_closing_twice_is_closing_once() -> None:
    memory = Memory(":memory:", embedder=CountingEmbedder())
    memory.close()
    memory.close()


def test_no_thread_is_left_running(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with Memory(**store_at(tmp_path / "bot.db"), embedder=CountingEmbedder()) as memory:
        memory.sessions.append(memory.sessions.open("ana").id, "user", "hello")
        memory.recall("ana", "hello")

    assert set(threading.enumerate()) <= before


def test_two_memories_on_one_file_see_each_other(tmp_path: Path) -> None:
    url = store_url(tmp_path / "bot.db")
    with Memory(**same_store(url), embedder=None) as one, Memory(**same_store(url), embedder=None) as other:
        session = one.sessions.open("ana", "web")
        assert other.sessions.open("ana", "web") == session
        one.sessions.append(session.id, "user", "first")
        other.sessions.append(session.id, "assistant", "second")

        assert [message.seq for message in one.sessions.messages(session.id)] == [1, 2]
        assert one.sessions.messages(session.id) == other.sessions.messages(session.id)
