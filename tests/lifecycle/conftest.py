"""A memory with some of everything, and one with nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingat.memory import Memory
from ingat.testing import CountingEmbedder, TurnableClock, open_memory


@pytest.fixture
def other(embedder: CountingEmbedder) -> Iterator[Memory]:
    """Another memory, with nothing in it."""
    with open_memory(embedder=embedder) as opened:
        yield opened


@pytest.fixture
def full(memory: Memory, clock: TurnableClock) -> Memory:
    """A memory with some of everything."""
    memory.users.save("ana", name="Ana", flags={"vip": True}, role="godfather")
    memory.users.alias("ana", "628111222333@c.us")
    memory.users.protect("ana")
    memory.users.save("ben", slots={"floor": 2})
    talk = memory.sessions.create("ana", id="talk", name="Talk", channel="web", metadata={"a": [1]})
    memory.sessions.append(talk.id, "user", "The boiler leaks", author="Ana", id="m1")
    picture = {"kind": "image", "caption": "A wet boiler", "metadata": {"w": 640}}
    memory.sessions.append(talk.id, "assistant", "Show me", attachments=[picture], id="m2")
    clock.turn(minutes=1)
    memory.remember("ana", "F57A", subject="boiler", session_id="talk", message_ids=["m1"])
    clock.turn(minutes=1)
    memory.remember("ana", "F58B", subject="boiler")
    memory.remember("ana", "likes tea", kind="note")
    memory.sessions.close("talk")
    memory.sessions.archive("talk")
    letter = memory.sessions.create("ben", id="letter", channel="mail")
    memory.sessions.append(letter.id, "user", "Dear all", id="m1")
    memory.snapshots.save("A", state={"x": 1.5}, user_id="ana")
    memory.snapshots.save("A", state={"x": 2}, user_id="ana")
    memory.snapshots.save("B", state={"y": []})
    memory.logs.add("first", category="chat", user_id="ana", data={"n": 1})
    memory.logs.add("second", level="error", session_id="talk")
    memory.logs.add("third")
    memory.retention.set(log_retention_days=3)
    memory.retention.set(log_retention_days=4)
    return memory
