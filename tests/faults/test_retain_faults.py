"""A retention pass that is killed, or runs beside another process, loses nothing and is completed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ingat
from ingat.core.logs import NewLog
from ingat.core.records import Message
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.engine import same_store, store_url

PROGRAM = Path(__file__).with_name("programs") / "retaining.py"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}
SESSIONS, ENTRIES, LINES = 14, 170, 60
LINE = "The piano tuner comes on Friday at nine, and the old bicycle stays in the garage. "


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def url(tmp_path: Path, clock: TurnableClock) -> str:
    """A store in which everything is due."""
    made = store_url(tmp_path / "store.db")
    with open_memory(url=made, now=clock, embedder=None) as memory:
        for number in range(SESSIONS):
            session = memory.sessions.create(f"user-{number % 3}", id=f"session-{number}")
            memory.sessions.append_many(
                session.id, [{"role": "user", "content": f"{place} {LINE * 20}"} for place in range(LINES)]
            )
            if number < 4:
                memory.sessions.archive(session.id)
        memory.logs.add_many([NewLog(message=f"entry {number}") for number in range(ENTRIES)])
    clock.turn(days=40)
    return made


def said(memory: Memory) -> list[list[Message]]:
    return [memory.sessions.messages(f"session-{number}", None) for number in range(SESSIONS)]


def start(url: str, clock: TurnableClock) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), url, str(clock())],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> list[int]:
    """Return sessions archived, log entries deleted, and bytes compressed by a program that ran to its end."""
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    words = out.splitlines()[-1].split()
    assert words[0] == "done"
    return [int(word) for word in words[1:]]


def whole(memory: Memory) -> None:
    """Make sure that everything was done, and nothing more."""
    assert [memory.sessions.get(f"session-{number}").state for number in range(SESSIONS)] == ["archived"] * SESSIONS
    assert [entry for entry in memory.logs.list(limit=1_000) if entry.category != "cleanup"] == []
    packed = memory.store.read(
        lambda tx: tx.all("SELECT COUNT(*) FROM message WHERE packed > 0 AND session_id IN (SELECT id FROM session)")
    )
    assert packed == [(4 * LINES,)]
    assert [check.name for check in memory.doctor() if check.state == "bad"] == []


@pytest.mark.parametrize("steps", [1, 3, 6, 9, 12])
def test_a_pass_that_is_killed_is_completed_by_the_next(url: str, clock: TurnableClock, steps: int) -> None:
    with open_memory(**same_store(url), now=clock, embedder=None) as memory:
        before = said(memory)
    process = start(url, clock)
    assert process.stdout is not None
    for _ in range(steps):
        assert process.stdout.readline() == "step\n"
    process.kill()
    process.communicate(timeout=60)
    with open_memory(**same_store(url), now=clock, embedder=None) as memory:
        assert said(memory) == before
        assert memory.retain().failed == ()
        assert said(memory) == before
        whole(memory)
        for operation in memory.operations.list():
            memory.undo(operation.id)
        assert len([entry for entry in memory.logs.list(limit=1_000) if entry.category != "cleanup"]) == ENTRIES


def test_two_processes_at_once_do_each_thing_once(url: str, clock: TurnableClock) -> None:
    with open_memory(**same_store(url), now=clock, embedder=None) as memory:
        before = said(memory)
        processes = [start(url, clock), start(url, clock)]
        done = [finished(process) for process in processes]

        assert [sum(each) for each in zip(*done, strict=True)][:2] == [SESSIONS - 4, ENTRIES]
        assert sum(each[2] for each in done) == sum(len(each.content) for some in before[:4] for each in some)
        assert said(memory) == before
        whole(memory)
