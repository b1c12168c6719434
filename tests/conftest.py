"""What holds for every test: slow ones only when asked for, and no verdict that depends on the machine's speed."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from ingat.memory import Memory
from ingat.testing import CountingEmbedder, TurnableClock, open_memory
from tests import postgres
from tests.engine import engines_of, on_engine

settings.register_profile("ingat", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ingat")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell that starts the tests in its background has Ctrl-C ignored by them, and by every program that they start
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the slow tests too, and on both engines what can be")
    parser.addoption(
        "--engine",
        choices=["sqlite", "postgres", "both"],
        help="the engines that all tests run on which can; by default both with --all, else both for the contract,"
        " services and lifecycle, and sqlite for the others",
    )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.choose_folder()


def pytest_unconfigure(config: pytest.Config) -> None:
    postgres.leave(last=not hasattr(config, "workerinput"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = engines_of(metafunc)
    if names != ("sqlite",):
        metafunc.parametrize("engine", names, indirect=True, scope="session")


@pytest.fixture(scope="session", autouse=True)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The engine of the stores that are opened by `open_memory` without a URL, or named by `tests.engine`.

    A fixture of a wider scope than a test asks for this one, so that it is made anew for each engine.
    """
    name: str = getattr(request, "param", "sqlite")
    with on_engine(name, tmp_path_factory):
        yield name


@pytest.fixture(autouse=True)
def stores(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The stores of this test alone, which are empty at its beginning and go at its end."""
    with on_engine(engine, tmp_path_factory):
        yield


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
