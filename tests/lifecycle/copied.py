"""What the tests of backups share: a store with a little of everything, and where its copies are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.engine import store_at

SECRET = "correct horse battery staple"


def opened(tmp_path: Path, clock: TurnableClock, **values: Any) -> Any:
    return open_memory(**store_at(tmp_path / "store.db"), now=clock, embedder=None, **values)


def fill(memory: Memory, user: str = "ana", messages: int = 3) -> str:
    session = memory.sessions.create(user)
    for number in range(messages):
        memory.sessions.append(session.id, "user", f"the fan rattles {number}")
    memory.remember(user, "likes tea", subject="drink")
    memory.snapshots.save("desk", {"x": 1}, user_id=user)
    memory.logs.add("Scanner executed", category="scanner")
    return session.id


def folder(tmp_path: Path) -> Path:
    return tmp_path / "store.db.data" / "restore-points"


def copies(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir()) if place.is_dir() else []
