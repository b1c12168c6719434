"""Conversations that come to an end, for the tests of expiry."""

from __future__ import annotations

from collections.abc import Sequence

from ingat.core.records import MemoryItem, Message, Session
from ingat.memory import Memory

FACTS = ("My name is Ana Silva.", "We decided to paint the kitchen green.", "The budget is 1,200 euros.")


def talk(memory: Memory, user: str = "ana", channel: str = "web", lines: Sequence[str] = FACTS) -> Session:
    session = memory.sessions.open(user, channel)
    for line in lines:
        memory.sessions.append(session.id, "user", line)
    return session


def summaries(memory: Memory, user: str = "ana") -> list[MemoryItem]:
    return list(memory.memories.list(user, kind="summary"))


def flushed(memory: Memory) -> None:
    assert memory._expirer.flush(30)


class Clerk:
    """A summariser that keeps what it was given."""

    def __init__(self, text: str = "They talked about a kitchen.", error: Exception | None = None) -> None:
        self.text, self.error = text, error
        self.given: list[tuple[Session, Sequence[Message]]] = []

    def __call__(self, session: Session, messages: Sequence[Message]) -> str:
        self.given.append((session, messages))
        if self.error is not None:
            raise self.error
        return self.text


def close_only(memory: Memory) -> None:
    """Close what is idle, as a process does that dies before it writes the summaries."""
    vars(memory._expirer)["_summarise_all"] = lambda again, done: None
    memory.expire()
    del vars(memory._expirer)["_summarise_all"]
