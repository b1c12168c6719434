"""Sides: ours and the peers, measured in turn so that all of them feel the same load of the machine."""

from __future__ import annotations

import gc
import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

Step = Callable[[], object]
Rounds = Sequence[Sequence[float]]


def in_turn(sides: Mapping[str, tuple[Callable[[], Step], int]], rounds: int) -> dict[str, list[list[float]]]:
    """Run a block of steps of each side, then of the next, for so many rounds; return the seconds of every step.

    A side is a function that prepares its next step, outside the measured time, and the number of steps in a block.
    """
    taken: dict[str, list[list[float]]] = {name: [] for name in sides}
    for turn in range(rounds):
        names = list(sides)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            prepare, block = sides[name]
            taken[name].append(_timed([prepare() for _ in range(block)]))
    return taken


def _timed(steps: Sequence[Step]) -> list[float]:
    found: list[float] = []
    gc.collect()
    gc.disable()
    try:
        for step in steps:
            started = perf_counter()
            step()
            found.append(perf_counter() - started)
    finally:
        gc.enable()
    return found


def median(rounds: Rounds) -> float:
    """Return the seconds of a step in the middle, over all rounds."""
    return statistics.median(itertools.chain.from_iterable(rounds))


def high(rounds: Rounds, percent: int = 99) -> float:
    """Return the seconds that so many percent of the steps do not exceed."""
    every = sorted(itertools.chain.from_iterable(rounds))
    return every[min(len(every) - 1, len(every) * percent // 100)]


def mean(rounds: Rounds) -> float:
    """Return the mean seconds of a step over all rounds, rare slow ones (a checkpoint) included."""
    return statistics.fmean(itertools.chain.from_iterable(rounds))


def rate(rounds: Rounds) -> float:
    """Return how many steps were done in a second of their time."""
    return 1 / mean(rounds)
