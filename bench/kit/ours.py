"""Ours: a store with some sessions, written to by the public API."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.kit.sides import Step
from ingat.memory import Memory

SESSIONS = 100
MOST_AT_ONCE = 10_000


def url(path: Path) -> str:
    """Return the store's URL for a file."""
    return f"sqlite:////{path.resolve().as_posix().lstrip('/')}"


class Ours:
    """A memory with 100 users of one session each, appended to in rotation."""

    def __init__(self, path: Path, embedder: str = "none") -> None:
        self.memory = Memory(url(path), embedder=embedder)
        self.sessions = [(f"u{each}", self.memory.sessions.create(f"u{each}").id) for each in range(SESSIONS)]

    def fill(self, texts: Sequence[str]) -> None:
        """Give every session an equal part of the texts."""
        for place, (_, session_id) in enumerate(self.sessions):
            some = [{"role": "user", "content": text} for text in texts[place :: len(self.sessions)]]
            for start in range(0, len(some), MOST_AT_ONCE):
                self.memory.sessions.append_many(session_id, some[start : start + MOST_AT_ONCE])

    def step(self, number: int, text: str) -> Step:
        """Return the append of one message to the session whose turn it is."""
        _, session_id = self.sessions[number % len(self.sessions)]
        append = self.memory.sessions.append
        return lambda: append(session_id, "user", text)
