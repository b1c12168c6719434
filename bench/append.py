"""Durable appends: ours beside bare SQL and the peers, from an empty store to 100,000 messages, and the vectors."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, sleep

from bench.kit.bare import Bare
from bench.kit.histories import History, JsonFile, LangChainHistory, LangGraphStore, Mem0, TinyDb
from bench.kit.ours import Ours
from bench.kit.report import Report, folder, options, say
from bench.kit.sides import Step, in_turn, mean, median, rate
from bench.kit.talk import Talk
from ingat.search.embed.open import open_embedder
from ingat.services.vectors import BATCH

PACE = 2_000
"""Appends in a second while the vectors' lag is watched."""

Bars = list[tuple[str, float]]


class Pair:
    """Two stores with the same rows: one for ours, one for bare SQL."""

    def __init__(self, path: Path, texts: Sequence[str]) -> None:
        path.mkdir()
        other = Ours(path / "bare.db")
        other.fill(texts)
        other.memory.close()
        self.ours = Ours(path / "ours.db")
        self.ours.fill(texts)
        self.bare = Bare(path / "bare.db", other.sessions)

    def close(self) -> None:
        """Close both."""
        self.bare.close()
        self.ours.memory.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return how many goals were missed."""
    quick = options(__doc__, argv).quick
    report = Report("append", "Durable append of one message, NORMAL", quick=quick)
    texts = Talk().turns(10_000 if quick else 100_000)
    with folder() as work:
        bars = _beside_bare(report, work, texts, quick)
        bars += _beside_peers(report, work, texts, quick)
        _behind_the_appends(report, work, texts, quick)
    report.note(
        "Ours is `memory.sessions.append`: checks, token count, counters and recall terms in the transaction. Bare SQL"
        " writes the same rows, made beforehand, and returns nothing. Peers run with defaults of their own."
    )
    return report.close(bars, "messages per second")


def _beside_bare(report: Report, work: Path, texts: Sequence[str], quick: bool) -> Bars:
    """Measure ours and bare SQL at an empty and at a full store, in turn."""
    say("ours beside bare SQL")
    present = f"{len(texts):,} present"
    stores = {"empty": Pair(work / "empty", ()), present: Pair(work / "full", texts)}
    block = 250
    sides: dict[str, tuple[Callable[[], Step], int]] = {}
    for state, pair in stores.items():
        sides[f"Ingat, {state}"] = (_next(pair.ours.step, texts), block)
        sides[f"bare SQL, {state}"] = (_next(pair.bare.step, texts), block)
    in_turn(sides, 1)
    taken = in_turn(sides, 8 if quick else 24)
    for pair in stores.values():
        pair.close()
    for name, rounds in taken.items():
        report.figure(name, rate(rounds), "messages/s", f"p50 {median(rounds) * 1e6:.1f} µs")
    for state in stores:
        share = 100 * mean(taken[f"bare SQL, {state}"]) / mean(taken[f"Ingat, {state}"])
        report.at_least(f"share of bare SQL that writes the same rows, {state}", share, 60, "%")
    grown = median(taken[f"Ingat, {present}"]) / median(taken["Ingat, empty"])
    report.at_most(f"p50 with {present} to p50 of an empty store", grown, 1.2)
    return [(name, rate(rounds)) for name, rounds in taken.items()]


def _beside_peers(report: Report, work: Path, texts: Sequence[str], quick: bool) -> Bars:
    embedder = open_embedder("static")
    assert embedder is not None
    mem0 = Mem0(work, embedder)
    whole = len(texts)
    peers: list[tuple[str, History, int, int, float]] = [
        ("LangChain SQLChatMessageHistory", LangChainHistory(work), whole, 100, 5),
        ("LangGraph SqliteStore", LangGraphStore(work), whole, 100, 4),
        ("mem0 infer=False on qdrant", mem0, 500, 50, 10),
        ("TinyDB", TinyDb(work), whole, 1, 1_000),
        ("one JSON file", JsonFile(work), whole, 1, 1_000),
    ]
    ours = Ours(work / "beside.db")
    ours.fill(texts)
    our_next = _next(ours.step, texts)
    bars: Bars = []
    for name, peer, filled, block, target in peers:
        say(name)
        peer.fill(texts[:filled])
        sides = {"ours": (our_next, 500), "peer": (_next(peer.step, texts, filled), block)}
        in_turn(sides, 1)
        taken = in_turn(sides, 3 if quick or block == 1 else 8)
        label = f"{name}, {filled:,} present"
        report.figure(label, rate(taken["peer"]), "messages/s")
        report.at_least(f"times as fast as {label}", rate(taken["ours"]) / rate(taken["peer"]), target)
        bars.append((label, rate(taken["peer"])))
    mem0.close()
    ours.memory.close()
    if quick:
        report.note(f"The goals for TinyDB and the JSON file are for 100,000 messages; here there were {whole:,}.")
    report.note(
        "mem0 writes about 500 messages a second, so it is measured with 500 present; it has our static model as its"
        " embedder, a Qdrant folder as its store and its telemetry off."
    )
    return bars


def _behind_the_appends(report: Report, work: Path, texts: Sequence[str], quick: bool) -> None:
    """Measure how vectors follow appends that come as fast as they can, and at a steady pace."""
    say("vectors behind the appends")
    ours = Ours(work / "vectors.db", embedder="static")
    vectors = ours.memory.vectors
    assert vectors is not None
    advance = _next(ours.step, texts)
    advance()()
    vectors.flush()
    count = 4_000 if quick else 15_000
    steps = [advance() for _ in range(count)]
    started = perf_counter()
    for step in steps:
        step()
    appended = perf_counter()
    vectors.flush()
    report.figure("appends while vectors are made", count / (appended - started), "messages/s")
    report.at_least(
        "vectors made behind appends without a pause", count / (perf_counter() - started), 2_500, "messages/s"
    )
    lags = _lags_ms(advance, vectors.waiting, 3 if quick else 8)
    vectors.flush()
    missing = ours.memory.stats().vectors_missing
    ours.memory.close()
    report.figure(f"lag of vectors at {PACE:,} appends/s, middle", sorted(lags)[len(lags) // 2], "ms")
    report.at_most(f"lag of vectors at {PACE:,} appends/s, longest", max(lags), 1_000, "ms")
    report.at_most("entries without vectors in the end", missing, 0, "entries")


def _lags_ms(advance: Callable[[], Step], waiting: Callable[[], int], seconds: int) -> list[float]:
    """Append at a steady pace and return how old the oldest message without vectors was, after each batch of appends.

    A batch that has left the queue may not be stored yet, so one more is counted as missing.
    """
    written: deque[float] = deque()
    lags: list[float] = []
    started = perf_counter()
    for tick in range(seconds * 100):
        for step in [advance() for _ in range(PACE // 100)]:
            step()
            written.append(perf_counter())
        behind = waiting() + BATCH
        while len(written) > behind:
            written.popleft()
        lags.append((perf_counter() - written[0]) * 1_000)
        sleep(max(0.0, started + (tick + 1) / 100 - perf_counter()))
    return lags


def _next(step: Callable[[int, str], Step], texts: Sequence[str], first: int = 0) -> Callable[[], Step]:
    """Return a function that prepares one step after another, with the texts in rotation."""
    numbers = itertools.count(first)

    def prepare() -> Step:
        number = next(numbers)
        return step(number, texts[number % len(texts)])

    return prepare


if __name__ == "__main__":
    main()
