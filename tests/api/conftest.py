"""One server for all tests of this folder that need nothing special of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.api.server import Server, running


@pytest.fixture(scope="session")
def server(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server"), rate_limit_per_minute=0) as server:
        yield server


@pytest.fixture(scope="session")
def counter() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def new_user(server: Server, counter: Iterator[int]) -> Callable[[], str]:
    """Makes users that no other test has."""

    def make() -> str:
        return server.memory.users.save(f"user-{next(counter)}").user_id

    return make


@pytest.fixture
def user(new_user: Callable[[], str]) -> str:
    return new_user()


@pytest.fixture
def session(server: Server, user: str) -> str:
    return server.memory.sessions.create(user).id
