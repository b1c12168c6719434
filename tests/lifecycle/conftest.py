"""A memory with nothing in it, and the clock it goes by."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingat.memory import Memory
from ingat.testing import CountingEmbedder, TurnableClock, open_memory


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def memory(clock: TurnableClock, embedder: CountingEmbedder) -> Iterator[Memory]:
    with open_memory(now=clock, embedder=embedder) as opened:
        yield opened
