"""One server for all tests of pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.server import Server, running


@pytest.fixture(scope="session")
def server(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server"), rate_limit_per_minute=0) as server:
        yield server
