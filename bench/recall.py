"""Recall: our whole pipeline beside chroma's vector look-up alone, for many small users and for one large one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.kit.chroma import Chroma
from bench.kit.ours import url
from bench.kit.people import add_user, make_store
from bench.kit.report import Report, folder, options, say
from bench.kit.sides import Rounds, Step, high, in_turn, median
from bench.kit.talk import Talk
from ingat.memory import Memory
from ingat.search.embed.contract import Embedder
from ingat.search.embed.open import open_embedder

TURNS = 1_000
WRITTEN = 20
WARM = 20
"""Users that are asked about in turn; all of them fit into the cache of the default settings."""

Bars = list[tuple[str, float]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return how many goals were missed."""
    quick = options(__doc__, argv).quick
    report = Report("recall", "Recall of five lines: milliseconds", quick=quick)
    embedder = open_embedder("static")
    assert embedder is not None
    with folder() as work:
        bars = _many_users(report, work, embedder, 100 if quick else 1_000)
        sizes = ((10_000, 4.0),) if quick else ((10_000, 4.0), (100_000, 18.0))
        bars += _large_users(report, work, embedder, sizes)
    report.note(
        "Ours is `memory.recall`: reading the store, embedding the question, ranking by words and vectors, reading the"
        " texts of the hits. Chroma looks up the five nearest of ready vectors of the same model, `where user`."
    )
    return report.close(bars, "milliseconds, p50")


def _many_users(report: Report, work: Path, embedder: Embedder, users: int) -> Bars:
    """Measure warm and cold recalls of users with 1,000 turns each."""
    say(f"{users:,} users of {TURNS:,} turns")
    talk = Talk(2)
    people = make_store(work / "people.db", talk, users, TURNS, WRITTEN)
    warm = min(WARM, users // 2)
    chroma = Chroma(work / "chroma-people")
    for place in range(warm):
        chroma.add_user(f"u{place}", embedder.encode(people[place % len(people)]))
    with Memory(url(work / "people.db")) as memory:
        names = [f"u{place}" for place in range(warm)]
        sides = _sides(memory, chroma, embedder, names, talk, (50, 25))
        for name in names:
            memory.recall(name, talk.question())
        in_turn(sides, 1)
        taken = in_turn(sides, 16)
        cold_names = iter(f"u{place}" for place in range(warm, users))
        cold = in_turn({"cold": (lambda: _ask(memory, next(cold_names), talk.question()), 10)}, min(20, users // 20))
    size = f"{users:,} users × {TURNS:,} turns"
    _tell(report, size, taken)
    report.figure(f"Ingat, cold user, {size}", median(cold["cold"]) * 1e3, "ms", f"p99 {high(cold['cold']) * 1e3:.1f}")
    report.at_most(f"warm p50, {size}", median(taken["ours"]) * 1e3, 0.8, "ms")
    report.at_most(f"cold user p50, {size}", median(cold["cold"]) * 1e3, 10, "ms")
    report.at_least("times as fast as chroma, 1,000 turns", median(taken["peer"]) / median(taken["ours"]), 5)
    report.note(
        f"{min(WRITTEN, users)} of the {users:,} users were written by the public API, the others are copies of their"
        f" rows. Chroma holds {warm} of these users only, because it takes about 1,000 vectors a second; a larger"
        " collection makes it slower. A cold user's rows are in the system's file cache, not in the process."
    )
    return [
        ("Ingat, 1,000 turns, warm", median(taken["ours"]) * 1e3),
        ("Ingat, 1,000 turns, cold", median(cold["cold"]) * 1e3),
        ("chroma look-up, 1,000 turns", median(taken["peer"]) * 1e3),
    ]


def _large_users(report: Report, work: Path, embedder: Embedder, sizes: Sequence[tuple[int, float]]) -> Bars:
    """Measure users with very many turns; chroma's collection holds these users only."""
    chroma = Chroma(work / "chroma-large")
    bars: Bars = []
    for turns, target_ms in sizes:
        say(f"one user of {turns:,} turns")
        talk = Talk(turns)
        texts, name = talk.turns(turns), f"large{turns}"
        for start in range(0, turns, 10_000):
            chroma.add_user(name, embedder.encode(texts[start : start + 10_000]))
        with Memory(url(work / "large.db")) as memory:
            add_user(memory, name, texts)
            memory.recall(name, talk.question())
            sides = _sides(memory, chroma, embedder, [name], talk, (20, 5))
            in_turn(sides, 1)
            taken = in_turn(sides, 8)
        size = f"one user × {turns:,} turns"
        _tell(report, size, taken)
        report.at_most(f"warm p50, {size}", median(taken["ours"]) * 1e3, target_ms, "ms")
        report.at_least(f"times as fast as chroma, {turns:,} turns", median(taken["peer"]) / median(taken["ours"]), 12)
        bars.append((f"Ingat, {turns:,} turns, warm", median(taken["ours"]) * 1e3))
        bars.append((f"chroma look-up, {turns:,} turns", median(taken["peer"]) * 1e3))
    return bars


def _sides(
    memory: Memory, chroma: Chroma, embedder: Embedder, names: Sequence[str], talk: Talk, blocks: tuple[int, int]
) -> dict[str, tuple[Callable[[], Step], int]]:
    ours, theirs = itertools.cycle(names), itertools.cycle(names)

    def of_peer() -> Step:
        return chroma.step(next(theirs), embedder.encode([talk.question()])[0])

    return {
        "ours": (lambda: _ask(memory, next(ours), talk.question()), blocks[0]),
        "peer": (of_peer, blocks[1]),
    }


def _ask(memory: Memory, user_id: str, question: str) -> Step:
    return lambda: memory.recall(user_id, question)


def _tell(report: Report, size: str, taken: dict[str, list[list[float]]]) -> None:
    for name, rounds in (("Ingat", taken["ours"]), ("chroma look-up", taken["peer"])):
        report.figure(f"{name}, {size}", median(rounds) * 1e3, "ms", _tail(rounds))


def _tail(rounds: Rounds) -> str:
    return f"p99 {high(rounds) * 1e3:.3g} ms"


if __name__ == "__main__":
    main()
