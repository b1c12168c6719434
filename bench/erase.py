"""Erasing a user of 1,000 messages, with a verified restore point, in a small store and one of 1,000,000 messages."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.kit.crowds import TURNS, make_crowd
from bench.kit.ours import url
from bench.kit.report import Report, folder, options, say
from bench.kit.sides import Step, high, in_turn, median
from bench.kit.talk import Talk
from ingat.core.reports import Operation
from ingat.lifecycle import erase
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.memory import Memory

MESSAGES = 1_000
"""Messages of each user who is erased, in ten sessions; the index entries and vectors of all are there."""
SESSIONS = 10
BLOCK = 4
LARGE, QUICK = 1_000_000, 100_000
SMALL = 10_000
EVERYTHING = 100_000
SLOWEST_MS = 100.0
MOST_GROWTH = 1.5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return how many goals were missed."""
    quick = options(__doc__, argv).quick
    report = Report("erase", f"Erasing a user of {MESSAGES:,} messages: milliseconds", quick=quick)
    sizes, rounds = (SMALL, QUICK if quick else LARGE), 3 if quick else 6
    bars: list[tuple[str, float]] = []
    with folder() as work:
        stores = {size: _store(work / f"{size}.db", size, BLOCK * (rounds + 3)) for size in sizes}
        sides = {f"Ingat, {size:,} messages present": (_next(memory), BLOCK) for size, memory in stores.items()}
        in_turn(sides, 1)
        taken = in_turn(sides, rounds)
        for name, found in taken.items():
            report.figure(name, median(found) * 1e3, "ms", f"the slowest {high(found, 100) * 1e3:.1f} ms")
            bars.append((name, median(found) * 1e3))
        for size, memory in stores.items():
            for phase, ms in _phases_ms(memory).items():
                report.figure(f"{phase}, {size:,} messages present", ms, "ms")
            undone = _undone_ms(memory)
            report.figure(f"undo, {size:,} messages present", undone, "ms")
            bars.append((f"undo, {size:,} messages present", undone))
            memory.close()
        small, large = (median(found) for found in taken.values())
        report.at_most(f"a user of {MESSAGES:,} messages, {sizes[1]:,} present, p50", large * 1e3, SLOWEST_MS, "ms")
        report.at_most(f"p50 with {sizes[1]:,} messages present to p50 with {sizes[0]:,}", large / small, MOST_GROWTH)
        _everything(report, work, SMALL if quick else EVERYTHING)
    report.note(
        f"A user has {SESSIONS} sessions of {MESSAGES // SESSIONS} messages, with static vectors. The time is that of"
        " `memory.erase.user`: collecting, writing the restore point to the disk, reading it back, deleting (with"
        " `secure_delete`) and recording. Phases are those of one more user, in the middle of three."
    )
    return report.close(bars, "milliseconds")


def _store(path: Path, messages: int, victims: int) -> Memory:
    """Make a store of so many messages of others, and users to erase, half of them before and half behind these."""
    say(f"a store of {messages:,} messages")
    make_crowd(path, messages // TURNS, 100)
    memory = Memory(url(path), embedder="static")
    texts = Talk().turns(MESSAGES)
    share = MESSAGES // SESSIONS
    for number in range(victims):
        user_id = f"{'at'[number % 2]}{number // 2}"
        for place in range(SESSIONS):
            session = memory.sessions.create(user_id)
            lines = [{"role": "user", "content": text} for text in texts[place * share : (place + 1) * share]]
            memory.sessions.append_many(session.id, lines)
        memory.remember(user_id, "F57A", subject="boiler")
    assert memory.vectors is not None
    memory.vectors.flush()
    return memory


def _next(memory: Memory) -> Callable[[], Step]:
    """Return a function that prepares the erasing of one user after another."""
    numbers = itertools.count()

    def prepare() -> Step:
        number = next(numbers)
        user_id = f"{'at'[number % 2]}{number // 2}"
        return lambda: _erased(memory, user_id)

    return prepare


def _erased(memory: Memory, user_id: str) -> Operation:
    operation = memory.erase.user(user_id)
    assert operation.counts["message"] == MESSAGES
    return operation


def _left(memory: Memory) -> str:
    """Return a user who is there to be erased."""
    return next(user.user_id for user in memory.users.list(search="t").items if user.user_id[1:].isdigit())


def _phases_ms(memory: Memory) -> dict[str, float]:
    """Return what each step takes, in the middle of three users."""
    found: list[dict[str, float]] = []
    for _ in range(3):
        with _watched() as spent:
            _erased(memory, _left(memory))
        found.append(spent)
    return {phase: sorted(each[phase] for each in found)[1] * 1e3 for phase in found[0]}


@contextmanager
def _watched() -> Iterator[dict[str, float]]:
    """Time the steps while the block runs: rows are collected while the restore point is written, and told apart."""
    spent = dict.fromkeys(("collect", "write", "verify", "delete"), 0.0)
    write, verify, delete = RestorePoints.write, RestorePoints.verify, erase._delete

    def drawn(lines: Iterable[Any]) -> Iterator[Any]:
        each, end = iter(lines), object()
        while True:
            started = perf_counter()
            line = next(each, end)
            spent["collect"] += perf_counter() - started
            if line is end:
                return
            yield line

    def timed(phase: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def then(*arguments: Any, **named: Any) -> Any:
            started = perf_counter()
            try:
                return work(*arguments, **named)
            finally:
                spent[phase] += perf_counter() - started

        return then

    def writing(self: RestorePoints, lines: Iterable[Any], *rest: Any, **named: Any) -> Any:
        return timed("write", write)(self, drawn(lines), *rest, **named)

    RestorePoints.write = writing  # type: ignore[method-assign]
    RestorePoints.verify = timed("verify", verify)  # type: ignore[method-assign]
    erase._delete = timed("delete", delete)
    try:
        yield spent
    finally:
        RestorePoints.write, RestorePoints.verify = write, verify  # type: ignore[method-assign]
        erase._delete = delete
        spent["write"] -= spent["collect"]


def _undone_ms(memory: Memory) -> float:
    operation = _erased(memory, _left(memory))
    started = perf_counter()
    memory.undo(operation.id)
    return (perf_counter() - started) * 1e3


def _everything(report: Report, work: Path, messages: int) -> None:
    """Measure the erasing of everything, and how long others wait for their appends meanwhile."""
    say(f"everything of {messages:,} messages")
    path = work / "everything.db"
    make_crowd(path, messages // TURNS, 100)
    with Memory(url(path), embedder="none") as memory:
        waits: list[float] = []
        stop = threading.Event()

        def others() -> None:
            session = memory.sessions.open("newcomer")
            while not stop.is_set():
                started = perf_counter()
                memory.sessions.append(session.id, "user", "And one more thing.")
                waits.append(perf_counter() - started)
                stop.wait(0.01)

        writer = threading.Thread(target=others)
        writer.start()
        started = perf_counter()
        memory.erase.everything(reason="measured")
        spent = perf_counter() - started
        stop.set()
        writer.join()
        left = memory.stats().users.total
    report.figure(f"everything, {messages:,} messages", spent * 1e3, "ms", f"{messages / spent:,.0f} messages/s")
    report.at_most("longest wait of an append meanwhile", max(waits) * 1e3, 1_000, "ms")
    report.at_most("users left but the one who appended", left - 1, 0, "users")


if __name__ == "__main__":
    main()
