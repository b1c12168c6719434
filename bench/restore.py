"""Restoring a user, taking it back and doing it again: how long others wait, beside the undo of an erasure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.kit.ours import url
from bench.kit.report import Report, folder, options, say
from bench.kit.talk import Talk
from ingat.memory import Memory
from ingat.store.sqlite.engine import SQLiteStore

MESSAGES, QUICK = 200_000, 20_000
SESSIONS = 200
MOST_RATIO = 1.5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return how many goals were missed."""
    quick = options(__doc__, argv).quick
    messages = QUICK if quick else MESSAGES
    report = Report("restore", f"Restoring a user of {messages:,} messages: seconds that writers wait", quick=quick)
    bars: list[tuple[str, float]] = []
    with folder() as work, _store(work / "restore.db", messages) as memory, _writes() as held:
        name = memory.backups.create().name

        def measured(said: str, act: Callable[[], Any]) -> Any:
            held.clear()
            started = perf_counter()
            done = act()
            report.figure(said, max(held), "s", f"of {perf_counter() - started:.1f} s in all")
            bars.append((said, max(held)))
            return done

        erased = measured("erase.user", lambda: memory.erase.user("ana"))
        measured("undo of erase.user", lambda: memory.undo(erased.id))
        memory.redo(erased.id)
        restored = measured("restore", lambda: memory.backups.restore(name)).operation.id
        measured("undo of the restore", lambda: memory.undo(restored))
        measured("redo of the restore", lambda: memory.redo(restored))
    beside = dict(bars)["undo of erase.user"]
    for said, spent in bars[2:]:
        report.at_most(f"{said}, to the undo of erase.user", spent / beside, MOST_RATIO)
    report.note(f"The user has {SESSIONS} sessions. Times are those of the longest transaction that writes.")
    return report.close(bars, "seconds")


def _store(path: Path, messages: int) -> Memory:
    say(f"a user of {messages:,} messages")
    memory = Memory(url(path), embedder="none")
    share = messages // SESSIONS
    lines = [{"role": "user", "content": text} for text in Talk().turns(share)]
    for _ in range(SESSIONS):
        session = memory.sessions.create("ana")
        for start in range(0, share, 1_000):
            memory.sessions.append_many(session.id, lines[start : start + 1_000])
    return memory


@contextmanager
def _writes() -> Iterator[list[float]]:
    """Time each transaction that writes while the block runs."""
    write, held = SQLiteStore.write, list[float]()

    def timed(self: SQLiteStore, fn: Callable[[Any], Any], *, alone: bool = False) -> Any:
        def work(tx: Any) -> Any:
            started = perf_counter()
            try:
                return fn(tx)
            finally:
                held.append(perf_counter() - started)

        return write(self, work, alone=alone)

    SQLiteStore.write = timed  # type: ignore[method-assign]
    try:
        yield held
    finally:
        SQLiteStore.write = write  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
