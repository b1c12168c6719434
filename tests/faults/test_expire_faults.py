"""Expiry among writers, killed halfway, and without room: nothing is lost, and every session is remembered once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

import ingat
from ingat.core import clock as wall
from ingat.core.errors import SessionClosed
from ingat.memory import Memory
from ingat.testing import open_memory
from tests.engine import same_store, store_url

PROGRAMS = Path(__file__).with_name("programs")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}
HOUR_MS = 3_600_000


def start(program: str, *args: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(PROGRAMS / program), *map(str, args)],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if program == "expiring.py":
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    return process


@pytest.fixture
def url(tmp_path: Path) -> str:
    return store_url(tmp_path / "store.db")


def idle_sessions(url: str, number: int) -> list[str]:
    """Make sessions whose last message is 30 hours old, and return their ids."""
    began = wall.now() - 30 * HOUR_MS
    with Memory(**same_store(url), embedder=None) as memory:
        ids = [memory.sessions.create(f"user{each}", at=began).id for each in range(number)]
        for each, session_id in enumerate(ids):
            memory.sessions.append(session_id, "user", f"My number is {each}.", at=began + each)
    return ids


def remembered(memory: Memory, users: list[str]) -> Counter[str]:
    """Return how many summaries that hold each session has."""
    found = [item for user in users for item in memory.memories.list(user, kind="summary", limit=1_000)]
    return Counter(str(item.session_id) for item in found)


def wrong(memory: Memory) -> list[str]:
    return [check.name for check in memory.doctor() if check.state == "bad" and check.name != "response time"]


def test_160_appends_among_passes_lose_nothing_and_every_ended_session_has_one_summary(url: str) -> None:
    users = [f"user{number}" for number in range(8)]
    acknowledged: list[str] = []
    over = threading.Event()
    with open_memory(**same_store(url), now=wall.now, embedder=None, busy_timeout_ms=60_000) as memory:
        others = [start("expiring.py", url, 26, 2, 0) for _ in range(2)]

        def talk(user: str) -> None:
            for number in range(20):
                while True:
                    session = memory.sessions.open(user, "web")
                    try:
                        said = memory.sessions.append(session.id, "user", f"{user} says that door {number} is green")
                    except SessionClosed:  # a pass came in between
                        continue
                    acknowledged.append(said.id)
                    break

        def expire() -> None:
            while not over.is_set():
                memory.expire()

        talking = [threading.Thread(target=talk, args=(user,)) for user in users]
        passing = [threading.Thread(target=expire) for _ in range(2)]
        for thread in (*talking, *passing):
            thread.start()
        for thread in talking:
            thread.join(120)
        for _ in range(6_000):  # a pass of another process closes what is left, as its clock is ahead
            if not memory.sessions.list(state="active"):
                break
            over.wait(0.01)
        over.set()
        for thread in passing:
            thread.join(60)
        for other in others:
            _, err = other.communicate("", timeout=60)
            assert other.returncode == 0, err
        memory.expire()
        kept = [message.id for user in users for message in memory.sessions.history(user, limit=1_000)]
        ended = {
            session.id
            for user in users
            for session in memory.sessions.list(user, state="closed", limit=1_000)
            if session.message_count
        }

        assert len(acknowledged) == 160
        assert sorted(kept) == sorted(acknowledged)
        assert ended
        assert remembered(memory, users) == dict.fromkeys(ended, 1)
        assert wrong(memory) == []


@pytest.mark.parametrize("stop_at", [1, 4, 12], ids=str)
def test_a_process_killed_between_closing_and_remembering_is_made_up_for(url: str, stop_at: int) -> None:
    ids = idle_sessions(url, 12)
    process = start("expiring.py", url, 0, 1, stop_at)
    assert process.stdout is not None
    seen = [process.stdout.readline().strip() for _ in range(stop_at)]
    process.kill()
    process.communicate(timeout=60)
    users = [f"user{each}" for each in range(12)]
    with Memory(**same_store(url), embedder=None) as memory:
        assert {memory.sessions.get(session_id).state for session_id in ids} == {"closed"}
        assert set(remembered(memory, users)) == set(seen[:-1])
        report = memory.expire()

        assert (report.expired, report.summarised, report.pending) == (0, 12 - stop_at + 1, 0)
        assert remembered(memory, users) == dict.fromkeys(ids, 1)
        assert [len(memory.sessions.messages(session_id)) for session_id in ids] == [1] * 12
        assert wrong(memory) == []


def test_passes_killed_again_and_again_remember_every_session_once(url: str) -> None:
    ids = idle_sessions(url, 60)
    users = [f"user{each}" for each in range(60)]
    for number in range(5):
        process = start("expiring.py", url, 0, 3, 0)
        assert process.stdout is not None
        for _ in range(1 + 2 * number):
            process.stdout.readline()
        process.kill()
        process.communicate(timeout=60)
    with Memory(**same_store(url), embedder=None) as memory:
        memory.expire()

        assert remembered(memory, users) == dict.fromkeys(ids, 1)
        assert memory.stats().messages.total == 60
        assert wrong(memory) == []


def test_four_processes_remember_every_session_once(url: str) -> None:
    ids = idle_sessions(url, 40)
    processes = [start("expiring.py", url, 0, 2, 0) for _ in range(4)]
    with Memory(**same_store(url), embedder=None, busy_timeout_ms=60_000) as memory:
        memory.expire()
        for process in processes:
            _, err = process.communicate("", timeout=60)
            assert process.returncode == 0, err

        assert remembered(memory, [f"user{each}" for each in range(40)]) == dict.fromkeys(ids, 1)


@pytest.mark.sqlite_only("limits the size of the store's file")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for the size of a file")
def test_without_room_a_session_is_closed_and_remembered_later(tmp_path: Path) -> None:
    process = start("cornered.py", tmp_path)
    out, err = process.communicate(timeout=100)

    assert process.returncode == 0, err
    assert out.splitlines() == [
        "without room for the summaries: 2 expired, 0 summarised, 2 pending, failed ['store_full']",
        "closed ['closed'] ['closed']",
        "without any room: 0 expired, 0 summarised, 2 pending, failed ['store_full']",
        "open ['active']",
        "with room: 1 expired, 3 summarised, 0 pending, failed []",
        "summaries [1, 1, 1]",
        "messages [1, 1, 1]",
        "wrong []",
    ]
