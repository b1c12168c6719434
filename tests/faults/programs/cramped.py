"""Erase a session and log entries where files may not grow, lift the limit, and print what was seen.

Arguments: the folder for the store. Each line printed is a fact that the test compares.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from ingat.core.errors import IngatError
from ingat.core.logs import NewLog
from ingat.core.reports import Operation
from ingat.memory import Memory


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def outcome(act: Callable[[], Operation]) -> object:
    try:
        return act().counts
    except IngatError as error:
        return error.code


def main(folder: Path) -> None:
    points = folder / "store.db.data" / "restore-points"
    with Memory(f"sqlite:///{folder}/store.db", embedder=None) as memory:
        memory.sessions.create("ana", id="talk")
        for number in range(40):
            memory.sessions.append("talk", "user", f"{number} {os.urandom(4_000).hex()}")
        memory.logs.add_many([NewLog(message=os.urandom(200).hex()) for _ in range(500)])

        limit(20_000)
        print("session without room for its restore point", outcome(lambda: memory.erase.session("talk")))
        print("logs without room for theirs", outcome(lambda: memory.erase.logs()))
        print("files", len(list(points.iterdir())))
        limit(resource.RLIM_INFINITY)
        print("messages", len(memory.sessions.messages("talk", None)), "logs", memory.logs.stats().total)

        log = folder / "store.db-wal"
        memory.sessions.create("budi", id="small")
        memory.sessions.append("small", "user", "Hello there.")
        limit(log.stat().st_size)
        print("session without room to delete it", outcome(lambda: memory.erase.session("small")))
        print("files", len(list(points.iterdir())))
        limit(resource.RLIM_INFINITY)
        print("messages", len(memory.sessions.messages("small", None)), "operations", len(memory.operations.list()))

        print("with room", outcome(lambda: memory.erase.session("talk")), outcome(lambda: memory.erase.logs()))
        for operation in memory.operations.list():
            memory.undo(operation.id)
        print("undone", len(memory.sessions.messages("talk", None)), memory.logs.stats().total)
        print("bad", [check.name for check in memory.doctor() if check.state == "bad"])


main(Path(sys.argv[1]))
