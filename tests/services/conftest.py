"""A store with an audit trail, and what goes by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingat.core.secret import Secret
from ingat.services.audit import Audit
from ingat.services.sealer import Sealer
from ingat.store.contract import Store
from ingat.testing import TurnableClock
from tests.engine import store_url
from tests.services.trails import opened_at


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory."""
    made = tmp_path / "data"
    made.mkdir()
    return made


@pytest.fixture
def store(tmp_path: Path, clock: TurnableClock) -> Iterator[Store]:
    """A store in a file, with its tables and nothing in them."""
    opened = opened_at(store_url(tmp_path / "store.db"), clock)
    yield opened
    opened.close()


@pytest.fixture
def kept(store: Store, folder: Path, clock: TurnableClock) -> Audit:
    """The audit trail of the store."""
    return Audit(store, Secret(folder), clock)


@pytest.fixture
def sealer(store: Store, folder: Path, clock: TurnableClock) -> Sealer:
    """What seals the audit trail of the store."""
    return Sealer(store, Secret(folder), clock)
