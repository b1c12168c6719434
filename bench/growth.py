"""Growth: every listing, search, pass and overview in stores of 1,000, 10,000 and 100,000 sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from bench.kit.crowds import OLD, make_crowd
from bench.kit.ours import url
from bench.kit.report import Report, folder, options, say
from bench.kit.sides import in_turn, median
from ingat.memory import Memory

SIZES = ((1_000, 10_000), (10_000, 100_000), (100_000, 1_000_000))
"""Sessions and log entries of each store."""
MOST_GROWTH = 5.0
"""How much longer a request may take in the largest store than in the smallest one, and be taken for one that looks at
its own rows only: the trees are deeper and the rows farther apart."""
SMALL_MS = 0.5
"""A request that takes no longer than this in the largest store is not judged by its growth."""

Asked = Callable[[], object]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return how many goals were missed."""
    quick = options(__doc__, argv).quick
    sizes = SIZES[:2] if quick else SIZES
    report = Report("growth", "What requests and passes cost as a store grows: milliseconds, p50", quick=quick)
    found: dict[str, list[float]] = {}
    judged: set[str] = set()
    with folder() as work:
        for sessions, entries in sizes:
            say(f"{sessions:,} sessions and {entries:,} log entries")
            path = work / f"{sessions}.db"
            make_crowd(path, sessions, entries)
            with Memory(url(path), embedder="none") as memory:
                requests = _requests(memory)
                judged |= requests.keys()
                for name, taken in _times_ms(requests, 5 if quick else 8).items():
                    found.setdefault(name, []).append(taken)
                for name, taken in _times_ms({"stats": memory.stats}, 5).items():
                    found.setdefault(name, []).append(taken)
                for name, taken in _passes_ms(memory).items():
                    found.setdefault(name, []).append(taken)
            _clear(work)
    _tell(report, sizes, found, judged)
    report.note(
        "Stores are made by SQL: users of ten sessions of two messages, one of them active, and the log entries of a"
        " week. A pass of expiry closes 200 sessions of that store and writes their summaries; one of retention finds"
        " nothing to do. Doctor and measure go through the whole store; no request waits for them."
    )
    return report.close([(name, taken[-1]) for name, taken in found.items()], "milliseconds in the largest store")


def _requests(memory: Memory) -> dict[str, Asked]:
    """Return what is done while somebody waits."""
    deep = _deep(lambda cursor: memory.sessions.list(cursor=cursor).next)
    deep_logs = _deep(lambda cursor: memory.logs.list(cursor=cursor).next)
    return {
        "users, first page": lambda: memory.users.list(),
        "users, by name": lambda: memory.users.list(sort="name"),
        "users, search": lambda: memory.users.list(search="u12"),
        "sessions, first page": lambda: memory.sessions.list(),
        "sessions, 10th page": lambda: memory.sessions.list(cursor=deep),
        "sessions, active": lambda: memory.sessions.list(state="active"),
        "sessions, by creation": lambda: memory.sessions.list(sort="created_at"),
        "sessions of a user": lambda: memory.sessions.list("u7"),
        "messages of a session": lambda: memory.sessions.messages("s7-3"),
        "messages of a user": lambda: memory.sessions.history("u7"),
        "memories of a user": lambda: memory.memories.list("u7"),
        "search of a user": lambda: memory.search("u7", "appointment"),
        "recall": lambda: memory.recall("u7", "When is my appointment?"),
        "context": lambda: memory.context("u7", "s7-0"),
        "append": lambda: memory.sessions.append("s7-0", "user", "And one more thing."),
        "logs, newest": lambda: memory.logs.list(),
        "logs, 10th page": lambda: memory.logs.list(cursor=deep_logs),
        "logs, errors": lambda: memory.logs.list(level="error"),
        "logs, from warn on": lambda: memory.logs.list(min_level="warn"),
        "logs, category": lambda: memory.logs.list(category="cleanup"),
        "logs, user": lambda: memory.logs.list(user_id="u7"),
        "logs, common text": lambda: memory.logs.list(search="memories"),
        "logs, absent text": lambda: memory.logs.list(search="no such words"),
        "logs, statistics": lambda: memory.logs.stats(),
        "snapshots": lambda: memory.snapshots.list(),
        "operations": lambda: memory.operations.list(),
        "jobs": lambda: memory.jobs.list(),
    }


def _passes_ms(memory: Memory) -> dict[str, float]:
    """Return what the passes take that run behind."""
    passes: dict[str, Asked] = {
        f"pass of expiry, {OLD} due": lambda: memory.expire(),
        "pass of expiry, nothing due": lambda: memory.expire(),
        "pass of retention, nothing due": lambda: memory.retain(),
        "job measure": lambda: memory.jobs.run("measure"),
        "doctor": lambda: memory.doctor(),
    }
    rounds = {name: 3 if "nothing" in name else 1 for name in passes}
    return {
        name: sorted(_once_ms(step) for _ in range(rounds[name]))[rounds[name] // 2] for name, step in passes.items()
    }


def _times_ms(asked: dict[str, Asked], rounds: int) -> dict[str, float]:
    def side(step: Asked) -> tuple[Callable[[], Asked], int]:
        return lambda: step, 10

    sides = {name: side(step) for name, step in asked.items()}
    in_turn(sides, 1)
    return {name: median(taken) * 1e3 for name, taken in in_turn(sides, rounds).items()}


def _once_ms(step: Asked) -> float:
    started = perf_counter()
    step()
    return (perf_counter() - started) * 1e3


def _deep(following: Callable[[str | None], str | None], pages: int = 9) -> str | None:
    """Return the cursor behind so many pages, or the last there is."""
    cursor: str | None = None
    for _ in range(pages):
        after = following(cursor)
        if after is None:
            break
        cursor = after
    return cursor


def _tell(report: Report, sizes: Sequence[tuple[int, int]], found: dict[str, list[float]], judged: set[str]) -> None:
    names = [f"{sessions:,}" for sessions, _ in sizes]
    worst, slow = 0.0, ""
    for name, taken in found.items():
        growth = taken[-1] / taken[0]
        smaller = ", ".join(f"{value:,.3g} at {size}" for value, size in zip(taken, names, strict=True))
        report.figure(name, taken[-1], "ms", f"{smaller} sessions: {growth:,.3g} ×")
        if name in judged and taken[-1] > SMALL_MS and growth > worst:
            worst, slow = growth, name
    report.at_most(f"growth of a request from {names[0]} to {names[-1]} sessions, worst: {slow}", worst, MOST_GROWTH)
    report.at_most(f"stats with {names[-1]} sessions", found["stats"][-1], 50, "ms")


def _clear(work: Path) -> None:
    for path in work.iterdir():
        if path.is_file():
            path.unlink()


if __name__ == "__main__":
    main()
