"""Every engine keeps the contract. A new one is added to `ENGINES`; nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ingat.core.errors import StoreClosed
from ingat.core.meter import Meter
from ingat.store.metered import MeteredStore
from ingat.store.open import open_store
from ingat.testing.contract import Engine, StoreContract
from tests import postgres


def on_postgres(_: Path) -> Engine:
    url = postgres.schemas().unmade()
    return Engine(lambda: open_store(url), text='TEXT COLLATE "C"', raw="BYTEA")


ENGINES: dict[str, Callable[[Path], Engine]] = {
    "sqlite-file": lambda folder: Engine(lambda: open_store(f"sqlite:///{folder}/store.db")),
    "postgres": on_postgres,
    "sqlite-memory": lambda _: Engine(lambda: open_store(":memory:"), shared=False, reads_beside_writes=False),
    "metered": lambda folder: Engine(lambda: MeteredStore(open_store(f"sqlite:///{folder}/store.db"), Meter())),
}


class TestStore(StoreContract):
    @pytest.fixture(params=ENGINES)
    def engine(self, request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
        return ENGINES[request.param](tmp_path)


@pytest.mark.parametrize("name", ENGINES)
def test_who_calls_inside_is_told_what_they_called_inside_what(name: str, tmp_path: Path) -> None:
    with closing(ENGINES[name](tmp_path).open()) as store:
        with pytest.raises(StoreClosed, match="read was called inside write"):
            store.write(lambda _: store.read(lambda _: None))
        with pytest.raises(StoreClosed, match="write was called inside write"):
            store.write(lambda _: store.write(lambda _: None))
        with pytest.raises(StoreClosed, match="write was called inside read"):
            store.read(lambda _: store.write(lambda _: None))
        with pytest.raises(StoreClosed, match="scrub was called inside read or write"):
            store.write(lambda _: store.scrub([]))
        with pytest.raises(StoreClosed, match="stays open"):
            store.write(lambda _: store.close())
