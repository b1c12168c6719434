"""What is derived can be rebuilt at any time, and recall is the same afterwards."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ingat.core.errors import UserNotFound
from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.testing import CountingEmbedder, TurnableClock, filled_memory, open_memory
from tests.engine import same_store, store_at, store_url

QUESTIONS = ("What is Bruno allergic to?", "Where does Ana live?", "plan with calendars", "When did I move?")


def answers(memory: Memory) -> list[list[tuple[str, float]]]:
    return [
        [(hit.source_id, round(hit.score, 4)) for hit in memory.recall("ana", question, 20).hits]
        for question in QUESTIONS
    ]


def damage(tx: Tx) -> None:
    tx.run("DELETE FROM recall_vector")
    tx.run("UPDATE recall_entry SET terms = ?, pairs = ? WHERE position % 2 = 0", (b"", b""))
    tx.run("DELETE FROM recall_entry WHERE position % 3 = 0")


@pytest.mark.parametrize("embedder", ["static", "none"])
def test_recall_is_the_same_before_and_after(embedder: str) -> None:
    with filled_memory(embedder=embedder) as memory:
        before = answers(memory)
        history = memory.sessions.history("ana")
        written = memory.reindex()

        assert written == 11
        assert answers(memory) == before
        assert [m.id for m in memory.sessions.history("ana")] == [m.id for m in history]
        assert all(check.state == "ok" for check in memory.doctor())


def test_a_damaged_index_is_mended() -> None:
    with filled_memory() as memory:
        before = answers(memory)
        memory.store.write(damage)
        assert any(check.state == "bad" for check in memory.doctor())
        memory.reindex()

        assert answers(memory) == before
        assert all(check.state == "ok" for check in memory.doctor())


def test_log_entries_are_counted_anew(memory: Memory) -> None:
    memory.logs.add("x", level="warn", category="a")
    memory.store.write(lambda tx: tx.run("UPDATE log_count SET entries = 7"))

    memory.reindex()

    assert memory.logs.stats().by_category["a"] == 1


def test_one_user_alone_is_rebuilt() -> None:
    with filled_memory() as memory:
        seen: list[tuple[int, int]] = []

        assert memory.reindex("+62 811-0000-1111", progress=lambda done, of: seen.append((done, of))) == 2
        assert seen == [(1, 1)]


def test_progress_counts_users() -> None:
    with filled_memory() as memory:
        seen: list[tuple[int, int]] = []
        memory.reindex(progress=lambda done, of: seen.append((done, of)))

        assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_unknown_user_is_not_rebuilt(memory: Memory) -> None:
    with pytest.raises(UserNotFound):
        memory.reindex("nobody")


def test_vectors_of_another_embedder_are_replaced(tmp_path: Path) -> None:
    url = store_url(tmp_path / "store.db")
    with filled_memory(**same_store(url), embedder=CountingEmbedder(name="old")):
        pass
    with open_memory(**same_store(url), embedder=CountingEmbedder(name="new")) as memory:
        states = {check.name: check.state for check in memory.doctor()}
        assert (states["vectors missing"], states["vectors of another embedder"]) == ("warn", "warn")
        memory.reindex()

        assert all(check.state == "ok" for check in memory.doctor())


def test_memories_that_ended_stay_ended(memory: Memory, clock: TurnableClock) -> None:
    memory.remember("ana", "Lisbon", subject="home")
    moved = clock.turn(days=1)
    memory.remember("ana", "Porto", subject="home")
    memory.reindex()

    assert [hit.text for hit in memory.recall("ana", "home").hits] == ["home: Porto"]
    assert [hit.text for hit in memory.recall("ana", "home", as_of=moved - 1).hits] == ["home: Lisbon"]
    edited = memory.memories.edit("ana", memory.memories.list("ana")[0].id, text="Braga")
    assert [hit.text for hit in memory.recall("ana", "home").hits] == [f"home: {edited.text}"]
    assert all(check.state == "ok" for check in memory.doctor() if "missing" not in check.name)


def test_what_is_said_meanwhile_is_not_lost(tmp_path: Path) -> None:
    """A user who never falls silent must be rebuilt too."""
    with open_memory(**store_at(tmp_path / "store.db")) as memory:
        session = memory.sessions.open("ana")
        memory.sessions.append_many(session.id, [{"role": "user", "content": f"old word{n}"} for n in range(300)])
        stop = threading.Event()
        said: list[int] = []

        def talk() -> None:
            while not stop.is_set():
                said.append(memory.sessions.append(session.id, "user", f"new word{len(said)}").seq)

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            for _ in range(3):
                assert memory.reindex() >= 300
        finally:
            stop.set()
            thread.join()

        assert said == list(range(301, 301 + len(said)))
        assert memory.vectors is not None
        memory.vectors.flush()
        memory.vectors.sweep()
        assert all(check.state == "ok" for check in memory.doctor())
        assert memory.stats().messages.total == 300 + len(said)


def test_the_history_keeps_the_order_of_writing(memory: Memory) -> None:
    """Imported messages bring times of their own, by which the history was once sorted after a reindex."""
    old, new = memory.sessions.create("ana", id="old"), memory.sessions.create("ana", id="new")
    for session, at in ((new, 9_000), (old, 1_000), (new, 5_000), (old, 7_000)):
        memory.sessions.append(session.id, "user", f"said at {at}", at=at)
    before = memory.sessions.history("ana")
    memory.reindex()

    assert memory.sessions.history("ana") == before


def test_a_message_without_an_entry_comes_back_behind_the_one_before_it(memory: Memory) -> None:
    session = memory.sessions.open("ana")
    for number in range(4):
        memory.sessions.append(session.id, "user", f"line {number}")
    memory.store.write(lambda tx: tx.run("DELETE FROM recall_entry WHERE seq = 3"))
    memory.reindex()

    assert [message.seq for message in memory.sessions.history("ana")] == [4, 3, 2, 1]


def test_an_index_that_is_lost_as_a_whole_is_rebuilt_by_time(memory: Memory, clock: TurnableClock) -> None:
    for channel, text in (("b", "first"), ("a", "second"), ("b", "third"), ("a", "fourth")):
        memory.sessions.append(memory.sessions.open("ana", channel).id, "user", text)
        clock.turn(minutes=1)
    memory.store.write(lambda tx: tx.run("DELETE FROM recall_entry"))
    memory.reindex()

    assert [message.content for message in memory.sessions.history("ana")] == ["fourth", "third", "second", "first"]


def test_a_user_who_was_merged_meanwhile_is_passed_over(memory: Memory) -> None:
    for user in ("a", "b", "c"):
        memory.sessions.append(memory.sessions.open(user).id, "user", f"I am {user} with a boat")

    def merge_after_the_first(done: int, total: int) -> None:
        if done == 1:
            memory.users.merge("b", "c")

    memory.reindex(progress=merge_after_the_first)

    assert len(memory.recall("c", "boat").hits) == 2
    assert len(memory.recall("b", "boat").hits) == 2
