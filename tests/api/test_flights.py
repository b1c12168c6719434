"""What is slow holds up nobody else, and one key does not hold up all others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ingat.api import flights
from ingat.api.flights import AT_ONCE, AT_ONCE_OF_A_USER, Flights
from ingat.core.errors import RateLimited
from ingat.core.records import Key
from ingat.memory import Memory
from ingat.testing import CountingEmbedder
from tests.api.server import running
from tests.engine import store_at

SERVICE = Key(id="s", role="service", created_at=0)
OF_USER = Key(id="u", role="user", user_id="budi", created_at=0)


class WaitingEmbedder(CountingEmbedder):
    """Makes vectors only once it is told to go on; `busy` is set when somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.busy, self.go = threading.Event(), threading.Event()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Wait for `go`."""
        self.busy.set()
        self.go.wait()
        return super().encode(texts)


def test_the_server_answers_while_recalls_are_slow(tmp_path: Path) -> None:
    embedder = WaitingEmbedder()
    embedder.go.set()
    memory = Memory(**store_at(tmp_path / "ingat.db"), embedder=embedder)
    with running(tmp_path, memory=memory, request_timeout_s=300) as server, ThreadPoolExecutor(8) as clients:
        session = memory.sessions.create("budi").id
        memory.sessions.append(session, "user", "my fan is loud")
        assert memory.vectors is not None
        memory.vectors.flush(60)
        embedder.busy.clear()
        embedder.go.clear()
        try:
            slow = [
                clients.submit(server.ask, "POST", "/v1/users/budi/recall", {"query": f"what is loud {n}?"})
                for n in range(8)
            ]
            embedder.busy.wait()
            answers = [
                server.ask("GET", "/healthz", key=None),
                server.ask("GET", "/v1/users/budi", key=server.admin),
                server.ask("GET", "/v1/users/budi", key="wrong"),
                server.ask("PUT", "/v1/users/budi", {"name": "Budi"}),
                server.ask("POST", f"/v1/sessions/{session}/messages", {"role": "user", "content": "hello"}),
            ]
            waiting = [each.done() for each in slow]
        finally:
            embedder.go.set()
        found = [each.result() for each in slow]

    assert [each.status for each in answers] == [200, 200, 401, 200, 201]
    assert waiting == [False] * 8
    assert [each.status for each in found] == [200] * 8


class Work:
    """Work that goes on until it is told to end, and counts how much of it goes on."""

    def __init__(self) -> None:
        self.running, self.go = 0, asyncio.Event()

    async def __call__(self) -> str:
        self.running += 1
        await self.go.wait()
        self.running -= 1
        return "done"


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("key", "most"), [(SERVICE, AT_ONCE), (OF_USER, AT_ONCE_OF_A_USER)], ids=["service", "user"])
def test_a_few_of_a_key_run_and_the_others_wait(key: Key, most: int) -> None:
    async def main() -> tuple[int, int, list[str]]:
        lanes, work, other = Flights(), Work(), Work()
        tasks = [asyncio.ensure_future(lanes.fly(key, work)) for _ in range(3 * most)]
        tasks.append(asyncio.ensure_future(lanes.fly(Key(id="other", role="service", created_at=0), other)))
        await _settle()
        running = work.running, other.running
        work.go.set()
        other.go.set()
        done = await asyncio.gather(*tasks)
        await _settle()
        assert not lanes._lanes
        return *running, done

    assert asyncio.run(main()) == (most, 1, ["done"] * (3 * most + 1))


def test_more_than_may_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "MOST_WAITING", 2)

    async def main() -> None:
        lanes, work = Flights(), Work()
        tasks = [asyncio.ensure_future(lanes.fly(SERVICE, work)) for _ in range(AT_ONCE + 2)]
        await _settle()
        with pytest.raises(RateLimited):
            await lanes.fly(SERVICE, work)
        work.go.set()
        await asyncio.gather(*tasks)
        assert await lanes.fly(SERVICE, work) == "done"

    asyncio.run(main())


def test_work_that_was_given_up_counts_until_it_ends() -> None:
    async def main() -> tuple[int, int]:
        lanes, work = Flights(), Work()
        tasks = [asyncio.ensure_future(lanes.fly(OF_USER, work)) for _ in range(2 * AT_ONCE_OF_A_USER)]
        await _settle()
        for task in tasks:
            task.cancel()
        await _settle()
        late = asyncio.ensure_future(lanes.fly(OF_USER, work))
        await _settle()
        before = work.running
        work.go.set()
        await late
        await _settle()
        return before, len(lanes._lanes)

    assert asyncio.run(main()) == (AT_ONCE_OF_A_USER, 0)


def test_work_that_fails_leaves_its_place() -> None:
    async def main() -> None:
        lanes = Flights()

        async def fails() -> None:
            raise ValueError("broken")

        for _ in range(2 * AT_ONCE):
            with pytest.raises(ValueError, match="broken"):
                await lanes.fly(SERVICE, fails)
        await _settle()
        assert not lanes._lanes

    asyncio.run(main())
