"""Say "ready", expire what is idle, again and again, and print each session whose summary is about to be written.

Arguments: the store's URL, by how many hours the clock is ahead, the number of threads, and the summaries after which
it stands still until it is killed (0: it never does, and ends when its input does).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence

from ingat.core import clock
from ingat.core.records import Message, Session
from ingat.memory import Memory


def main(url: str, hours: str, threads: str, most: str) -> None:
    made, over = 0, threading.Event()

    def summarise(session: Session, messages: Sequence[Message]) -> str:
        nonlocal made
        made += 1
        os.write(1, f"{session.id}\n".encode())
        if made == int(most):
            threading.Event().wait()
        return f"{len(messages)} messages, by process {os.getpid()}."

    memory = Memory(
        url,
        busy_timeout_ms=60_000,
        embedder=None,
        summariser=summarise,
        now=lambda: clock.now() + int(hours) * 3_600_000,
    )

    def expire() -> None:
        while not over.is_set():
            report = memory.expire()
            assert not report.failed, report.failed

    os.write(1, b"ready\n")
    running = [threading.Thread(target=expire, daemon=True) for _ in range(int(threads))]
    for thread in running:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in running:
        thread.join()
    memory.close()


main(*sys.argv[1:])
