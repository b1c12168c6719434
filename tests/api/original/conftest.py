"""One server for the tests of the wire format, and one for those that count what a whole store holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.original.wire import Wire
from tests.api.server import Server, running


@pytest.fixture(scope="session")
def server(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("original"), rate_limit_per_minute=0) as server:
        yield server


@pytest.fixture
def wire(server: Server) -> Wire:
    return Wire(server)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Wire]:
    """A client of a server that nobody else uses."""
    with running(tmp_path, rate_limit_per_minute=0) as server:
        yield Wire(server)


@pytest.fixture
def session(wire: Wire) -> str:
    return str(wire.session()["id"])
