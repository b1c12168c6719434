"""Context: 4,000 tokens of the newest messages, from sessions of 1,000 to 100,000, beside LangChain's trimming."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.kit.histories import LangChainHistory
from bench.kit.ours import MOST_AT_ONCE, url
from bench.kit.report import Report, folder, options, say
from bench.kit.sides import Step, high, in_turn, median
from bench.kit.talk import Talk
from ingat.core.tokens import MESSAGE_OVERHEAD_TOKENS, count_tokens
from ingat.memory import Memory

BUDGET = 4_000
SIZES = (1_000, 10_000, 100_000)
PEER_SIZE = 10_000
SAME = "LangChain trim_messages, the same counts,"
APPROXIMATE = "LangChain trim_messages, approximate,"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return how many goals were missed."""
    quick = options(__doc__, argv).quick
    sizes = SIZES[:2] if quick else SIZES
    report = Report("context", f"Context of {BUDGET:,} tokens: microseconds", quick=quick)
    with folder() as work, Memory(url(work / "context.db")) as memory:
        for size in sizes:
            say(f"a session of {size:,} messages")
            _write(memory, size)
        bars = _measured(report, work, memory, sizes, 6 if quick else 20)
    report.note(
        "The window is `memory.context(user, session, top_k=0)`: profile and newest messages, read from the store. With"
        " recall, it also embeds a question, ranks all of the user's turns and fits the best lines in. LangChain's"
        " trim_messages has its messages in RAM already; it counts tokens as we do, or approximately (a quarter of the"
        " characters), its fastest way."
    )
    return report.close(bars, "microseconds, p50")


def _write(memory: Memory, size: int) -> None:
    said = _chat(size)
    session = memory.sessions.create(f"u{size}", id=f"s{size}")
    for start in range(0, size, MOST_AT_ONCE):
        memory.sessions.append_many(session.id, said[start : start + MOST_AT_ONCE])
        assert memory.vectors is not None
        memory.vectors.flush()


def _chat(size: int) -> list[dict[str, str]]:
    talk = Talk(size)
    return [talk.exchange(place) for place in range(size)]


def _measured(report: Report, work: Path, memory: Memory, sizes: Sequence[int], rounds: int) -> list[tuple[str, float]]:
    talk = Talk(5)
    sides: dict[str, tuple[Callable[[], Step], int]] = {}
    for size in sizes:
        sides[f"Ingat window of {size:,}"] = (_window(memory, size), 50)
        sides[f"Ingat with recall of {size:,}"] = (_with_recall(memory, size, talk), 5)
    sides |= _langchain(work)
    in_turn(sides, 1)
    taken = in_turn(sides, rounds)
    for name, seconds in taken.items():
        report.figure(f"{name} messages", median(seconds) * 1e6, "µs", f"p99 {high(seconds) * 1e6:.0f} µs")
    for size in sizes:
        report.at_most(f"window of {size:,} messages, p50", median(taken[f"Ingat window of {size:,}"]) * 1e6, 150, "µs")
    ours = median(taken[f"Ingat window of {PEER_SIZE:,}"])
    for name in (SAME, APPROXIMATE):
        report.at_least(f"times as fast as {name[10:-1]}", median(taken[f"{name} of {PEER_SIZE:,}"]) / ours, 100)
    return [(name, median(seconds) * 1e6) for name, seconds in taken.items()]


def _window(memory: Memory, size: int) -> Callable[[], Step]:
    user_id, session_id, context = f"u{size}", f"s{size}", memory.context
    return lambda: lambda: context(user_id, session_id, budget=BUDGET, top_k=0)


def _with_recall(memory: Memory, size: int, talk: Talk) -> Callable[[], Step]:
    user_id, session_id, context = f"u{size}", f"s{size}", memory.context

    def prepare() -> Step:
        question = talk.question()
        return lambda: context(user_id, session_id, question, budget=BUDGET)

    return prepare


def _langchain(work: Path) -> dict[str, tuple[Callable[[], Step], int]]:
    warnings.simplefilter("ignore")
    from langchain_core.messages import AIMessage, HumanMessage, trim_messages

    texts = [said["content"] for said in _chat(PEER_SIZE)]
    messages: list[Any] = [(HumanMessage, AIMessage)[place % 2](content=text) for place, text in enumerate(texts)]
    history = LangChainHistory(work, sessions=1)
    history.fill(texts)

    def count(given: list[Any]) -> int:
        return sum(count_tokens(message.content) + MESSAGE_OVERHEAD_TOKENS for message in given)

    def trim(given: list[Any], counter: Any) -> object:
        return trim_messages(given, max_tokens=BUDGET, token_counter=counter, start_on="human")

    return {
        f"{SAME} of {PEER_SIZE:,}": (lambda: lambda: trim(messages, count), 1),
        f"{APPROXIMATE} of {PEER_SIZE:,}": (lambda: lambda: trim(messages, "approximate"), 1),
        f"LangChain SQL history and trim of {PEER_SIZE:,}": (lambda: lambda: trim(history.read(0), "approximate"), 1),
    }


if __name__ == "__main__":
    main()
