"""What holds for every test: slow ones only when asked for, and no verdict that depends on the machine's speed."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from ingat.memory import Memory
from ingat.testing import CountingEmbedder, TurnableClock, open_memory

settings.register_profile("ingat", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ingat")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell that starts the tests in its background has Ctrl-C ignored by them, and by every program that they start
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the slow tests too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--all"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def memory(clock: TurnableClock, embedder: CountingEmbedder) -> Iterator[Memory]:
    """A memory with nothing in it, that goes by `clock`."""
    with open_memory(now=clock, embedder=embedder) as opened:
        yield opened
