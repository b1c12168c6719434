"""Write through Memory until its file may not grow any more, make room, and print what was seen.

Arguments: the folder for the store. Each line printed is a fact that the test compares.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable

from ingat.core.errors import IngatError
from ingat.memory import Memory


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except IngatError as error:
        return error.code
    return "done"


def main(folder: str) -> None:
    url = f"sqlite:///{folder}/store.db"
    memory = Memory(url)
    session = memory.sessions.open("ana")
    limit(1_500_000)
    said: list[str] = []

    def say() -> None:
        text = f"line {len(said)} about boats " + "x" * 5_000
        memory.sessions.append(session.id, "user", text)
        said.append(text)

    last = "done"
    while last == "done":
        last = outcome(say)
    print("in the end", last)
    print("some were acknowledged", len(said) > 10)
    print("a memory", outcome(lambda: memory.remember("ana", "y" * 60_000)))
    print(
        "many at once",
        outcome(lambda: memory.sessions.append_many(session.id, [{"role": "user", "content": "z" * 9_000}] * 99)),
    )
    print("kept is what was acknowledged", [m.content for m in memory.sessions.messages(session.id, None)] == said)
    print("it can still be recalled", len(memory.recall("ana", "boats", 3).hits))
    limit(resource.RLIM_INFINITY)
    print("with room", outcome(say))
    print("kept is all", [m.content for m in memory.sessions.messages(session.id, None)] == said)
    assert memory.vectors is not None
    memory.vectors.flush()
    memory.vectors.sweep()
    print("wrong", [check.name for check in memory.doctor() if check.state != "ok" and check.name != "error rate"])
    memory.close()


main(sys.argv[1])
