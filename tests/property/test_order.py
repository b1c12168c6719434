"""Many who write at once: nothing is lost, and all readers see one order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ingat.aio import AsyncMemory
from ingat.core.records import Message
from ingat.memory import Memory
from ingat.testing import open_memory
from tests.engine import same_store, store_at, store_url

THREADS, EACH = 8, 20


def together(work: Callable[[int], None], number: int) -> None:
    barrier = threading.Barrier(number)

    def run(which: int) -> None:
        barrier.wait()
        work(which)

    threads = [threading.Thread(target=run, args=(which,)) for which in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_one_order(memory: Memory, session_id: str, acknowledged: list[Message]) -> None:
    kept = memory.sessions.messages(session_id, None)
    assert kept == sorted(acknowledged, key=lambda message: message.seq)
    assert [message.seq for message in kept] == list(range(1, len(kept) + 1))
    assert memory.sessions.get(session_id).message_count == len(kept)
    for author in {message.author for message in kept}:
        said = [message.content for message in kept if message.author == author]
        assert said == sorted(said)
    assert memory.vectors is not None
    memory.vectors.flush()
    assert [check.name for check in memory.doctor() if check.state != "ok"] == []


@pytest.mark.parametrize("place", ["file", "memory"])
def test_threads_that_write_to_a_new_session_lose_nothing(tmp_path: Path, place: str) -> None:
    url = ":memory:" if place == "memory" else store_url(tmp_path / "store.db")
    with open_memory(**same_store(url)) as memory:
        acknowledged: list[Message] = []

        def write(which: int) -> None:
            session = memory.sessions.open("ana", "web")
            for number in range(EACH):
                said = memory.sessions.append(session.id, "user", f"line {number:03}", author=f"t{which}")
                acknowledged.append(said)

        together(write, THREADS)
        sessions = memory.sessions.list("ana")

        assert len(sessions) == 1
        assert len(acknowledged) == THREADS * EACH
        in_one_order(memory, sessions[0].id, acknowledged)
        assert len(memory.recall("ana", "line", 1_000).hits) == THREADS * EACH


def test_lists_of_messages_stay_together(tmp_path: Path) -> None:
    with open_memory(**store_at(tmp_path / "store.db")) as memory:
        session = memory.sessions.open("ana")

        def write(which: int) -> None:
            for number in range(5):
                memory.sessions.append_many(
                    session.id, [{"role": "user", "content": f"{which}/{number}/{part}"} for part in range(4)]
                )

        together(write, THREADS)
        contents = [message.content for message in memory.sessions.messages(session.id, None)]

        assert len(contents) == THREADS * 5 * 4
        for start in range(0, len(contents), 4):
            group = contents[start].rsplit("/", 1)[0]
            assert contents[start : start + 4] == [f"{group}/{part}" for part in range(4)]


def test_tasks_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    async def write(memory: AsyncMemory, session_id: str, which: int) -> list[Message]:
        return [
            await memory.sessions.append(session_id, "user", f"line {number:03}", author=f"t{which}")
            for number in range(EACH)
        ]

    async def run(memory: Memory) -> tuple[str, list[Message]]:
        face = AsyncMemory.over(memory)
        session = await face.sessions.open("ana")
        answers = await asyncio.gather(*(write(face, session.id, which) for which in range(THREADS)))
        return session.id, [message for answer in answers for message in answer]

    with open_memory(**store_at(tmp_path / "store.db")) as memory:
        session_id, acknowledged = asyncio.run(run(memory))

        assert len(acknowledged) == THREADS * EACH
        in_one_order(memory, session_id, acknowledged)
